"""Referrals over many schools, for whoever chases them; and whom to call, as an academy keeps it."""
