"""How often people are told, the addresses of their calendars, and the mails that a demo shows."""
