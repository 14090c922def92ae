"""Reads files of ratings and events into valid rows and rejected ones, with the reason of their rejection.

All commands read through this package; it needs neither Beam, which only distributes the work, nor TensorFlow.
"""
