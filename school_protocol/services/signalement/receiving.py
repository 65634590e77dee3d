"""Somebody tells the school: the form, and what becomes of it as it is sent. No account, no session, no cookie.

Nothing that is kept says more of the time than the hour, and nothing of from where. Sent twice, a form is one report.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from school_protocol.domain.answers import References, answer_values, clean
from school_protocol.domain.errors import BadInput, Unseen
from school_protocol.domain.forms import Form
from school_protocol.domain.policy import Unit
from school_protocol.domain.protocol import Protocol
from school_protocol.domain.public_reports import (
    Status,
    alike_texts,
    is_never_to_send,
    named_in,
    names_said,
    opens_again,
    roles_said,
    says_any,
    weigh,
)
from school_protocol.domain.receipt_codes import hour_of, in_groups
from school_protocol.domain.signalement_rules import SignalementRules
from school_protocol.domain.texts import Text
from school_protocol.services.directory import calendar_of, contact_lines
from school_protocol.services.going_live.gate import refuse_unopened
from school_protocol.services.house import House
from school_protocol.services.loading import today_for
from school_protocol.services.signalement import challenge, limits, tokens
from school_protocol.services.signalement.challenge import Challenge
from school_protocol.services.signalement.doors import Door, door_of
from school_protocol.services.signalement.known import STAFF, current, form_of, rules_of
from school_protocol.services.signalement.limits import Gate
from school_protocol.services.signalement.rising import rise_now
from school_protocol.services.views import ContactLine
from school_protocol.storage import directory
from school_protocol.storage.engines import Session
from school_protocol.storage.signalement import reports
from school_protocol.storage.signalement.reports import PublicHeader
from school_protocol.storage.vault import normalised

CHALLENGE, PAGE = "challenge", "page"
"""Names of problems that are no field's: the question was not answered rightly; the page is too old, or not ours."""


@dataclass(frozen=True, slots=True)
class FormView:
    """The page behind a school's address. `token` goes into the form, and comes back with it."""

    door: Door
    protocol: Protocol
    form: Form
    token: str
    challenge: Challenge | None
    """A question that has to be answered besides; its sentence: `challenge.question(wording)`."""
    numbers: tuple[ContactLine, ...]
    """Whom to call if there is danger, those who answer now first."""
    promise: Text
    hours: Text
    opens: datetime | None
    """When the school reads again, where it is closed now."""
    anonymous: Text


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a reporter is shown once. `code` in groups; `instead`: what to do instead of sending an image."""

    door: Door
    protocol: Protocol
    code: str
    urgent: bool
    restricted: bool
    numbers: tuple[ContactLine, ...]
    instead: Text | None
    promise: Text
    hours: Text | None
    opens: datetime | None
    repeated: bool = False
    """The same form was sent before: its receipt again, and what was added since is kept."""


def see_form(house: House, gate: Gate, code: str, *, address: str) -> FormView:
    """The form behind an address. Raises Unseen; where the address was renewed since, `door.is_ended` and no token.

    `address` is from where it is asked: counted within this hour in memory, and kept nowhere.
    """
    door = door_of(house, code)
    refuse_unopened(house)
    protocol, rules = current(house)
    asked = None
    if not door.is_ended and _is_asked(house, gate, door, address):
        asked = challenge.draw()
    token = "" if door.is_ended else tokens.written(house, tokens.draw(house, door.code, asked=asked))
    return FormView(
        door=door, protocol=protocol, form=form_of(protocol, door.kind), token=token, challenge=asked,
        numbers=numbers(house, protocol, rules, door.unit), hours=rules.hours,
        promise=rules.staff_promise if door.kind == STAFF and rules.staff_promise else rules.promise,
        opens=opens(house, door.unit), anonymous=rules.anonymous,
    )  # fmt: skip


def numbers(house: House, protocol: Protocol, rules: SignalementRules, unit: Unit) -> tuple[ContactLine, ...]:
    """Whom to call if there is danger: those with a telephone, in the order of the protocol, who answers now first."""
    return tuple(line for line in contact_lines(house, protocol, unit.id, rules.numbers) if line.phone)


def opens(house: House, unit: Unit) -> datetime | None:
    """When a school reads again, by its calendar with its holidays; None where it reads now, or nobody can say."""
    with house.directory.reading() as session:
        calendar = calendar_of(session, unit)
    return opens_again(calendar, house.now()) if calendar is not None else None


def receive(
    house: House,
    gate: Gate,
    code: str,
    answers: Mapping[str, Any],
    *,
    token: str,
    address: str,
    language: str,
    solved: str = "",
) -> Receipt:
    """Keep what somebody tells, and give them the code to come back with.

    Raises Unseen (no such address, or one that was renewed), BadInput with every problem by field (`challenge` and
    `page` among them; the form is shown anew with a fresh token and all that was typed), TooMany.
    """
    door = door_of(house, code)
    if door.is_ended:
        raise Unseen(code)
    refuse_unopened(house)
    protocol, rules = current(house)
    form, now = form_of(protocol, door.kind), house.now()
    found = tokens.read(house, token, door.code)
    problems: dict[str, tuple[str, ...]] = {}
    sentences: Mapping[str, Text] = {}
    cleaned: Mapping[str, Any] = {}
    try:
        cleaned = clean(protocol, form, answers, References(now, today_for(house))).answers
    except BadInput as error:
        problems, sentences = dict(error.problems), error.sentences
    if found is None or not found.is_good(now):
        problems[PAGE] = ("stale_page",)
    elif not _is_answered(house, gate, door, found, address, solved):
        problems[CHALLENGE] = ("wrong_answer",)
    if problems:
        raise BadInput(problems, sentences)
    assert found is not None
    header = _header(house, door, protocol, rules, form, cleaned, found)
    content = {"answers": dict(cleaned), "language": language, "form": form.key}
    marks = [house.vault.mark(door.unit.id, text) for text in alike_texts(rules, cleaned)]
    drawn = tokens.code_of(house, found)
    with house.realm.writing() as session:
        before = reports.find(session, header.id)
        if before is None:
            came = reports.came_in(session, door.unit.id, header.hour)
            limits.note_sent(gate, school=door.unit.id, address=address, came=came, now=now)
            hashed = tokens.code_hash(house, door.unit.id, drawn)
            if not reports.keep(session, house.vault, header, content, code_hash=hashed, marks=marks):
                before = reports.find(session, header.id)  # the same form, sent in the same instant
        if before is not None:
            _again(house, session, before, header, content, marks, form)
        rise_now(house, session, header.id)
        header = reports.header(session, header.id)  # of one sent again, what became of both
    return Receipt(
        door=door, protocol=protocol, code=in_groups(drawn), urgent=header.urgent, restricted=header.restricted,
        numbers=numbers(house, protocol, rules, door.unit),
        instead=rules.instead if is_never_to_send(rules, form, cleaned) else None,
        promise=rules.promised(answer_values(form.fields, cleaned), by_staff=door.kind == STAFF),
        hours=rules.hours_of(above=header.restricted), opens=None if header.restricted else opens(house, door.unit),
        repeated=before is not None,
    )  # fmt: skip


def _header(
    house: House,
    door: Door,
    protocol: Protocol,
    rules: SignalementRules,
    form: Form,
    answers: Mapping[str, Any],
    token: tokens.Token,
) -> PublicHeader:
    weighed, hour = weigh(rules, form, answers, by_staff=door.kind == STAFF), hour_of(house.now())
    said = [normalised(one).split() for one in _APART.split(str(answers.get(rules.not_for or "", "")))]
    told = _words(
        str(answers.get(field.key, "")) for field in form.fields
        if field.is_words and field.key not in (*rules.contact, rules.not_for)
    )  # fmt: skip
    return PublicHeader(
        id=tokens.report_id(house, token), unit=door.unit.id, kind=door.kind, protocol=protocol.protocol,
        version=protocol.version, hour=hour, status=Status.waiting, outcome="", settled=None,
        restricted=weighed.restricted, urgent=weighed.urgent, to_verify=weighed.to_verify, waits=hour, step=0,
        fullness=weighed.fullness, barred=_barred(house, rules, door.unit, said) | _named(house, door.unit, told),
        hinted=_is_hinted(rules, told), case_id=None,
    )  # fmt: skip


_APART = re.compile(r"[,،;؛/&+.\n]|\b(?:et|ni|ou|and|or|nor|أو|ولا|و)\b", re.IGNORECASE)
"""What stands between two who are named."""


def _barred(house: House, rules: SignalementRules, unit: Unit, said: Sequence[Sequence[str]]) -> frozenset[str]:
    """Accounts of the school, or above it, that may be meant by who must not read this."""
    if not any(said):
        return frozenset()
    with house.directory.reading() as session:
        holders = directory.holders(session, (unit.id, *unit.parents), today=today_for(house))
    names = {one.account.id: _words(one.account.names.values()) for one in holders}
    called = {role: _words(words) for role, words in rules.called.items()}
    roles = roles_said(said, called)
    named = {one.account.id for one in holders if one.role in roles and one.unit == unit.id}
    return names_said(said, names, [word for words in called.values() for word in words]) | named


def _named(house: House, unit: Unit, told: Sequence[str]) -> frozenset[str]:
    """Accounts of the school of which a text may speak: they don't read it. Who stands above is named by `not_for`."""
    with house.directory.reading() as session:
        holders = directory.holders(session, (unit.id,), today=today_for(house))
    return named_in(
        told, {one.account.id: [normalised(name).split() for name in one.account.names.values()] for one in holders}
    )


def _is_hinted(rules: SignalementRules, told: Sequence[str]) -> bool:
    phrases = (normalised(one) + ("*" if one.endswith("*") else "") for one in rules.hints)
    return says_any(told, phrases)


def _words(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(word for name in names for word in normalised(name).split())


def _again(
    house: House,
    session: Session,
    before: PublicHeader,
    now: PublicHeader,
    content: Mapping[str, Any],
    marks: Iterable[bytes],
    form: Form,
) -> None:
    """The same form once more: nothing new, or put right before anybody read it, or added to what was read."""
    kept, rules = reports.content(session, house.vault, before.id), rules_of(house, before)[1]
    if kept == content:
        return
    if before.waits is not None and not reports.traces(session, before.id):
        stays = before.restricted and not _is_unsure(rules, form, kept["answers"])
        flagged = replace(now, restricted=stays or now.restricted, barred=before.barred | now.barred)
        reports.rewrite(session, house.vault, before.id, content, marks)
        reports.change(session, replace(flagged, hour=before.hour, waits=before.waits, step=_step(before, flagged)))
        return
    if now.restricted and before.case_id is None and not _is_unsure(rules, form, content["answers"]):
        asked = rules.restricted_when.names if rules.restricted_when else frozenset()
        graver = {key: value for key, value in content["answers"].items() if key in asked}
        own = reports.marks_of(session, [before.id]).get(before.id, frozenset())
        reports.rewrite(session, house.vault, before.id, {**kept, "answers": {**kept["answers"], **graver}}, own)
    add_words(house, session, before, _said_again(form, content), now)


def _is_unsure(rules: SignalementRules, form: Form, answers: Mapping[str, Any]) -> bool:
    """Whether whoever told was not sure whether an adult of the school is part of it."""
    return rules.unsure_when is not None and rules.unsure_when.holds(answer_values(form.fields, answers))


def _said_again(form: Form, content: Mapping[str, Any]) -> str:
    """What stands in a form that was sent once more, a line each, in the words of its page."""
    language, lines = str(content["language"]), []
    for field in form.fields:
        value = content["answers"].get(field.key)
        if value in (None, "", []):
            continue
        titles = {one.key: one.title.in_language(language) for one in field.options}
        given = value if isinstance(value, list) else [value]
        said = ", ".join(titles.get(str(one), str(one)) for one in given)
        lines.append(f"{field.label.in_language(language)} {said}")
    return "\n".join(lines)


def _step(before: PublicHeader, now: PublicHeader) -> int:
    """How far it has risen: it begins anew where others are to be told."""
    is_same = (before.restricted, before.urgent) == (now.restricted, now.urgent)
    return before.step if is_same and before.waits is not None else 0


def add_words(
    house: House, session: Session, before: PublicHeader, said: str, given: PublicHeader | None = None
) -> None:
    """What a reporter adds: kept with the report, which waits again until somebody has looked.

    `given`: what its answers would have made of it now; it never becomes less urgent or less restricted by it.
    """
    hour, told = hour_of(house.now()), _words([said])
    reports.write_message(session, house.vault, before.id, said, hour=hour)
    after = replace(
        before, waits=before.waits or hour, barred=before.barred | _named_later(house, session, before, told, given),
        hinted=before.hinted or _is_hinted(rules_of(house, before)[1], told),
    )  # fmt: skip
    if before.case_id is None:
        after = replace(after, status=Status.waiting, settled=None, outcome="")
    if given is not None:
        is_restricted = before.restricted or (given.restricted and before.case_id is None)
        after = replace(after, urgent=before.urgent or given.urgent, restricted=is_restricted)
    reports.change(session, replace(after, step=_step(before, after)))
    rise_now(house, session, before.id)


def _named_later(
    house: House, session: Session, before: PublicHeader, told: Sequence[str], given: PublicHeader | None
) -> frozenset[str]:
    """Whom what is added names: in a case, whoever handles it goes on; and so does whoever has answered."""
    if given is not None:
        return given.barred
    if before.case_id is not None:
        return frozenset()
    with house.directory.reading() as people:
        unit = directory.unit(people, before.unit)
    helping = {one.account for one in reports.traces(session, before.id) if one.what == "answered"}
    return _named(house, unit, told) - helping


def _is_asked(house: House, gate: Gate, door: Door, address: str) -> bool:
    now = house.now()
    with house.realm.reading() as session:
        came = reports.came_in(session, door.unit.id, hour_of(now))
    return limits.is_asked(gate, school=door.unit.id, address=address, came=came, now=now)


def _is_answered(house: House, gate: Gate, door: Door, token: tokens.Token, address: str, solved: str) -> bool:
    """Whether the question was answered rightly, or none stands: neither in the form nor by now."""
    if token.asked:
        return challenge.is_solved(house, token.nonce, token.asked, solved)
    return not _is_asked(house, gate, door, address)
