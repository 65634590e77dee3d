"""The first minutes of a danger: who to call, what one tap notes; and only then what remains to be written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from school_protocol.domain.case import Case, DangerLife
from school_protocol.domain.engine import Choice
from school_protocol.domain.errors import Unseen
from school_protocol.domain.forms import FieldType, Form, FormField
from school_protocol.domain.policy import Actor, Unit
from school_protocol.domain.protocol import Act, ActKind, Danger, Protocol
from school_protocol.services.directory import contact_lines
from school_protocol.services.house import House
from school_protocol.services.loading import Loaded, load, today_for
from school_protocol.services.showing import Beside, note_reading, seeing_of
from school_protocol.services.views import CallLine, ContactLine, DangerPage
from school_protocol.storage import directory
from school_protocol.storage.directory import Account

CHOICES = (FieldType.choice, FieldType.choices)
Noted = dict[tuple[str, str], datetime]


def see_danger(house: House, actor: Actor, number: str, also: Mapping[str, Beside] | None = None) -> DangerPage:
    """The page of the first minutes, with what others show there; seeing it is recorded."""
    with house.realm.writing() as session:
        loaded = load(house, session, actor, number)
        if loaded.metadata_only:
            raise Unseen(number)
        note_reading(house, session, loaded, "danger")
        seeing = seeing_of(house, loaded)
        live = tuple(line for line in seeing.dangers() if line.state in ("raised", "referred"))
        wanted = [target for line in live for target in line.danger.targets]
        first, lives = first_acts(loaded.protocol, seeing.choices), loaded.case.live_dangers()
        return DangerPage(
            head=seeing.head(),
            dangers=live,
            contacts=to_call(loaded.case, contact_lines(house, loaded.protocol, loaded.case.unit, wanted or None)),
            voices=voices(house, loaded, first),
            quick_acts=tuple(act for act in first if act.quick),
            then_acts=(
                *(act for act in first if not act.quick),
                *still_to_tell(loaded.protocol, loaded.case, seeing.choices),
            ),
            call_act=call_act(first),
            noted=noted_since(loaded.protocol, loaded.case, first, lives),
            called=called_since(loaded.protocol, loaded.case, lives),
            holds=tuple(hold for hold in seeing.holds() if hold.stands and not hold.confirmed),
            may_review=any(
                choice.is_open and choice.kind == "act" and loaded.protocol.acts[choice.key].kind is ActKind.review_hold
                for choice in seeing.choices
            ),
            just_written=seeing.just_written(),
            beside={name: see(house, session, loaded) for name, see in (also or {}).items()},
        )


def voices(house: House, loaded: Loaded, acts: Iterable[Act]) -> tuple[CallLine, ...]:
    """Whom these acts say to tell by voice, each with the number that is known; not the roles of whoever looks."""
    protocol, case, unit = loaded.protocol, loaded.case, loaded.around.unit
    own = loaded.actor.roles_in((unit.id, *unit.parents))
    roles = dict.fromkeys(role for act in acts for role in told_roles(protocol, act) if role not in own)
    if not roles:
        return ()
    with house.directory.reading() as session:
        seated = directory.accounts(session, {one.account for one in case.seats})
        found = directory.holders(session, (unit.id, *unit.parents), today=today_for(house))
    acting = ((protocol.seats[one.seat].acts_as or "", seated.get(one.account)) for one in case.seats)
    held = [(role, account) for role, account in acting if account is not None]
    held += [(one.role, one.account) for one in found]
    restricted = case.restricted_seq is not None
    return tuple(by_voice(house, protocol, unit, roles, held, shut=frozenset(case.exclusions), restricted=restricted))


def told_roles(protocol: Protocol, act: Act) -> tuple[str, ...]:
    """Where an act notes that somebody was told: which roles, the usual one first."""
    item = one_choice(protocol.form_of(act))
    roles = [option.key for option in item.options if option.key in protocol.roles] if item else []
    return tuple(sorted(roles, key=lambda role: item is None or role != item.default))


def by_voice(
    house: House,
    protocol: Protocol,
    unit: Unit,
    roles: Iterable[str],
    held: Sequence[tuple[str, Account]],
    *,
    shut: frozenset[str],
    restricted: bool,
) -> Iterator[CallLine]:
    """Each of these roles that may be told of a case, under its own number, or the one in the directory, or none.

    `held`: who holds which role; `shut`: accounts that may not know of the case.
    """
    roles = tuple(roles)
    listed: dict[str, str] | None = None
    for role in roles:
        here = [account for name, account in held if name == role]
        able = [account for account in here if account.id not in shut]
        if (here and not able) or (restricted and not protocol.roles[role].keeps_restricted):
            continue
        phone = next((one.phone for one in able if one.phone), None)
        if not phone:
            listed = _listed(house, protocol, unit, roles) if listed is None else listed
            phone = listed.get(role)
        yield CallLine(role, phone or "")


def _listed(house: House, protocol: Protocol, unit: Unit, roles: Iterable[str]) -> dict[str, str]:
    """The number under which the directory lists each of these roles that is one of the targets, the best first."""
    wanted = [role for role in roles if role in protocol.targets]
    found: dict[str, str] = {}
    for line in contact_lines(house, protocol, unit.id, wanted) if wanted else ():
        if line.phone and line.target is not None:
            found.setdefault(line.target.key, line.phone)
    return found


def to_call(case: Case, lines: Iterable[ContactLine]) -> tuple[ContactLine, ...]:
    """Whom to call: while a hold stands, nobody who answers for the guardians."""
    held = any(hold.stands for hold in case.holds)
    return tuple(line for line in lines if not (held and line.target is not None and line.target.to_guardians))


def first_acts(protocol: Protocol, choices: Sequence[Choice]) -> tuple[Act, ...]:
    """Acts of the first minutes that are open, raising apart."""
    opened = {choice.key for choice in choices if choice.kind == "act" and choice.is_open}
    first = (act for act in protocol.acts.values() if act.first_minutes and act.key in opened)
    return tuple(act for act in first if act.kind is not ActKind.raise_danger)


def still_to_tell(protocol: Protocol, case: Case, choices: Sequence[Choice]) -> tuple[Act, ...]:
    """The report, where a danger opened the case and nobody has told yet what happened."""
    opened = {choice.key for choice in choices if choice.kind == "act" and choice.is_open}
    reports = protocol.acts_of(ActKind.report)
    return tuple(act for act in reports if act.key in opened and not case.records_of(act.key))


def call_act(acts: Iterable[Act]) -> Act | None:
    """The act that a call to a number records."""
    return next((act for act in acts if act.kind is ActKind.refer), None)


def one_choice(form: Form) -> FormField | None:
    """The choice that is all a form must be told: each of its answers can be a button."""
    asked = [item for item in form.fields if item.required and item.when is None]
    return asked[0] if len(asked) == 1 and asked[0].type in CHOICES else None


def call_choice(form: Form) -> tuple[FormField, str] | None:
    """Where a referral's form asks how it was made: the question, and its answer for a telephone call."""
    calls = ((item, option.key) for item in form.fields for option in item.options if option.calls)
    return next(calls, None)


def noted_since(
    protocol: Protocol, case: Case, acts: Iterable[Act], lives: Sequence[DangerLife], by: str | None = None
) -> Noted:
    """When each quick act (with each answer of its one choice) was last noted since those dangers; `by` one person."""
    found: Noted = {}
    since = min((life.raised_seq for life in lives), default=None)
    for act in acts if since is not None else ():
        item = one_choice(protocol.form_of(act))
        for record in case.records_of(act.key):
            if act.quick and since is not None and record.seq > since and by in (None, record.actor):
                said = record.answers.get(item.key) if item else ""
                for answer in said if isinstance(said, list | tuple) else [said]:
                    found[act.key, str(answer)] = record.occurred_at
    return found


def called_since(
    protocol: Protocol, case: Case, lives: Sequence[DangerLife], by: str | None = None
) -> dict[str, datetime]:
    """When each number was last called about one of those dangers; a target, where no number was noted; `by` one."""
    dangers = {life.danger for life in lives}
    since = min((life.raised_seq for life in lives), default=0)
    found: dict[str, datetime] = {}
    for one in case.referrals:
        if one.seq > since and dangers & set(one.covers) and by in (None, one.actor):
            record = case.record(one.seq)
            item = dialled(protocol.form_of(record.act)) if record else None
            number = record.answers.get(item.key) if record and item else None
            found[str(number or one.target)] = one.at
    return found


def dialled(form: Form) -> FormField | None:
    """The question that takes the number which was called."""
    return next((item for item in form.fields if item.dialled), None)


def covered_by(target: str, dangers: Iterable[Danger]) -> list[str]:
    """The dangers that a call to that target is about: those that name it, else all of them."""
    every = list(dangers)
    return [danger.key for danger in every if target in danger.targets] or [danger.key for danger in every]
