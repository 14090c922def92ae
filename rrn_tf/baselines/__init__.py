"""Baselines: models of ratings and of events that our networks are compared with, and the code that both share."""
