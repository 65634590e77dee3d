"""The register of referrals: narrowed by what stands in its address, so that it can be kept, sent and come back to."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import render_template, request
from flask.typing import ResponseReturnValue

from school_protocol.domain.phrases import N_
from school_protocol.domain.policy import Permission
from school_protocol.services.referrals import seeing
from school_protocol.services.referrals.seeing import Wanted
from school_protocol.storage.referrals.register import CURSOR_MOST
from school_protocol.web import sessions
from school_protocol.web.forms import Problem
from school_protocol.web.questions import day_typed
from school_protocol.web.rendering import wording
from school_protocol.web.routing import Pages

blueprint = Pages("referrals", __name__, asks=Permission.see_referrals, url_prefix="/referrals")
blueprint.entry(N_("Referrals"), 40, within=("referrals", "contacts"))


@blueprint.get("")
def index() -> ResponseReturnValue:
    """One page of the register; what can't be understood of its address is said, and left aside."""
    since, typed = _since()
    wanted = Wanted(
        show=show if (show := request.args.get("show", "")) in seeing.SHOWN else seeing.WAITING,
        target=request.args.get("target", "")[:80],
        whom=request.args.get("whom", "").strip()[:120],
        place=request.args.get("place", "").strip().upper()[:40],
        since=since,
    )
    after = request.args.get("after", "")[: CURSOR_MOST + 1]
    view = seeing.see_register(sessions.house(), sessions.actor(), wanted, after)
    problems = [*_of_day(since, typed), *_of_place(wanted, view.is_place_known)]
    return render_template(
        "referrals/index.html",
        view=view,
        typed=typed,
        place_typed=wanted.place,
        problems=problems,
        kept=_kept(view.wanted),
    )


def _since() -> tuple[date | None, str]:
    typed = request.args.get("since", "").strip()[:20]
    return day_typed(typed), typed


def _of_day(since: date | None, typed: str) -> list[Problem]:
    return [Problem("since", wording()._("Sent since"), "not_a_date")] if typed and since is None else []


def _of_place(wanted: Wanted, is_known: bool) -> list[Problem]:
    if not wanted.place or is_known:
        return []
    w = wording()
    said = w._("No school or province of yours has the code %(code)s. All are shown below.", code=wanted.place)
    return [Problem("place", w._("School or province"), f"refused:{said}")]


def _kept(wanted: Wanted) -> dict[str, Any]:
    """What a link to the same register says, its page aside."""
    return {
        "target": wanted.target or None,
        "whom": wanted.whom or None,
        "place": wanted.place or None,
        "since": wanted.since.isoformat() if wanted.since else None,
    }
