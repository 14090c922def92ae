"""Reads files of ratings and events by Beam, and collects rejected rows."""
