"""What one copy of a case file may contain, to whom it can be made out, and which copies somebody may issue.

Limits are those of its profile, of its reader, and of whoever issues it. What is dropped is noted as it is dropped, so
that the copy can say what it leaves out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from school_protocol.auth import repository as auth_repository
from school_protocol.cases.case_view import Seeing
from school_protocol.cases.loading import Loaded, load, names_in, naming_of, sign_of
from school_protocol.cases.pseudonyms import Mask, Pseudonymiser, without_names, without_words
from school_protocol.cases.view_models import CaseHead, PersonLine, RecordView
from school_protocol.context import AppContext
from school_protocol.engine.actors import role_for
from school_protocol.engine.case_parts import Record
from school_protocol.engine.case_summary import last_summary, stands
from school_protocol.engine.definition import Act, ActKind, ScopeKind, Target
from school_protocol.engine.definition_parts import Document, FieldType, Form, FormField, Profile
from school_protocol.engine.document_rules import held_back, own_pupil, refused_target, same_as
from school_protocol.engine.errors import Refused, Unseen
from school_protocol.engine.intents import Reason
from school_protocol.engine.name_detection import Identity, Naming, uncounted, with_tokens
from school_protocol.engine.story import telling
from school_protocol.engine.visibility import Actor, Unit, UnitKind
from school_protocol.language import Wording
from school_protocol.pdf import rendering
from school_protocol.storage.engines import Session

UNNAMED = "—"
"""How an account is called whose name isn't for this reader."""
_ELSEWHERE = "[…]"
_SECRET_LEAST = 5
"""Letters of an address that is looked for in texts."""
_NEVER = frozenset({FieldType.signature, FieldType.grid})
_EMPTY: tuple[Any, ...] = (None, "", [], (), {})


@dataclass(slots=True)
class Dropped:
    """What of a case a copy does not contain, by the numbers of its entries."""

    words: set[int] = field(default_factory=set)
    answers: set[int] = field(default_factory=set)
    addresses: set[tuple[int, str]] = field(default_factory=set)
    entries: set[int] = field(default_factory=set)
    sides: set[int] = field(default_factory=set)


class Limits:
    """`about` is for whom the copy is, as `Reader.about` has it; without it, a personal copy names nobody.

    `unseen`: numbers of other cases that don't stand in it. Of a copy without words that no overseer reads, words that
    were written for overseers are left out, too. Without `typed` no free text stands in it, however short.
    """

    def __init__(
        self,
        loaded: Loaded,
        profile: Profile,
        names: Mapping[str, Identity],
        about: str = "",
        unseen: frozenset[str] = frozenset(),
        *,
        typed: bool = True,
    ) -> None:
        self.unseen, self.typed, self.about = unseen, typed, about
        self.loaded, self.profile = loaded, profile
        self.protocol, self.case = loaded.protocol, loaded.case
        self.identities = names
        self.is_personal = profile.is_personal
        self.guardian = about if self.is_personal and about in self.case.people else None
        self.child = own_pupil(self.protocol, self.case, self.guardian) if self.guardian else None
        self.side = self.protocol.slots[self.case.people[self.guardian].slot].side if self.guardian else None
        self.named = frozenset(self._named())
        self.has_addresses = profile.addresses and not loaded.pseudonymised and self._is_judicial(about)
        self.dropped = Dropped()

    # ---- whom it names -----------------------------------------------------------------------------------------

    def shows(self, person: str) -> bool:
        """Whether somebody stands in it at all: in a guardian's copy their own side alone, so that nobody can count."""
        if not self.is_personal:
            return True
        known = self.case.people.get(person) or self.case.former[person]
        return self.side is not None and self.protocol.slots[known.slot].side == self.side

    def tells_of(self, subject: str) -> bool:
        """The same of what something is about, which may be no person."""
        return subject not in {**self.case.former, **self.case.people} or self.shows(subject)

    def _named(self) -> Iterator[str]:
        """The people whom it names: nobody gets by a copy what they don't read themselves."""
        if self.loaded.pseudonymised or (self.is_personal and self.child is None):
            return
        for key in self.identities:
            slot = self.protocol.slots[(self.case.people.get(key) or self.case.former[key]).slot]
            if self.profile.identities or (
                slot.key in self.profile.named and (not self.is_personal or slot.side == self.side)
            ):
                yield key

    def names(self) -> dict[str, Identity]:
        """The identities that it prints: in a guardian's copy, names alone."""
        return {
            key: {"name": identity.get("name", "")} if self.is_personal else identity
            for key, identity in self.identities.items()
            if key in self.named
        }

    def naming(self) -> Naming | None:
        """Everybody who stands in its texts under a sign; None: nobody does."""
        if self.profile.identities and not self.loaded.pseudonymised:
            return None
        return naming_of(self.protocol, self.identities).without({sign_of(self.protocol, key) for key in self.named})

    def unnamed(self) -> tuple[str, ...]:
        """Signs of the people whom the case knows by name, and the copy does not name."""
        slots, people = list(self.protocol.slots), self.case.people
        known = (
            key
            for key in people
            if self.identities.get(key, {}).get("name") and key not in self.named and self.shows(key)
        )
        in_order = sorted(known, key=lambda key: (slots.index(people[key].slot), len(key), key))
        return tuple(sign_of(self.protocol, key) for key in in_order)

    def accounts(self, names: Mapping[str, str]) -> dict[str, str]:
        """The colleagues whom it names: to a family, those who look after the case; who reported stays unnamed."""
        if not self.is_personal:
            return dict(names)
        seated = {one.account for one in self.case.seats} | {self.loaded.actor.id}
        return {key: name for key, name in names.items() if key in seated}

    def _is_judicial(self, about: str) -> bool:
        """Addresses go to a judicial service alone; nothing else is made before it is known to which it goes."""
        number = about.rpartition("-")[2]
        referral = next((one for one in self.case.referrals if str(one.number) == number), None)
        if self.profile.reader != "referral":
            return True
        return referral is not None and self.protocol.targets[referral.target].judicial

    @property
    def sight(self) -> str:
        """What of the reader makes its pages differ from those for other readers of this profile."""
        if self.is_personal:
            return self.guardian or "-"
        return "" if self.has_addresses or not self.profile.addresses else "no addresses"

    # ---- texts -------------------------------------------------------------------------------------------------

    def mask(self, masks: Pseudonymiser, actor: str, role: str) -> Mask:
        """How texts of that writer read in it."""
        return self._also(self._strictly if self.is_personal else masks.by(actor, role))

    def mask_of(self, masks: Pseudonymiser, record: Record) -> Mask:
        return self._also(self._strictly if self.is_personal else masks.of(record))

    def _strictly(self, text: str) -> str:
        """Whoever wrote it: to a family nobody else is named, nor told apart."""
        naming = self.loaded.naming
        return uncounted(with_tokens(text, naming.find_all(text)) if naming is not None else text, self._others)

    @cached_property
    def _others(self) -> frozenset[str]:
        """Signs of the people who don't stand in it."""
        everybody = {**self.case.former, **self.case.people}
        return frozenset(sign_of(self.protocol, key) for key in everybody if not self.shows(key))

    def _also(self, masked: Mask) -> Mask:
        secret = self._secret
        return (lambda text: secret.sub(_ELSEWHERE, masked(text))) if secret is not None else masked

    @cached_property
    def _secret(self) -> re.Pattern[str] | None:
        """Addresses and accounts that are kept back: they stand in no text either."""
        records = (*self.case.records, *self.case.retracted.values())
        found = {one for record in records for one in self._kept_back_of(record) if len(one) >= _SECRET_LEAST}
        pattern = "|".join(map(re.escape, sorted(found, key=len, reverse=True)))
        return re.compile(pattern, re.IGNORECASE) if found else None

    def _kept_back_of(self, record: Record) -> Iterator[str]:
        form = self.case.protocol_at(record.seq, self.protocol).form_of(record.act)
        for item in form.fields:
            value = record.answers.get(item.key)
            if isinstance(value, str) and self._is_kept_back(form, item, record.answers):
                yield value.strip()
                yield re.sub(r"^[a-z]+://(www\.)?|^@", "", value.strip(), flags=re.IGNORECASE)

    def _is_kept_back(self, form: Form, item: FormField, answers: Mapping[str, Any]) -> bool:
        """For the authority alone: where the content is intimate, or nobody has said that it is not."""
        if not item.authority_only or self.has_addresses:
            return False
        asked = [one for one in form.fields if one.forbids_files]
        return not self.profile.words or any(
            answers.get(one.key) in _EMPTY or answers.get(one.key) in one.forbids_files for one in asked
        )

    # ---- entries -----------------------------------------------------------------------------------------------

    def keeps(self, act: str, answers: Mapping[str, Any], form: Form) -> bool:
        """Whether entries of that act stand in it; in a guardian's copy, about their child or themselves alone."""
        if not self.profile.has_act(act):
            return False
        if not self.is_personal:
            return True
        own = {self.child, self.guardian}
        one = (answers.get(item.key) for item in form.fields if item.type is FieldType.person)
        several = (answers.get(item.key) for item in form.fields if item.type is FieldType.persons)
        return all(each in _EMPTY or each in own for each in one) and all(
            each in _EMPTY or not own.isdisjoint(each or ()) for each in several
        )

    def record(self, record: RecordView, written: Record, masks: Pseudonymiser) -> RecordView:
        """An entry with the answers that may stand there, and which do not."""
        if record.hidden == "side":
            self.dropped.sides.add(record.seq)
            return replace(record, derived=_derived(record))
        form, profile = record.form, self.profile
        given = record.answers if profile.is_for_school else form.told_on(record.answers)
        answers = {key: value for key, value in given.items() if self._is_listed(record.act.key, key)}
        limited = without_names if profile.words and record.hidden is None else without_words
        answers = limited(form, answers, self.mask_of(masks, written))
        if not self.typed:
            answers = _not_typed(form.by_key, answers)
        for item in form.fields:
            is_unseen = item.type is FieldType.case and answers.get(item.key) in self.unseen
            is_for_nobody = item.nameless and self.for_no_reader
            if is_unseen or is_for_nobody or self._is_kept_back(form, item, written.answers):
                answers.pop(item.key, None)
        lost = tuple(_lost(form.fields, written.answers, answers))
        self._note(record.seq, lost)
        answers = self._of_people_shown(form.by_key, answers)
        hidden = "words" if any(item.may_name for _key, item in lost) else None
        told = () if profile.acts else tuple(key for key, _item in lost)
        if profile.acts:
            hidden = "copy" if lost else None
        return replace(
            record,
            answers=answers,
            hidden=hidden,
            derived=_derived(record),
            left_out=told,
            actor=self.name(record.actor),
            signatures=tuple(replace(one, name=self.name(one.name)) for one in record.signatures),
        )

    def _of_people_shown(self, fields: Mapping[str, FormField], answers: Mapping[str, Any]) -> dict[str, Any]:
        """Answers that point at nobody who doesn't stand in it; a row about such a person goes."""
        kept: dict[str, Any] = {}
        for key, value in answers.items():
            item = fields[key]
            if item.type is FieldType.rows:
                columns = {column.key: column for column in item.fields}
                rows = [(row, self._of_people_shown(columns, row)) for row in value]
                kept[key] = [own for row, own in rows if len(own) == len(row)]
            elif item.type is FieldType.persons:
                kept[key] = [one for one in value or () if self.tells_of(one)]
            elif item.type is not FieldType.person or value in _EMPTY or self.tells_of(value):
                kept[key] = value
        return kept

    def choices(self, record: Record, form: Form) -> dict[str, Any]:
        """What of its answers may tell the case on page one: no words."""
        given = record.answers if self.profile.is_for_school else form.told_on(record.answers)
        words = {item.key for item in form.fields if item.is_words or item.type is FieldType.rows}
        return {key: value for key, value in given.items() if key not in words and self._is_listed(record.act, key)}

    def told(self, record: RecordView, *, whole: bool) -> RecordView:
        """As it stands in the chronology: what tells the entry in a line, or (not `whole`) what it is about alone."""
        keys = {item.key for item in telling(record.form, whole=whole)}
        kept = {key: value for key, value in record.answers.items() if key in keys}
        return replace(record, answers=kept, signatures=(), hidden=None, left_out=())

    def name(self, name: str) -> str:
        """A colleague's name as it stands there; to a family, of whom they are not told, nothing."""
        return "" if self.is_personal and name == UNNAMED else name

    @property
    def for_no_reader(self) -> bool:
        return self.profile.reader == "self" and not self.profile.words

    def _is_listed(self, act: str, key: str) -> bool:
        return not self.profile.acts or key in self.profile.acts.get(act, ())

    def _note(self, seq: int, lost: Iterable[tuple[str, FormField]]) -> None:
        for key, item in lost:
            if item.authority_only:
                self.dropped.addresses.add((seq, key))
            elif item.may_name:
                self.dropped.words.add(seq)
            else:
                self.dropped.answers.add(seq)


def _derived(record: RecordView) -> dict[str, Any]:
    """Of what follows from an entry, what pages print: the number of a piece."""
    is_piece = record.act.kind is ActKind.evidence and "piece" in record.derived
    return {"piece": record.derived["piece"]} if is_piece else {}


def _not_typed(fields: Mapping[str, FormField], answers: Mapping[str, Any]) -> dict[str, Any]:
    """Answers without free text, in tables neither: a reference may be a name, or lead to one."""
    kept: dict[str, Any] = {}
    for key, value in answers.items():
        item = fields[key]
        if item.type is FieldType.rows:
            kept[key] = [_not_typed({column.key: column for column in item.fields}, row) for row in value]
        elif not item.is_words:
            kept[key] = value
    return kept


def _lost(
    fields: Iterable[FormField], before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[tuple[str, FormField]]:
    """Questions that were answered, and of which the answer is not there any more, columns of tables among them."""
    for item in fields:
        if before.get(item.key) in _EMPTY or item.type in _NEVER:
            continue
        if item.key not in after:
            yield item.key, item
        elif item.type is FieldType.rows:
            for column in item.fields:
                rows = zip(before[item.key], after[item.key], strict=True)
                if any(column.key in whole and column.key not in kept for whole, kept in rows):
                    yield f"{item.key}.{column.key}", column


# ---- to whom a copy can be made out, as its profile says; and why not ----------------------------------------------

SELF = "self"
_REFERRAL = "referral-"
NOBODY_TO_TELL: Mapping[str, str] = {"referral": "no_service_told", "guardian": "no_guardian"}
"""Why a copy of these kinds can't be made out to anybody."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody to whom a copy can be made out: whoever issues it, a unit above, a service told, or a guardian.

    `about` is `self`, a unit's id, `referral-2` or a person's id; `refused` says why none is made out to them now.
    """

    about: str
    unit: Unit | None = None
    target: Target | None = None
    referral: int = 0
    person: PersonLine | None = None
    refused: Reason | None = None

    def said(self, wording: Wording, issuer: str) -> str:
        """As it stands on the copy; a guardian under the sign that they have in the case."""
        if self.unit is not None:
            return wording.text(self.unit.names)
        if self.target is not None:
            target = wording.text(self.target.title)
            return wording._("%(target)s (referral no. %(number)s)", target=target, number=self.referral)
        if self.person is not None:
            return f"{wording.text(self.person.slot.title)} ({self.person.label})"
        return issuer


def readers_of(ctx: AppContext, session: Session, loaded: Loaded, profile: Profile) -> tuple[Reader, ...]:
    """Everybody to whom a copy of that profile could be made out, likeliest first."""
    if profile.reader == "referral":
        return tuple(_services(loaded))
    if profile.reader == "guardian":
        return tuple(_guardians(loaded, names_in(ctx, session, loaded.case_id)))
    if profile.reader == "oversight":
        return _overseers(ctx, loaded)
    return (Reader(SELF),)


def reader_chosen(profile: Profile, readers: Sequence[Reader], about: str) -> Reader:
    """The one meant; where nobody is named, the only or the likeliest one. Raises Refused."""
    nobody = Refused((Reason(NOBODY_TO_TELL.get(profile.reader, "no_such_reader")),))
    if not readers:
        raise nobody
    if about:
        found = next((one for one in readers if one.about == about), None)
        if found is None:
            raise Refused((Reason("no_such_reader"),))
    elif profile.reader in NOBODY_TO_TELL and len(readers) > 1:
        raise Refused((Reason("choose_reader"),))
    else:
        found = readers[0]
    if found.refused is not None:
        raise Refused((found.refused,))
    return found


def _services(loaded: Loaded) -> Iterator[Reader]:
    """The services that this case was referred to and that receive identities."""
    protocol, case = loaded.protocol, loaded.case
    for referral in case.referrals:
        target = protocol.targets[referral.target]
        if target.identified and not target.to_guardians:
            refused = refused_target(protocol, case, target, loaded.roles)
            yield Reader(f"{_REFERRAL}{referral.number}", target=target, referral=referral.number, refused=refused)


def _overseers(ctx: AppContext, loaded: Loaded) -> tuple[Reader, ...]:
    """Those above the school; whoever is one of them may keep it themselves."""
    with ctx.directory.reading() as session:
        units = auth_repository.find_units(session, loaded.around.unit.parents).values()
    above = tuple(Reader(one.id, unit=one) for one in units if one.kind in (UnitKind.province, UnitKind.region))
    roles = (loaded.protocol.roles.get(role) for role in loaded.roles)
    is_above = any(role is not None and role.sees in (ScopeKind.province, ScopeKind.region) for role in roles)
    return (Reader(SELF), *above) if is_above or not above else above


def _guardians(loaded: Loaded, names: Mapping[str, Identity]) -> Iterator[Reader]:
    seeing = Seeing(loaded, {})
    for key, person in loaded.case.people.items():
        if loaded.protocol.slots[person.slot].guardian:
            yield Reader(key, person=seeing.person(key), refused=_refused_guardian(loaded, names, key))


def _refused_guardian(loaded: Loaded, names: Mapping[str, Identity], guardian: str) -> Reason | None:
    """A hold on somebody holds wherever they stand in the case; and nobody reads for one side who stands on another."""
    protocol, case = loaded.protocol, loaded.case
    same = same_as(case, names, guardian)
    held = held_back(protocol, case, *same)
    if held is not None:
        return held
    own = protocol.slots[case.people[guardian].slot]
    for key in same:
        other = protocol.slots[case.people[key].slot]
        if other.staff or (other.side not in (None, own.side) and not other.protected):
            return Reason("guardian_two_sides")
    return None if own_pupil(protocol, case, guardian) is not None else Reason("guardian_of_whom")


# ---- which copies of a case somebody may issue, in which languages, and what must be confirmed before --------------


@dataclass(frozen=True, slots=True)
class CaseFileOptions:
    """The copies that this person may issue; `missing` says what typesetting lacks on this machine."""

    head: CaseHead
    profiles: tuple[Profile, ...]
    languages: tuple[str, ...]
    missing: str | None
    copies: int
    summaries: tuple[SummaryAsked, ...] = ()
    """For the copies that print a summary: how it stands."""
    readers: Mapping[str, tuple[Reader, ...]] = field(default_factory=dict)
    """Profile → to whom its copies can be made out."""
    is_nameless: bool = False
    """Whoever issues a copy reads no names: none that they issue has any."""

    def possible(self, profile: str) -> tuple[Reader, ...]:
        """To whom a copy of that profile can be made out now."""
        return tuple(one for one in self.readers.get(profile, ()) if one.refused is None)

    def refused(self, profile: str) -> tuple[tuple[Reader | None, Reason], ...]:
        """To whom it can't be made out now, and why; nobody: because there is nobody."""
        if not self.readers.get(profile):
            kind = next(one.reader for one in self.profiles if one.key == profile)
            return ((None, Reason(NOBODY_TO_TELL.get(kind, "no_such_reader"))),)
        return tuple((one, one.refused) for one in self.readers[profile] if one.refused is not None)

    def awaits(self, profile: str) -> bool:
        """Whether this person confirms a summary before that copy."""
        return any(one.is_asked and profile in one.profiles for one in self.summaries)


@dataclass(frozen=True, slots=True)
class SummaryAsked:
    """The summary that some copies print: who confirmed it, when; `is_asked`: this person confirms it first."""

    act: Act
    profiles: tuple[str, ...]
    role: str = ""
    at: datetime | None = None
    stands: bool = False
    is_asked: bool = False


def document_of(loaded: Loaded) -> Document:
    """The case file, among the documents of the protocol."""
    return next(document for document in loaded.protocol.documents.values() if document.is_case_file)


def profiles_of(loaded: Loaded) -> tuple[Profile, ...]:
    """The profiles of the case file that this person's roles may hand out."""
    return tuple(
        profile
        for profile in document_of(loaded).profiles.values()
        if role_for(loaded.protocol, profile.for_, loaded.roles) is not None
    )


def see_case_file(ctx: AppContext, actor: Actor, number: str) -> CaseFileOptions:
    """What copies of the case file this person may issue."""
    with ctx.realm.reading() as session:
        loaded = load(ctx, session, actor, number)
        seeing = Seeing(loaded, {})
        profiles = profiles_of(loaded)
        if not profiles:
            raise Unseen(number)
        languages = tuple(one for one in ctx.settings.languages if one in loaded.protocol.languages)
        copies = sum(1 for issued in loaded.case.documents if issued.document == document_of(loaded).key)
        summaries = tuple(_summaries(loaded, seeing, profiles))
        return CaseFileOptions(
            seeing.head(),
            profiles,
            languages,
            rendering.missing(),
            copies,
            summaries,
            {profile.key: readers_of(ctx, session, loaded, profile) for profile in profiles},
            is_nameless=loaded.pseudonymised,
        )


def _summaries(loaded: Loaded, seeing: Seeing, profiles: Sequence[Profile]) -> Iterator[SummaryAsked]:
    for act in dict.fromkeys(profile.summary for profile in profiles if profile.summary is not None):
        printed = tuple(profile.key for profile in profiles if profile.summary == act)
        record = last_summary(loaded.protocol, loaded.case, act)
        is_standing = stands(loaded.case, record)
        yield SummaryAsked(
            loaded.protocol.acts[act],
            printed,
            record.role if record else "",
            record.at if record else None,
            is_standing,
            is_asked=not is_standing and seeing.choice(act).is_open,
        )


def check_summary(loaded: Loaded, profile: Profile) -> None:
    """Whoever could write the summary that a copy prints has confirmed it for the case as it is."""
    if any(one.is_asked for one in _summaries(loaded, Seeing(loaded, {}), [profile])):
        act = profile.summary or ""
        raise Refused((Reason("summary_first", acts=(act,), roles=loaded.protocol.acts[act].by),))
