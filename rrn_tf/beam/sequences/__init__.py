"""From rows to the sequences of users and items."""
