"""The protocol engine: definition model, events, fold, facts, deadlines, decisions. Pure: no I/O, no clock."""
