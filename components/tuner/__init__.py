"""Tuning: the `tuner_fn` that TFX's Tuner calls."""
