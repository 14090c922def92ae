"""The `tuner_fn` that TFX's Tuner calls to search settings."""
