"""What cases add to figures: each case's share, the counters that it is part of, and what erased cases left in them."""
