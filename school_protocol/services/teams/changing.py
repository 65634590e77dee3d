"""What every change of a team asks and writes: a reason, a day, an appointment of the school; a row that stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from school_protocol.domain.engine import Reason
from school_protocol.domain.errors import Refused, Unseen
from school_protocol.domain.policy import Actor
from school_protocol.services.house import House
from school_protocol.services.loading import today_for
from school_protocol.services.teams.team import Place, declared
from school_protocol.storage import administration, directory
from school_protocol.storage.administration import Change, Kind, Post
from school_protocol.storage.engines import Session

SENTENCE_MOST = 200
YEAR = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a change can't be made now, with what its sentence names."""

    code: str
    name: str = ""
    starts: date | None = None
    ends: date | None = None


class TeamRefused(Refused):
    """A change of the team that can't be made now; `obstacles` say why."""

    def __init__(self, *obstacles: Obstacle) -> None:
        self.obstacles = obstacles
        super().__init__(tuple(Reason(one.code) for one in obstacles))


@dataclass(frozen=True, slots=True)
class Changed:
    """What a press changed; `repeated` where an earlier press had done it. `at_once`: it holds already."""

    name: str
    at_once: bool
    is_self: bool = False
    orphans: int = 0
    repeated: bool = False


# ---- answers -----------------------------------------------------------------------------------------------------


def day_of(text: str | None, key: str, problems: dict[str, tuple[str, ...]], today: date) -> date | None:
    """The day that was written, from today to a year ahead; else None, and what is wrong with it."""
    if not (text or "").strip():
        problems[key] = ("required",)
        return None
    try:
        found = date.fromisoformat(str(text).strip())
    except ValueError:
        problems[key] = ("not_a_date",)
        return None
    if found < today:
        problems[key] = ("in_the_past",)
    elif found > today + YEAR:
        problems[key] = ("too_far_ahead",)
    return None if key in problems else found


def check_reason(
    reason: str | None, sentence: str | None, known: Sequence[str], problems: dict[str, tuple[str, ...]]
) -> None:
    if reason not in known:
        problems["reason"] = ("unknown_option" if reason else "required",)
    if reason == "other" and not (sentence or "").strip():
        problems["sentence"] = ("required",)
    if len(plain(sentence)) > SENTENCE_MOST:
        problems["sentence"] = (f"too_long:{SENTENCE_MOST}",)


def plain(sentence: str | None) -> str:
    """One line, without what no screen shows."""
    return " ".join("".join(each if each.isprintable() else " " for each in sentence or "").split())


def post_of(session: Session, house: House, here: Place, post: str) -> Post:
    known = declared(house)
    for one in administration.posts(session, [here.unit.id], since=today_for(house)):
        if one.id == post and one.role in known:
            return one
    raise Unseen(post)


def again(house: House, actor: Actor, before: Mapping[str, object]) -> Changed:
    account = str(before["account"])
    orphans = before["orphans"]
    return Changed(
        name_in(house, actor, account),
        bool(before["at_once"]),
        account == actor.id,
        orphans if isinstance(orphans, int) else 0,
        repeated=True,
    )


def name_in(house: House, actor: Actor, account: str) -> str:
    with house.directory.reading() as session:
        found = directory.account(session, account)
    return found.name(actor.language) if found else "—"


# ---- written down ------------------------------------------------------------------------------------------------


def withdraw(
    session: Session, house: House, actor: Actor, post: Post, kind: Kind, reason: str | None, sentence: str | None
) -> None:
    """An appointment counts no more, from now on."""
    today = today_for(house)
    directory.end_appointment(session, post.id, max(post.starts, today))
    write_down(
        session, house, actor, kind, post.unit, post.account.id, post.role, post.id, reason, sentence, ends=today,
    )  # fmt: skip


def write_down(
    session: Session,
    house: House,
    actor: Actor,
    kind: Kind,
    unit: str,
    account: str,
    role: str,
    post: str | None,
    reason: str | None,
    sentence: str | None,
    *,
    other: str | None = None,
    number: str | None = None,
    starts: date | None = None,
    ends: date | None = None,
) -> None:
    administration.write(
        session,
        Change(
            at=house.now(), actor=actor.id, kind=kind, unit=unit, account=account, role=role, appointment=post,
            reason=reason or "", sentence=plain(sentence), other=other, number=number, starts=starts, ends=ends,
        ),
    )  # fmt: skip
