"""Functions that two or more steps share."""
