"""Messages to recipients through senders."""
