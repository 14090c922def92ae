"""Hyperparameter search on validation data: a search space, trials, and a search that can be resumed."""
