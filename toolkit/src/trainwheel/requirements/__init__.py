"""Pipfile, lock and the file that lists requirements: pure functions from text to text."""
