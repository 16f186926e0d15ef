"""Messages to people: channels, the outbox, delivery."""
