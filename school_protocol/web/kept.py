"""What somebody typed into a form that could not be taken: kept as a sealed draft until the same person is back.

A page with a form asks `typed_before()` when it is shown, and calls `forget()` once the form was taken.
"""

from __future__ import annotations

from flask import request
from flask_wtf.csrf import CSRFError
from werkzeug.datastructures import MultiDict

from school_protocol.services import drafts
from school_protocol.web import sessions


class KeptForOwner(CSRFError):  # type: ignore[misc]
    """A form shown to somebody else than who sends it: nothing is recorded, its words wait for its owner."""


NEVER_KEPT = frozenset({"csrf_token", sessions.OWNER, "password", "token", "expected"})


def as_typed() -> dict[str, list[str]]:
    """The form of this request as it was typed and chosen, without what the page itself put there."""
    return {key: values for key, values in request.form.lists() if key not in NEVER_KEPT}


def keep() -> str | None:
    """Keep the form of this request for the account that it was shown to, and say which; None if nothing was kept.

    Somebody else may be signed in on this browser by now: what was typed is not theirs to read.
    """
    typed = {key: values for key, values in as_typed().items() if any(values)}
    owner = sessions.owner_of_form()
    if owner is None or not typed or request.blueprint in (None, "sign_in", "account", "desk"):
        return None
    drafts.keep_draft(sessions.house(), owner, request.path, typed)
    return owner


def typed_before(account: str) -> MultiDict[str, str] | None:
    """What this person typed into the form at this address before it was interrupted, as a form's own values."""
    found = drafts.find_draft(sessions.house(), account, request.path)
    if not found:
        return None
    return MultiDict((key, value) for key, values in found.items() for value in values)


def forget(account: str, path: str | None = None) -> None:
    """The form at this address (or at `path`) was taken, or isn't wanted any more: nothing has to wait."""
    drafts.drop_draft(sessions.house(), account, path or request.path)
