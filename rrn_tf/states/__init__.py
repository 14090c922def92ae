"""States of users and items: how they move with ratings and events, and what a saved model keeps of them."""
