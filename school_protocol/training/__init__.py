"""Workshops: scenarios, rooms, tables, debrief, attestations."""
