"""Settings chosen on validation ratings: a search space, trials, and a search that can be stopped anywhere."""
