"""The wheel as a file: open, finish, record, search for leaks, what it says of itself."""
