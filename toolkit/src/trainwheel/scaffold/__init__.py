"""What ``trainwheel init`` writes, with its template."""
