"""Who is notified of what: messages, digests, calendar feeds."""
