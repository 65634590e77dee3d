"""Accounts, sign-in, second factor, sessions, permissions, appointments."""
