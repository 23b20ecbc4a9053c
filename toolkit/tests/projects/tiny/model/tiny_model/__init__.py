"""A model that doubles a number."""
