"""One function is one use case and one transaction: load, decide, append, commit."""
