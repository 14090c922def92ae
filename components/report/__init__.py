"""Writes the report of a run: a page of tables and figures, and the leaderboards of a model and its baselines."""
