"""One tap takes back what one has just recorded by mistake."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from school_protocol.domain.engine import Reason
from school_protocol.domain.errors import Conflict, Refused, SentBefore, Unseen
from school_protocol.domain.policy import Permission
from school_protocol.services import showing, undoing
from school_protocol.services.views import ConflictView
from school_protocol.web import sessions
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages

blueprint = Pages("cases", __name__, part="undoing", asks=Permission.see_case, url_prefix="/cases")

MOST = 10**9


@blueprint.app_template_global("one_time_token")
def _one_time_token() -> str:
    return secrets.token_urlsafe(24)


@blueprint.route("/<number>/entries/<int:seq>/undo", methods=["GET", "POST"])
def undo(number: str, seq: int) -> ResponseReturnValue:
    if seq > MOST:
        raise Unseen(number)
    if request.method != "POST":
        return _page(number, seq)
    try:
        done = undoing.take_back(
            sessions.house(), sessions.actor(), number, seq, expected=_expected(), token=_token_sent()
        )
    except Refused as error:
        return _page(number, seq, reasons=error.reasons, status=409)
    except Conflict as error:
        news = showing.what_is_new(sessions.house(), sessions.actor(), number, error.expected)
        return _page(number, seq, news=news, status=409)
    except SentBefore:
        return _page(number, seq, status=409)
    w = wording()
    if done.repeated:
        flash(w._("This entry was taken back already."), "message")
    else:
        flash(w._("Taken back. The entry stays in the chronology, and nothing rests on it any more."), "ok")
    return redirect(url_for("cases.show", number=number), 303)


def _expected() -> int:
    """The latest event that the page knew of; 0 where it doesn't say, which asks again."""
    sent = request.form.get("expected", "")
    return int(sent) if sent.isdecimal() and len(sent) < 10 else 0


def _token_sent() -> str:
    return request.form.get("token", "")[:200] or _one_time_token()


def _page(
    number: str, seq: int, *, reasons: Sequence[Reason] = (), news: ConflictView | None = None, status: int = 200
) -> ResponseReturnValue:
    """The entry with its button; or why it can't be taken back, and what to do instead."""
    head, record = showing.see_record(sessions.house(), sessions.actor(), number, seq)
    if record.undo_until is None and not reasons:
        return redirect(url_for("cases.entry", number=number, seq=seq), 303)
    page = render_template("cases/undo.html", head=head, record=record, reasons=reasons, news=news, names=head.labels)
    return page, status
