"""Reads ratings from CSV or Parquet, splits them by time, and writes one `tf.Example` per rating."""
