"""The protocol engine: a definition's model, events, the fold of a case, facts, deadlines, decisions. Pure: no I/O, no clock."""
