"""Builds the sequences of users and items from ratings or events."""
