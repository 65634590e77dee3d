"""Figures that identify nobody: counts, releases, campaign page, yearly report."""
