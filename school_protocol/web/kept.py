"""What somebody typed into a form that could not be taken: kept as a sealed draft until the same person is back.

A page with a form asks `typed_before()` when it is shown, and calls `forget()` once the form was taken.
"""

from __future__ import annotations

from flask import request
from werkzeug.datastructures import MultiDict

from school_protocol.services import drafts
from school_protocol.web import sessions

NEVER_KEPT = frozenset({"csrf_token", "password", "token", "expected"})


def keep_for(account: str | None) -> bool:
    """Keep the form of this request for `account`; True if there was anything to keep, and somebody to keep it for."""
    typed = {key: values for key, values in request.form.lists() if key not in NEVER_KEPT and any(values)}
    if account is None or not typed or request.blueprint in (None, "sign_in", "desk"):
        return False
    drafts.keep_draft(sessions.house(), account, request.path, typed)
    return True


def typed_before(account: str) -> MultiDict[str, str] | None:
    """What this person typed into the form at this address before it was interrupted, as a form's own values."""
    found = drafts.find_draft(sessions.house(), account, request.path)
    if not found:
        return None
    return MultiDict((key, value) for key, values in found.items() for value in values)


def forget(account: str) -> None:
    """The form at this address was taken: nothing has to wait any more."""
    drafts.drop_draft(sessions.house(), account, request.path)
