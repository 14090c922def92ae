"""Reads events from CSV, Parquet or a published format into `tf.Example`s, one per event."""
