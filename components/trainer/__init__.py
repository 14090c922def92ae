"""Training: the `run_fn` that TFX's Trainer calls."""
