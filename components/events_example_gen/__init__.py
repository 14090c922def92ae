"""Events in: any CSV or Parquet, or a published format, one `tf.Example` an event."""
