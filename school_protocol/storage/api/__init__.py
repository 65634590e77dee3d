"""Tokens of other systems, and what was read by them."""
