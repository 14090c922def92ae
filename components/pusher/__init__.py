"""Copies a blessed model into a directory that a server watches, whole or not at all."""
