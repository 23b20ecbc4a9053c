"""Metrics into a verdict, and the report's content; pure."""
