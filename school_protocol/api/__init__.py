"""What other systems read, by token."""
