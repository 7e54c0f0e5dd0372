"""Where recordings go: each sink empties an outbox, and none knows of recordings."""
