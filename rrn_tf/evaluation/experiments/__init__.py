"""The tables and figures of a report: one module each in `ratings` and `events`, found by `registry`."""
