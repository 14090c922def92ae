"""Builds users' sequences from event Examples."""
