"""What anybody tells the school without an account, and what the school does with it."""
