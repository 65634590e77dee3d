"""What other systems may read, by token: who makes tokens, what each reads, and that it was read."""
