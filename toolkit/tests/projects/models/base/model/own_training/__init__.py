"""Trains the model; it is not shipped."""
