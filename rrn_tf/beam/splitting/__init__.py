"""Finds duplicate rows, and splits ratings by time."""
