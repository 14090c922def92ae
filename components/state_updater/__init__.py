"""Updates the states of a base model by the ratings or events of a new span, without retraining."""
