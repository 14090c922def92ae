"""Models of events to beat: one fit/score protocol."""
