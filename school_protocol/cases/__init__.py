"""The team's work: open, record, move, correct, undo, share and hand over a case; its list, search, week and help."""
