"""Nothing of a case leaves by mail, by short message or in a calendar: words planted in every field, then sought."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from typing import Any

import icalendar
import pytest
from engine.telling import MOROCCAN, NOW
from sqlalchemy import select

from school_protocol.auth import access_codes
from school_protocol.auth import repository as auth_repository
from school_protocol.auth.models import AccountRow
from school_protocol.auth.own_account import tell_of_accounts
from school_protocol.cases.models import CaseIndexRow
from school_protocol.cases.story_player import throwaway
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import Unseen
from school_protocol.mail import Letter, Post
from school_protocol.notifications import digests, receivers
from school_protocol.notifications import service as notifications_service
from school_protocol.notifications.repository import Every
from school_protocol.storage.case_numbers import format_number
from services import test_every_field as every_field
from services.conftest import School
from services.lettering import refer
from services.test_calendar_feed import open_feed

WORD, IN_ARABIC = "zqsemé", "مزروعةق"
NAME, NAME_IN_ARABIC, MASSAR, PHONE = "Zaynabqa Ouhssaïnqa", "زينبق الوهسينق", "G908172635", "0661908172"
SAID_LONGEST = 15
"""So long is a text of the definition that can't stand in a message by chance."""


@dataclass
class Out:
    """Everything that left, each with what it is."""

    texts: list[tuple[str, str]]

    def carry(self, to: str, letter: Letter) -> None:
        assert to
        self.texts.append((f"message in {letter.language}", f"{letter.id}\n{letter.subject}\n{letter.text}"))


@dataclass
class Sown:
    """An installation with words planted in every field, and what must never leave it → what it is."""

    school: School
    secrets: Mapping[str, str]

    def found(self, out: Out) -> set[tuple[str, str]]:
        sought = {secret: secret.casefold() for secret in self.secrets}
        left = [(what, html.unescape(said).casefold()) for what, said in out.texts]
        return {(what, secret) for what, said in left for secret, folded in sought.items() if folded in said}


@pytest.fixture(scope="module")
def sown(moroccan: Protocol) -> Iterator[Sown]:
    with throwaway(moroccan, MOROCCAN.read_bytes(), NOW) as player:
        player.ctx = replace(player.ctx, settings=replace(player.ctx.settings, sms_hook="https://hook.example"))
        school = School(player, count(1))
        plain_mark, every_field.mark = every_field.mark, lambda number: f"{WORD}{number:04x}{IN_ARABIC}"
        try:
            filled = every_field.Filled(player)
            filled.tokens = count(1_000_000)
            filled.write_everything()
        finally:
            every_field.mark = plain_mark
        assert sum(len(one.cleaned) for one in filled.written) > 300
        school.report("reporter", what_happened=f"{WORD} {IN_ARABIC}", about_whom=_people()[:1], danger_now="yes")
        school.act("team_member", "add_person", persons=_people()[1:])
        school.act("head", "name_seat", seat="lead", account=school.account("team_member"), reason=WORD)
        school.act("team_member", "raise_danger", which_danger="blackmail")
        refer(school, "prosecutor")
        yield Sown(school, _secrets(school, moroccan))


def _people() -> list[dict[str, Any]]:
    return [
        {"slot": "targeted_pupil", "name": NAME, "massar": MASSAR},
        {"slot": "guardian", "name": NAME_IN_ARABIC, "phone": PHONE},
    ]


def _secrets(school: School, protocol: Protocol) -> dict[str, str]:
    found = dict.fromkeys((WORD, IN_ARABIC, MASSAR, PHONE), "a word that was typed")
    found |= dict.fromkeys((*NAME.split(), *NAME_IN_ARABIC.split()), "a name")
    with school.ctx.realm.reading() as session:
        for row in session.scalars(select(CaseIndexRow)):
            found |= {row.number: "a number", format_number(row.number): "a number", row.case_id: "a case’s id"}
    for said in _texts(protocol.model_dump()):
        if len(said) >= SAID_LONGEST:
            found.setdefault(said, "a text of the definition: what a case is about")
    for act in protocol.acts:
        if "_" in act:
            found.setdefault(act, "an act")
    return found


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in ("fr", "ar", "en") and isinstance(inner, str):
                yield inner
            else:
                yield from _texts(inner)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for inner in value:
            yield from _texts(inner)


def leave(sown: Sown, language: str) -> Out:
    """All that leaves within ten days, everybody reading that language, each told as often as can be."""
    school, out = sown.school, Out([])
    ctx = school.ctx
    everybody = _reached(school, language)
    for place, account in enumerate(everybody):
        actor = school.player.actor("head") if account == school.account("head") else _actor(ctx, account)
        receivers.choose(ctx, actor, list(Every)[place % 3], str(place % 7))
    with ctx.realm.writing() as session:
        for case_id in session.scalars(select(CaseIndexRow.case_id)).all():
            for to in ("head", "team_member", "team_coordinator", "directorate", "academy", "declarant"):
                for urgent in (False, True):
                    payload = {"case": case_id, "to": to, "move": "m", "urgent": urgent}
                    notifications_service.work_queue.put_message(session, "notify", payload, at=ctx.now())
    access_codes.invite_by_slip(ctx, school.person("head"), school.account("team_member/3"), ctx.now())
    post = Post(out, out)
    for _ in range(10):
        notifications_service.sweep(ctx, post)
        tell_of_accounts(ctx, post)
        school.player.clock.advance(timedelta(days=1))
    for account in everybody:
        actor = _actor(ctx, account)
        try:
            token = open_feed(ctx, actor)
        except Unseen:
            continue
        content = digests.read_feed(ctx, token).content
        dues = len(digests.due_moments(ctx, actor))
        out.texts.append((f"calendar of {dues}", icalendar.Calendar.from_ical(content).to_ical().decode()))
        out.texts.append(("calendar", content.replace(b"\r\n ", b"").decode()))
    return out


def _actor(ctx: Any, account: str) -> Any:
    with ctx.directory.reading() as session:
        return auth_repository.actor(session, account, realm="main", today=ctx.now().date())


def _reached(school: School, language: str) -> list[str]:
    school.person("team_member/3")
    with school.ctx.directory.writing() as session:
        rows = session.scalars(select(AccountRow).order_by(AccountRow.id)).all()
        for number, row in enumerate(rows):
            row.email, row.phone, row.language = f"{number}@exemple.invalid", f"+2126000000{number:02}", language
            row.password_hash = None
        return [row.id for row in rows]


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_nothing_of_a_case_leaves_the_house(sown: Sown, language: str) -> None:
    out = leave(sown, language)
    kinds = {what for what, _said in out.texts}
    assert sum(what.startswith("message") for what, _said in out.texts) > 20
    assert {"calendar", f"message in {'ar-MA' if language == 'ar' else language}"} <= kinds
    assert any(what.startswith("calendar of ") and what != "calendar of 0" for what in kinds), "there were dates"
    assert sown.found(out) == set()


@pytest.mark.exhaustive
@pytest.mark.parametrize("leak", ["number", "title", "name"])
def test_one_leak_is_found(sown: Sown, monkeypatch: pytest.MonkeyPatch, leak: str) -> None:
    """The control: a digest says a number of a case, a calendar what is due, a message a name."""
    if leak == "number":
        how_many = notifications_service.how_many
        monkeypatch.setattr(notifications_service, "how_many", lambda w, n: f"{how_many(w, n)} {sown.school.number}")
    elif leak == "title":
        said = max((act.title.in_language("fr") for act in sown.school.player.protocol.acts.values()), key=len)
        plain, title = digests._written, b"SUMMARY:" + said.encode() + b" "
        monkeypatch.setattr(digests, "_written", lambda w, *more: plain(w, *more).replace(b"SUMMARY:", title))
        assert len(said) >= SAID_LONGEST
    else:
        letter = notifications_service.letter_of
        monkeypatch.setattr(
            notifications_service, "letter_of", lambda *given: replace(letter(*given), subject=f"{NAME} !")
        )
    found = sown.found(leave(sown, "fr"))
    assert {what.split()[0] for what, _secret in found} == {"calendar" if leak == "title" else "message"}
