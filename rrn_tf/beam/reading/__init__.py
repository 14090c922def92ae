"""Files of ratings and events, and what is wrong with their rows."""
