"""HTML to tagged archival PDF, signed and verified. Knows nothing of cases."""
