"""Builds user and item `SequenceExample`s from rating Examples of all splits."""
