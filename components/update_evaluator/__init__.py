"""What blesses an updated model."""
