"""Make what the documentation shows of the code: tables and drawings."""
