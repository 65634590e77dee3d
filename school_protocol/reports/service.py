"""Service of public reports: telling the school, coming back with a code. No account, no session, no cookie."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from school_protocol.auth import repository as auth_repository
from school_protocol.cases import index_repository
from school_protocol.cases.opening_gate import refuse_unopened
from school_protocol.context import AppContext, today_for
from school_protocol.engine.answers import References, answer_values, clean, plain_text
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import Form, SignalementRules, Voice
from school_protocol.engine.errors import BadInput, Unseen
from school_protocol.engine.texts import N_, Text
from school_protocol.engine.visibility import Unit
from school_protocol.people.contacts import ContactLine, calendar_of, contact_lines
from school_protocol.reports import public_door, repository
from school_protocol.reports.escalation import rise_now
from school_protocol.reports.public_door import STAFF, Challenge, Door, Gate, current, door_of, form_of, rules_of
from school_protocol.reports.repository import PublicHeader
from school_protocol.reports.rules import (
    IN_A_CASE,
    Status,
    alike_texts,
    hour_of,
    in_groups,
    is_never_to_send,
    named_in,
    names_said,
    opens_again,
    role_labels,
    says_any,
    typed,
    weigh,
)
from school_protocol.storage.engines import Session
from school_protocol.storage.vault import normalised

# ---- telling the school: the form, and what becomes of it as it is sent --------------------------------------------
# Nothing that is kept says more of the time than the hour, and nothing of from where. Sent twice, a form is one
# report.

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
    """A question that has to be answered besides; its sentence: `public_door.question(wording)`."""
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


def see_form(ctx: AppContext, gate: Gate, code: str, *, address: str) -> FormView:
    """The form behind an address. Raises Unseen; where the address was renewed since, `door.is_ended` and no token.

    `address` is from where it is asked: counted within this hour in memory, and kept nowhere.
    """
    door = door_of(ctx, code)
    refuse_unopened(ctx)
    protocol, rules = current(ctx)
    asked = None
    if not door.is_ended and _is_asked(ctx, gate, door, address):
        asked = public_door.draw_challenge()
    token = "" if door.is_ended else public_door.written(ctx, public_door.draw_token(ctx, door.code, asked=asked))
    return FormView(
        door=door, protocol=protocol, form=form_of(protocol, door.kind), token=token, challenge=asked,
        numbers=numbers(ctx, protocol, rules, door.unit), hours=rules.hours,
        promise=rules.staff_promise if door.kind == STAFF and rules.staff_promise else rules.promise,
        opens=opens(ctx, door.unit), anonymous=rules.anonymous,
    )  # fmt: skip


def numbers(ctx: AppContext, protocol: Protocol, rules: SignalementRules, unit: Unit) -> tuple[ContactLine, ...]:
    """Whom to call if there is danger: those with a telephone, in the order of the protocol, who answers now first."""
    return tuple(line for line in contact_lines(ctx, protocol, unit.id, rules.numbers) if line.phone)


def opens(ctx: AppContext, unit: Unit) -> datetime | None:
    """When a school reads again, by its calendar with its holidays; None where it reads now, or nobody can say."""
    with ctx.directory.reading() as session:
        calendar = calendar_of(session, unit)
    return opens_again(calendar, ctx.now()) if calendar is not None else None


def receive(
    ctx: AppContext,
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
    door = door_of(ctx, code)
    if door.is_ended:
        raise Unseen(code)
    refuse_unopened(ctx)
    protocol, rules = current(ctx)
    form, now = form_of(protocol, door.kind), ctx.now()
    found = public_door.read_token(ctx, token, door.code)
    problems: dict[str, tuple[str, ...]] = {}
    sentences: Mapping[str, Text] = {}
    cleaned: Mapping[str, Any] = {}
    try:
        cleaned = clean(protocol, form, answers, References(now, today_for(ctx))).answers
    except BadInput as error:
        problems, sentences = dict(error.problems), error.sentences
    if found is None or not found.is_good(now):
        problems[PAGE] = ("stale_page",)
    elif not _is_answered(ctx, gate, door, found, address, solved):
        problems[CHALLENGE] = ("wrong_answer",)
    if problems:
        raise BadInput(problems, sentences)
    assert found is not None
    header = _header(ctx, door, protocol, rules, form, cleaned, found)
    content = {"answers": dict(cleaned), "language": language, "form": form.key}
    marks = [ctx.vault.mark(door.unit.id, text) for text in alike_texts(rules, cleaned)]
    drawn = public_door.code_of(ctx, found)
    with ctx.realm.writing() as session:
        before = repository.find_public_report(session, header.id)
        if before is None:
            came = repository.came_in(session, door.unit.id, header.hour)
            public_door.note_sent(gate, school=door.unit.id, address=address, came=came, now=now)
            hashed = public_door.code_hash(ctx, door.unit.id, drawn)
            if not repository.keep_public_report(session, ctx.vault, header, content, code_hash=hashed, marks=marks):
                before = repository.find_public_report(session, header.id)  # the same form, sent in the same instant
        if before is not None:
            _again(ctx, session, before, header, content, marks, form)
        rise_now(ctx, session, header.id)
        header = repository.header(session, header.id)  # of one sent again, what became of both
    return Receipt(
        door=door, protocol=protocol, code=in_groups(drawn), urgent=header.urgent, restricted=header.restricted,
        numbers=numbers(ctx, protocol, rules, door.unit),
        instead=rules.instead if is_never_to_send(rules, form, cleaned) else None,
        promise=rules.promised(answer_values(form.fields, cleaned), by_staff=door.kind == STAFF),
        hours=rules.hours_of(above=header.restricted), opens=None if header.restricted else opens(ctx, door.unit),
        repeated=before is not None,
    )  # fmt: skip


def _header(
    ctx: AppContext,
    door: Door,
    protocol: Protocol,
    rules: SignalementRules,
    form: Form,
    answers: Mapping[str, Any],
    token: public_door.Token,
) -> PublicHeader:
    weighed, hour = weigh(rules, form, answers, by_staff=door.kind == STAFF), hour_of(ctx.now())
    said = [normalised(one).split() for one in _APART.split(str(answers.get(rules.not_for or "", "")))]
    told = _words(
        str(answers.get(field.key, "")) for field in form.fields
        if field.is_words and field.key not in (*rules.contact, rules.not_for)
    )  # fmt: skip
    return PublicHeader(
        id=public_door.report_id(ctx, token), unit=door.unit.id, kind=door.kind, protocol=protocol.protocol,
        version=protocol.version, hour=hour, status=Status.waiting, outcome="", settled=None,
        restricted=weighed.restricted, urgent=weighed.urgent, to_verify=weighed.to_verify, waits=hour, step=0,
        fullness=weighed.fullness, barred=_barred(ctx, rules, door.unit, said) | _named(ctx, door.unit, told),
        hinted=_is_hinted(rules, told), case_id=None,
    )  # fmt: skip


_APART = re.compile(r"[,،;؛/&+.\n]|\b(?:et|ni|ou|and|or|nor|أو|ولا|و)\b", re.IGNORECASE)
"""What stands between two who are named."""


def _barred(ctx: AppContext, rules: SignalementRules, unit: Unit, said: Sequence[Sequence[str]]) -> frozenset[str]:
    """Accounts of the school, or above it, that may be meant by who must not read this."""
    if not any(said):
        return frozenset()
    with ctx.directory.reading() as session:
        holders = auth_repository.holders(session, (unit.id, *unit.parents), today=today_for(ctx))
    names = {one.account.id: _words(one.account.names.values()) for one in holders}
    called = {role: _words(words) for role, words in rules.called.items()}
    roles = role_labels(said, called)
    named = {one.account.id for one in holders if one.role in roles and one.unit == unit.id}
    return names_said(said, names, [word for words in called.values() for word in words]) | named


def _named(ctx: AppContext, unit: Unit, told: Sequence[str]) -> frozenset[str]:
    """Accounts of the school of which a text may speak: they don't read it. Who stands above is named by `not_for`."""
    with ctx.directory.reading() as session:
        holders = auth_repository.holders(session, (unit.id,), today=today_for(ctx))
    return named_in(
        told, {one.account.id: [normalised(name).split() for name in one.account.names.values()] for one in holders}
    )


def _is_hinted(rules: SignalementRules, told: Sequence[str]) -> bool:
    phrases = (normalised(one) + ("*" if one.endswith("*") else "") for one in rules.hints)
    return says_any(told, phrases)


def _words(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(word for name in names for word in normalised(name).split())


def _again(
    ctx: AppContext,
    session: Session,
    before: PublicHeader,
    now: PublicHeader,
    content: Mapping[str, Any],
    marks: Iterable[bytes],
    form: Form,
) -> None:
    """The same form once more: nothing new, or put right before anybody read it, or added to what was read."""
    kept, rules = repository.content(session, ctx.vault, before.id), rules_of(ctx, before)[1]
    if kept == content:
        return
    if before.waits is not None and not repository.traces(session, before.id):
        stays = before.restricted and not _is_unsure(rules, form, kept["answers"])
        flagged = replace(now, restricted=stays or now.restricted, barred=before.barred | now.barred)
        repository.rewrite(session, ctx.vault, before.id, content, marks)
        repository.change_public_report(
            session, replace(flagged, hour=before.hour, waits=before.waits, step=_step(before, flagged))
        )
        return
    if now.restricted and before.case_id is None and not _is_unsure(rules, form, content["answers"]):
        asked = rules.restricted_when.names if rules.restricted_when else frozenset()
        graver = {key: value for key, value in content["answers"].items() if key in asked}
        own = repository.marks_of(session, [before.id]).get(before.id, frozenset())
        repository.rewrite(session, ctx.vault, before.id, {**kept, "answers": {**kept["answers"], **graver}}, own)
    add_words(ctx, session, before, _said_again(form, content), now)


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
    ctx: AppContext, session: Session, before: PublicHeader, said: str, given: PublicHeader | None = None
) -> None:
    """What a reporter adds: kept with the report, which waits again until somebody has looked.

    `given`: what its answers would have made of it now; it never becomes less urgent or less restricted by it.
    """
    hour, told = hour_of(ctx.now()), _words([said])
    repository.write_message(session, ctx.vault, before.id, said, hour=hour)
    after = replace(
        before, waits=before.waits or hour, barred=before.barred | _named_later(ctx, session, before, told, given),
        hinted=before.hinted or _is_hinted(rules_of(ctx, before)[1], told),
    )  # fmt: skip
    if before.case_id is None:
        after = replace(after, status=Status.waiting, settled=None, outcome="")
    if given is not None:
        is_restricted = before.restricted or (given.restricted and before.case_id is None)
        after = replace(after, urgent=before.urgent or given.urgent, restricted=is_restricted)
    repository.change_public_report(session, replace(after, step=_step(before, after)))
    rise_now(ctx, session, before.id)


def _named_later(
    ctx: AppContext, session: Session, before: PublicHeader, told: Sequence[str], given: PublicHeader | None
) -> frozenset[str]:
    """Whom what is added names: in a case, whoever handles it goes on; and so does whoever has answered."""
    if given is not None:
        return given.barred
    if before.case_id is not None:
        return frozenset()
    with ctx.directory.reading() as people:
        unit = auth_repository.unit(people, before.unit)
    helping = {one.account for one in repository.traces(session, before.id) if one.what == "answered"}
    return _named(ctx, unit, told) - helping


def _is_asked(ctx: AppContext, gate: Gate, door: Door, address: str) -> bool:
    now = ctx.now()
    with ctx.realm.reading() as session:
        came = repository.came_in(session, door.unit.id, hour_of(now))
    return public_door.is_asked(gate, school=door.unit.id, address=address, came=came, now=now)


def _is_answered(ctx: AppContext, gate: Gate, door: Door, token: public_door.Token, address: str, solved: str) -> bool:
    """Whether the question was answered rightly, or none stands: neither in the form nor by now."""
    if token.asked:
        return public_door.is_solved(ctx, token.nonce, token.asked, solved)
    return not _is_asked(ctx, gate, door, address)


MOST = 4000
"""Letters of what is added at a time."""
MESSAGES_MOST = 200
CODE, SAID = "code", "said"
"""Names of fields, for problems."""


class Standing(StrEnum):
    """What a reporter may know of where it stands; `SENTENCES` says each."""

    received = "received"
    read = "read"
    in_hand = "in_hand"
    elsewhere = "elsewhere"
    answered = "answered"
    over = "over"
    """Closed without an answer: nobody is working on it."""


SENTENCES = {
    Standing.received: N_("Your message has arrived. Nobody has read it yet."),
    Standing.read: N_("An adult whose task is to help has read your message."),
    Standing.in_hand: N_("The school’s team is taking care of it."),
    Standing.elsewhere: N_("Others can help you better: see below who they are."),
    Standing.answered: N_("Your message was answered: read the answer below. You can add something: it will be read."),
    Standing.over: N_(
        "Your message was read, and nothing is under way. If you need help, write it here: it will be read."
    ),
}
SENTENCES_ABOVE = {**SENTENCES, Standing.in_hand: N_("An adult whose task is to help is taking care of it.")}
"""Where the school reads nothing, as far as a definition has no words of its own for that."""


@dataclass(frozen=True, slots=True)
class SaidLine:
    """One message, of the reporter or of the team; of when it was written, the hour."""

    by_reporter: bool
    hour: datetime
    text: str
    by_school: bool = True
    """Of an answer: whoever wrote it works at the school."""


@dataclass(frozen=True, slots=True)
class BackView:
    """What somebody finds who comes back. `code` in plain digits, for forms on the page: it stands in no address."""

    door: Door
    protocol: Protocol
    code: str
    standing: Standing
    above: bool
    """The school reads nothing of it: those above it do."""
    urgent: bool
    read_there: bool
    """Nobody has read it but those who read it alone."""
    messages: tuple[SaidLine, ...]
    sentence: Text | None
    """Told where others can help better."""
    contacts: tuple[ContactLine, ...]
    """Who they are."""
    numbers: tuple[ContactLine, ...]
    has_contact: bool
    """They left how to reach them, and can take that back."""
    can_add: bool
    hours: Text | None
    """When it is read; None where nothing is said of that."""
    opens: datetime | None

    @property
    def voice(self) -> Voice | None:
        """The definition's own words, where the school reads nothing."""
        rules = self.protocol.signalement
        return rules.above if rules is not None and self.above else None

    @property
    def awaits_answer(self) -> bool:
        """No word has come back, and one may."""
        ends = (Standing.over, Standing.elsewhere)
        return self.standing not in ends and not any(not one.by_reporter for one in self.messages)


@dataclass(frozen=True, slots=True)
class AskView:
    """The page that asks for the code; a question stands on it where many wrong ones came."""

    door: Door
    challenge: Challenge | None
    token: str


def see_asking(ctx: AppContext, gate: Gate, door: str) -> AskView:
    """The page that asks for the code, of an address that may have been renewed since. Raises Unseen."""
    found = door_of(ctx, door)
    is_guessed = public_door.is_guessed(gate, school=found.unit.id, now=ctx.now())
    asked = public_door.draw_challenge() if is_guessed else None
    return AskView(found, asked, public_door.written(ctx, public_door.draw_token(ctx, found.code, asked=asked)))


def come_back(
    ctx: AppContext, gate: Gate, door: str, code: str, *, address: str, token: str = "", solved: str = ""
) -> BackView:
    """What became of it. Raises Unseen (no such address), BadInput (`code`: none of this school's), TooMany."""
    place = door_of(ctx, door)
    _pass(ctx, gate, place, address, token, solved)
    with ctx.realm.reading() as session:
        header, plain = _found(ctx, gate, session, place, code, address)
        return _view(ctx, session, place, header, plain)


def add_answer(ctx: AppContext, gate: Gate, door: str, code: str, said: str, *, address: str) -> BackView:
    """Add something to what was told; sent twice, it is there once. Raises as `come_back`; BadInput for `said`."""
    place = door_of(ctx, door)
    public_door.check_tries(gate, address=address, now=ctx.now())
    text = plain_text(said)
    with ctx.realm.writing() as session:
        header, plain = _found(ctx, gate, session, place, code, address, hold=True)
        if not text:
            raise BadInput({SAID: ("required",)})
        if len(text) > MOST:
            raise BadInput({SAID: (f"too_long:{MOST}",)})
        kept = repository.messages(session, ctx.vault, header.id)
        own = [one.text for one in kept if one.by_reporter]
        if own[-1:] != [text]:
            if len(kept) >= MESSAGES_MOST:
                raise BadInput({SAID: ("too_many_messages",)})
            add_words(ctx, session, header, text)
        return _view(ctx, session, place, repository.header(session, header.id), plain)


def withdraw_contact(ctx: AppContext, gate: Gate, door: str, code: str, *, address: str) -> BackView:
    """Take back how to be reached: those answers are gone, also from what the team reads."""
    place = door_of(ctx, door)
    public_door.check_tries(gate, address=address, now=ctx.now())
    with ctx.realm.writing() as session:
        header, plain = _found(ctx, gate, session, place, code, address, hold=True)
        _protocol, rules = rules_of(ctx, header)
        content = repository.content(session, ctx.vault, header.id)
        kept = {key: value for key, value in content["answers"].items() if key not in rules.contact}
        if kept != content["answers"]:
            marks = repository.marks_of(session, [header.id]).get(header.id, frozenset())
            repository.rewrite(session, ctx.vault, header.id, {**content, "answers": kept}, marks)
            repository.change_public_report(session, replace(header, to_verify=header.kind == "public"))
        return _view(ctx, session, place, repository.header(session, header.id), plain)


def _pass(ctx: AppContext, gate: Gate, place: Door, address: str, token: str, solved: str) -> None:
    public_door.check_tries(gate, address=address, now=ctx.now())
    if public_door.is_guessed(gate, school=place.unit.id, now=ctx.now()):
        found = public_door.read_token(ctx, token, place.code)
        is_solved = found is not None and found.asked and found.is_good(ctx.now())
        if not (is_solved and found and public_door.is_solved(ctx, found.nonce, found.asked, solved)):
            raise BadInput({"challenge": ("wrong_answer",)})


def _found(
    ctx: AppContext, gate: Gate, session: Session, place: Door, code: str, address: str, *, hold: bool = False
) -> tuple[PublicHeader, str]:
    """The report that this code comes back to, and the code in plain digits."""
    plain = typed(code)
    if plain is None:
        raise BadInput({CODE: ("not_a_code",)})
    header = repository.by_code(session, public_door.code_hash(ctx, place.unit.id, plain), hold=hold)
    if header is None:
        public_door.note_wrong(gate, school=place.unit.id, address=address, now=ctx.now())
        raise BadInput({CODE: ("unknown_code",)})
    return header, plain


def _view(ctx: AppContext, session: Session, place: Door, header: PublicHeader, code: str) -> BackView:
    protocol, rules = rules_of(ctx, header)
    answers = repository.content(session, ctx.vault, header.id)["answers"]
    said = repository.messages(session, ctx.vault, header.id)
    orientation = rules.orientations.get(header.outcome) if header.status is Status.oriented else None
    contacts = contact_lines(ctx, protocol, header.unit, orientation.targets) if orientation else ()
    above, read_by = _is_above(session, header), repository.traces(session, header.id)
    ours, alone = _places(ctx, place, rules)
    return BackView(
        door=place, protocol=protocol, code=code, standing=standing_of(header, [one.what for one in read_by]),
        above=above, urgent=header.urgent, read_there={one.account for one in read_by} <= alone - ours,
        messages=tuple(SaidLine(one.by_reporter, one.hour, one.text, one.by in ours) for one in said),
        sentence=orientation.sentence if orientation else None, contacts=contacts,
        numbers=numbers(ctx, protocol, rules, place.unit),
        has_contact=any(answers.get(key) not in (None, "") for key in rules.contact),
        can_add=len(said) < MESSAGES_MOST, hours=rules.hours_of(above=above),
        opens=None if above else opens(ctx, place.unit),
    )  # fmt: skip


def _is_above(session: Session, header: PublicHeader) -> bool:
    """Whether the school reads nothing of it: it is kept from it, or it went into a case that is."""
    row = index_repository.row_of(session, header.case_id) if header.case_id else None
    return row.restricted if row is not None else header.restricted


def _places(ctx: AppContext, place: Door, rules: SignalementRules) -> tuple[frozenset[str], frozenset[str]]:
    """Who works at the school; and who holds a role that reads, alone, what the school doesn't."""
    unit = place.unit
    with ctx.directory.reading() as session:
        found = auth_repository.holders(session, (unit.id, *unit.parents), today=today_for(ctx))
    ours = frozenset(one.account.id for one in found if one.unit == unit.id)
    return ours, frozenset(one.account.id for one in found if one.role in rules.restricted_reads)


def standing_of(header: PublicHeader, done: Collection[str] = ()) -> Standing:
    """Where a report stands, in what its reporter may know: why one was closed is not among it. `done`: what somebody
    did with it."""
    if header.status in IN_A_CASE:
        return Standing.in_hand
    if header.status is Status.oriented:
        return Standing.elsewhere
    if header.status is Status.waiting:
        was_read = {"released", "taken_up_again"} & set(done)
        return Standing.received if header.waits and not was_read else Standing.read
    return Standing.answered if header.status is Status.answered else Standing.over
