"""A base model and the ratings of a new span in, the model with its states rolled on out; nothing is retrained."""
