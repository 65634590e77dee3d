"""Under which drawn mark what is done now stands in the process’s own log: one request, one mark for all its lines."""

from __future__ import annotations

from contextvars import ContextVar

REQUEST: ContextVar[str] = ContextVar("request", default="")
"""Empty outside of a request. It is drawn here: what a visitor's headers say is never taken for it."""
