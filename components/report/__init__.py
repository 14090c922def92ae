"""The leaderboard of a run: RRN beside its baselines on the same test ratings."""
