"""Hidden states of users and items: how ratings and events update them, and the snapshots that models save."""
