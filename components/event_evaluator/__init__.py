"""What blesses a Collaborative RNN: its loss on the held-out events, beside n-grams and the latest blessed model."""
