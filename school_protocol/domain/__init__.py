"""The rules: pure functions on plain values; cannot do any I/O, nor ask what time it is."""
