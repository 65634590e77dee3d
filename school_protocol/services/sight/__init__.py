"""Who sees a case, and why: names lifted for a time, doors broken in an emergency, and the page that tells."""
