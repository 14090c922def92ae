"""The report of a run: one page with the tables and figures of `rrn_tf.evaluation.experiments`."""
