"""The `run_fn` that TFX's Trainer calls to train a model."""
