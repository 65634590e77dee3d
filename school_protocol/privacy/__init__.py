"""Retention, rights, holds, emergency access, who sees what, evidence files."""
