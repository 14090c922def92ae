"""Damages what `rrn train` leaves, one file at a time, and counts what becomes of it."""
