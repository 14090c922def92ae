"""Files of ratings and events: what their rows say, and what is wrong with those that cannot be used.

Every command reads through this package; it needs neither Beam, which only spreads the work, nor TensorFlow.
"""
