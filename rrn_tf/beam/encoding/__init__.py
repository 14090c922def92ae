"""Bytes of examples, sequence examples and TFRecord files."""
