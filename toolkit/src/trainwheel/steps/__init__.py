"""One file a step: what it needs, what makes it stale, what it does, what it reports."""
