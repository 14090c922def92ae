"""Repeated rows, and the split by time."""
