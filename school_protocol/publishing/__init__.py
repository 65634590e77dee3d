"""Drafts of a definition, the gate, publishing, and moving one case to another version."""
