"""Train the model that `oncology_model` ships; nothing of this is shipped itself."""
