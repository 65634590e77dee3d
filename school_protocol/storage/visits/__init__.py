"""Visits to teams, the duty roster, and schools by what their teams lack: rows and queries."""
