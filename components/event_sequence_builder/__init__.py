"""Event Examples in, sequences of users out."""
