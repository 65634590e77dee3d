"""Workshops: scenarios played on the very engine that real cases go through."""
