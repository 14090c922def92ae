"""Writes the leaderboard of a run: RRN and its baselines on the same test ratings."""
