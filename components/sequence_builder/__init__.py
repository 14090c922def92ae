"""Sequences: rating Examples of all splits to user and item `SequenceExample`s."""
