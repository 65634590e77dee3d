"""The teams of a region: who is certified until when, visits to them, and who is on duty at night."""
