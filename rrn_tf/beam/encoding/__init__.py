"""Encodes examples and sequence examples as bytes, and writes them to TFRecord files."""
