"""What waits for whoever reviews: rows of the index, written anew with it from the events."""
