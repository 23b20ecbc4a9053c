"""Environments, locks and wheelhouses, filled by uv, pip and pipenv."""
