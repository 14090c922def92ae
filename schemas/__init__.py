"""Schemas of ratings, events and sequences (`tensorflow_metadata`), shipped as package data."""
