"""Models to beat: of ratings, of events, and what both share."""
