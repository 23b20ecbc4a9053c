"""Trains it."""
