"""Blesses a Collaborative RNN by its loss on held-out events, compared with n-grams and the latest blessed model."""
