"""Whether a step is stale; running it, keeping and restoring what it made."""
