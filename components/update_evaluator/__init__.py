"""Decides whether to bless an updated model."""
