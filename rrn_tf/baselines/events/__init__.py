"""Baselines that predict the next item; all of them follow one protocol for fitting and scoring."""
