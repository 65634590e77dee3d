"""Referrals of all cases, one row each beside the index row: to whom, when, answered or not; nobody is named."""
