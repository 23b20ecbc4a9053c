"""Pipfile, lock and the file that lists requirements: text in, text out; pure."""
