"""Definitions as files: reader, checks, difference, drawing, blank forms, wording sheet."""
