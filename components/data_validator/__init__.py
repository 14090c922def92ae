"""Finds faults of data by a schema, by earlier statistics and by the model that is to be updated."""
