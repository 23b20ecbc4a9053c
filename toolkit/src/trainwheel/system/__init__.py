"""The only code that starts processes, reads variables, prints, locks, asks git or the clock."""
