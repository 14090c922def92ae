"""Tuning: the functions that TFX's Tuner calls."""
