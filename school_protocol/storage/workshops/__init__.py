"""Workshops: the list of them in the directory, and what happens in each of their rooms, in a store of its own."""
