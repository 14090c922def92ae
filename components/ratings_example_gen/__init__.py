"""Ratings in: any CSV or Parquet, split by time, one `tf.Example` a rating."""
