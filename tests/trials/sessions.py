"""Whom nobody let in: every token, code and link that is over, somebody else's, or made up, tried at the doors.

The planted faults are doors left open on purpose: a session that outlives its password, a code that counts twice, and
so on. A trial that did not see them would see nothing.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Any
from unittest.mock import patch

from school_protocol.auth import access_codes, passkeys, sign_in_repository, sign_in_service
from school_protocol.auth import models as auth_models
from school_protocol.auth import repository as auth_repository
from school_protocol.auth.sign_in_repository import Stage
from trials import session_doors as at
from trials.frame import Outcome, Size, Trial
from trials.session_doors import DOORS, Door, Place, place_in

# ---- faults planted on purpose ---------------------------------------------------------------------------------------


def _nothing(*_args: object, **_named: object) -> None:
    """In the place of what ends something."""


def _true(*_args: object, **_named: object) -> bool:
    return True


PLANTED: tuple[tuple[Door, Callable[[], Any]], ...] = (
    (at.after_the_password_changed, lambda: patch.object(sign_in_repository, "close_web_sessions", lambda *_all: None)),
    (at.signed_out, lambda: patch.object(sign_in_repository, "close_web_session", lambda *_all: None)),
    (at.idle, lambda: patch.object(sign_in_repository, "_is_idle", lambda *_all: False)),
    (at.from_the_future, lambda: patch.object(sign_in_repository, "CLOCK_SLACK", timedelta(days=9))),
    (at.half_way, lambda: patch.object(sign_in_service, "_awaited", lambda *_all: Stage.full)),
    (
        at.phone_code_twice,
        lambda: patch.multiple(sign_in_repository, use_step=_true, seed_of=_never_used(sign_in_repository.seed_of)),
    ),
    (at.recovery_code_twice, lambda: patch.object(sign_in_repository, "use_recovery", _true)),
    (at.passkey_answer_twice, lambda: patch.multiple(passkeys, _is_ours=_true, proving=_forgetful())),
    (
        at.invitation_twice,
        lambda: patch.multiple(sign_in_repository, find_code=_reused(), use_code=_reused(), drop_codes=_nothing),
    ),
    (at.slip_for_somebody_above, lambda: patch.object(access_codes, "helped", _helps_everybody)),
    (at.restored_by_one, lambda: patch.object(sign_in_repository, "agree_to_restoration", _true)),
    (at.weak_first_password, lambda: patch.object(access_codes, "check_new", lambda *_all: None)),
)
"""A door, and how it is left open."""


def _never_used(real: Callable[..., Any]) -> Callable[..., Any]:
    def seed(*args: Any, **named: Any) -> Any:
        found = real(*args, **named)
        return found and sign_in_repository.Seed(found.secret, -1, found.created_at)

    return seed


def _reused() -> Callable[..., Any]:
    """The code, whether it was used or not."""

    def code(session: Any, hashed: bytes, **_named: Any) -> Any:
        row = session.scalars(
            sign_in_repository.select(auth_models.OneTimeCodeRow).filter_by(hashed=hashed)
        ).one_or_none()
        return sign_in_repository._code(row) if row else None

    return code


class _forgetful:
    """Passkeys whose counter never moves."""

    def __getattr__(self, name: str) -> Any:
        return (lambda *_all, **_named: None) if name == "use_passkey" else getattr(sign_in_repository, name)


def _helps_everybody(session: Any, _ctx: Any, _by: Any, account: str) -> Any:
    return auth_repository.account(session, account)


# ---- run -------------------------------------------------------------------------------------------------------------


def run(size: Size, folder: Path) -> Outcome:
    """Every door once, or often; then some of them left open."""
    rounds, doors = (1, DOORS[::8]) if size is Size.short else (3, DOORS)
    planted = PLANTED[:2] if size is Size.short else PLANTED
    faults, tried = [], 0
    with place_in(folder) as place:
        for _round in range(rounds):
            for door in doors:
                tried += 1
                if door(place):
                    faults.append(f"somebody got in: {door.__name__}")
                place.reopen("head")
        found = sum(_is_seen(place, door, open_it) for door, open_it in planted)
        unit = "ways in that are nobody's"
        if size is Size.whole:
            unit += f" (a known name takes {ratio(place):.2f} of an unknown one’s time)"
    return Outcome(tried, unit, tuple(faults), len(planted), found)


def _is_seen(place: Place, door: Door, open_it: Callable[[], Any]) -> bool:
    place.fresh("head")
    with open_it():
        return door(place)


def ratio(place: Place, tries: int = 60) -> float:
    """How long a wrong password of a known name takes, over that of a name nobody has."""
    place.fresh("head")
    known = place.username("head")
    taken: dict[bool, list[float]] = {True: [], False: []}
    for number in range(tries * 2):
        is_known = bool(number % 2)
        visitor, begun = place.visitor, perf_counter()
        sign_in_service.sign_in(place.ctx, known if is_known else f"nobody-{number}", "x" * 12, visitor)
        taken[is_known].append(perf_counter() - begun)
    return statistics.median(taken[True]) / statistics.median(taken[False])


TRIALS = (Trial("sessions", "tokens, codes and links that are nobody's any more let nobody in", 120, run),)
