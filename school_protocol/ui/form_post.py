"""Forms as they are posted: what could not be recorded yet is kept as a sealed draft for the same person alone."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from flask import request
from flask_wtf.csrf import CSRFError
from werkzeug.datastructures import MultiDict

from school_protocol.context import House
from school_protocol.storage import idempotency
from school_protocol.ui import sessions
from school_protocol.ui.fields import Posted
from school_protocol.ui.forms import OwnForm


def keep_draft(house: House, account: str, key: str, answers: Mapping[str, Any]) -> None:
    """Keep what this person typed at `key`, in place of an earlier draft there."""
    with house.realm.writing(together=True) as session:
        idempotency.keep_draft(session, house.vault, account, key[:200], answers, at=house.now())


def find_draft(house: House, account: str, key: str) -> dict[str, Any] | None:
    """What this person had typed at `key`."""
    with house.realm.reading() as session:
        found = idempotency.draft(session, house.vault, account, key[:200])
    return dict(found.answers) if found else None


def drop_draft(house: House, account: str, key: str) -> None:
    """Forget it: it is recorded now."""
    with house.realm.writing(together=True) as session:
        idempotency.drop_draft(session, account, key[:200])


# ---- a form as it was sent, and its token --------------------------------------------------------------------------


def is_sent() -> bool:
    """Whether the form was sent to be recorded; a press on “add a line” only shows it again."""
    return request.method == "POST" and "more" not in request.form


def as_sent() -> Posted:
    """The form of this request. One that doesn't say what it had seen has seen nothing."""
    sent = Posted(request.form)
    sent["expected"] = sent.get("expected") or "0"
    return sent


def new_token() -> str:
    return secrets.token_urlsafe(24)


def renewed(form: OwnForm) -> None:
    """A token of its own for words that were not recorded with the form's first one."""
    form.token.data = new_token()


def one_for_each(choice: str) -> str:
    """The form's token, of its own for each button: going back to press another one is not pressing twice."""
    token = request.form.get("token") or new_token()
    return f"{token[:100]}.{choice[:60]}"


# ---- keeping and showing again -------------------------------------------------------------------------------------
# A page with a form asks `typed_before()` when it is shown, and calls `forget()` once the form was taken.


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
    keep_draft(sessions.house(), owner, request.path, typed)
    return owner


def typed_before(account: str) -> MultiDict[str, str] | None:
    """What this person typed into the form at this address before it was interrupted, as a form's own values."""
    found = find_draft(sessions.house(), account, request.path)
    if not found:
        return None
    return MultiDict((key, value) for key, values in found.items() for value in values)


def forget(account: str, path: str | None = None) -> None:
    """The form at this address (or at `path`) was taken, or isn't wanted any more: nothing has to wait."""
    drop_draft(sessions.house(), account, path or request.path)
