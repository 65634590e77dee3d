"""Service of letters, notices, notes and sheets: which somebody may issue, what one says, and handing it out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from school_protocol.auth import repository as auth_repository
from school_protocol.case_files.content import Answered, Called, Exhibit, Paper, Printed, Recipient
from school_protocol.case_files.printing import called
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.case_view import Seeing
from school_protocol.cases.loading import Loaded, account_names, accounts_in, load, names_in, naming_of, sign_of
from school_protocol.cases.view_models import CaseHead, PersonLine, RecordView
from school_protocol.context import AppContext
from school_protocol.engine.actors import role_for
from school_protocol.engine.case_parts import Record, Referral
from school_protocol.engine.definition import ActKind, Target
from school_protocol.engine.definition_parts import Document, Piece
from school_protocol.engine.document_rules import (
    held_back,
    letter_referrals,
    own_pupil,
    recipients,
    refused_target,
    same_as,
)
from school_protocol.engine.errors import Refused, Unseen
from school_protocol.engine.intents import Reason
from school_protocol.engine.name_detection import Identity, Naming, apart, with_tokens
from school_protocol.engine.visibility import Actor, Unit
from school_protocol.people.contacts import Addressee, addressee
from school_protocol.storage import journal
from school_protocol.storage.engines import Session

CASE = "case"
_REFERRAL = "referral-"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a copy can be about; `refused` says why none is issued about it now."""

    about: str
    """`referral-2`, a person's id, or `case`."""
    referral: int = 0
    target: Target | None = None
    person: PersonLine | None = None
    refused: Reason | None = None


@dataclass(frozen=True, slots=True)
class LetterLine:
    """A document that this person may issue, with what a copy can be about; none: nothing in the case calls for it."""

    document: Document
    subjects: tuple[Subject, ...]
    copies: int
    sent: tuple[tuple[str, bool], ...] = ()
    """Numbers under which copies left, each with whether it was taken back."""

    def subject(self, about: str) -> Subject | None:
        """That one; without a choice, the only one."""
        if not about and len(self.subjects) == 1:
            return self.subjects[0]
        return next((one for one in self.subjects if one.about == about), None)


@dataclass(frozen=True, slots=True)
class LetterOptions:
    head: CaseHead
    letters: tuple[LetterLine, ...]
    languages: tuple[str, ...]


# ---- who may issue what ------------------------------------------------------------------------------------------


def see_letters(ctx: AppContext, actor: Actor, number: str) -> LetterOptions:
    """The letters, notices, notes and sheets that this person may issue; raises Unseen where there is none."""
    with ctx.realm.reading() as session:
        loaded = load(ctx, session, actor, number)
        letters = letters_of(loaded)
        if not letters:
            raise Unseen(number)
        languages = tuple(one for one in ctx.settings.languages if one in loaded.protocol.languages)
        names = names_in(ctx, session, loaded.case_id)
        lines = tuple(
            LetterLine(
                one,
                tuple(subjects(loaded, one, names)),
                cases_repository.case_copies(session, loaded.case_id, one.key),
                _sent(loaded, one),
            )
            for one in letters
        )
        return LetterOptions(Seeing(loaded, {}).head(), lines, languages)


def letters_of(loaded: Loaded) -> tuple[Document, ...]:
    """The documents beside the case file that this person's roles may issue."""
    return tuple(
        document
        for document in loaded.protocol.documents.values()
        if document.is_letter
        and not loaded.metadata_only
        and role_for(loaded.protocol, document.for_, loaded.roles) is not None
    )


def _sent(loaded: Loaded, document: Document) -> tuple[tuple[str, bool], ...]:
    of_it = (one for one in loaded.case.documents if one.document == document.key and one.dispatch)
    return tuple((one.dispatch, (one.document, one.copy) in loaded.case.revoked) for one in of_it)


def subjects(loaded: Loaded, document: Document, names: Mapping[str, Identity]) -> Iterator[Subject]:
    """What a copy of it can be about, in the order of the case; `names`: who the people of the case are."""
    protocol, case, seeing = loaded.protocol, loaded.case, Seeing(loaded, {})
    if document.per == "referral":
        for referral in letter_referrals(protocol, case):
            target = protocol.targets[referral.target]
            refused = refused_target(protocol, case, target, loaded.roles)
            yield Subject(f"{_REFERRAL}{referral.number}", referral.number, target, refused=refused)
    elif document.per == "guardian":
        for person in recipients(protocol, case, document):
            refused = held_back(protocol, case, *same_as(case, names, person))
            yield Subject(person, person=seeing.person(person), refused=refused)
    else:
        yield Subject(CASE, refused=_unwritten(loaded, document))


def chosen(loaded: Loaded, names: Mapping[str, Identity], document: str, about: str) -> tuple[Document, Subject]:
    """The document and what it is about. Raises Unseen where it isn't this person's, Refused where it can't be now."""
    found = next((one for one in letters_of(loaded) if one.key == document), None)
    if found is None:
        raise Unseen(document)
    line = LetterLine(found, tuple(subjects(loaded, found, names)), 0)
    subject = line.subject(about)
    if subject is None:
        raise Refused((Reason("no_letter" if found.per == "referral" else "no_recipient"),))
    if subject.refused is not None:
        raise Refused((subject.refused,))
    return found, subject


def _unwritten(loaded: Loaded, document: Document) -> Reason | None:
    """That what it must print is not written yet, with where to write it."""
    for piece in document.body:
        if piece.required and piece.act is not None and not _given(loaded, piece):
            act = loaded.protocol.acts[piece.act]
            return Reason("nothing_to_print", acts=(act.key,), roles=act.by)
    return None


def _given(loaded: Loaded, piece: Piece) -> bool:
    record = _latest(loaded, piece.act or "")
    return record is not None and any(record.answers.get(name) not in (None, "", []) for name in piece.fields)


def _latest(loaded: Loaded, act: str) -> Record | None:
    """The latest entry of an act that is in force."""
    records = [one for one in loaded.case.records_of(act) if one.effective_seq is not None]
    return records[-1] if records else None


# ---- what it says ------------------------------------------------------------------------------------------------


def letter_view(
    ctx: AppContext,
    session: Session,
    loaded: Loaded,
    document: Document,
    subject: Subject,
    language: str,
    role: str | None = None,
) -> Paper:
    """What that paper says, as far as whoever issues it may read it and its reader may have it.

    `role`: in which it was issued, where that was before; None: in which this person may issue it.
    """
    return _Writing(ctx, session, loaded, document, subject, language).paper(role)


class _Writing:
    def __init__(
        self, ctx: AppContext, session: Session, loaded: Loaded, document: Document, subject: Subject, language: str
    ) -> None:
        self.ctx, self.session, self.loaded = ctx, session, loaded
        self.protocol = loaded.protocol
        self.document, self.subject = document, subject
        self.accounts = account_names(ctx, [*accounts_in(loaded), loaded.actor.id], language)
        self.seeing = Seeing(loaded, self.accounts)
        self.referral = self._referral()
        self.record = loaded.case.record(self.referral.seq) if self.referral else None
        self.named = self._named()
        self.left_out: list[str] = []

    def paper(self, role: str | None) -> Paper:
        loaded, subject = self.loaded, self.subject
        head = journal.content_head(self.session, loaded.case_id)
        assert head is not None
        role = role or role_for(self.protocol, self.document.for_, loaded.roles)
        assert role is not None
        body = tuple(piece for one in self.document.body for piece in self._printed(one))
        to = self._addressee()
        return Paper(
            protocol=self.protocol,
            document=self.document,
            number=loaded.case.number,
            about=subject.about,
            as_of=loaded.now,
            unit=loaded.around.unit,
            places=self._places(),
            recipient=Recipient(subject.target, self._guardian(), self.document.to, to.names, to.city),
            issuer=self.accounts.get(loaded.actor.id, "—"),
            role=role,
            body=body,
            covers=self.referral.covers if self.referral else (),
            sent_at=self.referral.at if self.referral else None,
            referral=subject.referral,
            copy=cases_repository.case_copies(self.session, loaded.case_id, self.document.key) + 1,
            earlier=self._earlier(),
            basis=self._of_referral(self.document.basis),
            copies=self._of_referral(self.document.copies),
            pupil=self._pupil(),
            names={**self.accounts, **{key: self._label(key) for key in loaded.case.people}},
            signs={sign_of(self.protocol, key): self._label(key) for key in loaded.case.people},
            left_out=tuple(dict.fromkeys([*self._always_left_out(), *self.left_out])),
            content_seq=head.seq,
            content_head=head.hash,
        )

    # ---- whom it names -----------------------------------------------------------------------------------------

    def _referral(self) -> Referral | None:
        return next((one for one in self.loaded.case.referrals if one.number == self.subject.referral), None)

    def _addressee(self) -> Addressee:
        """The organisation that the referral went to, or else the one of that service in the school's own town."""
        if self.referral is None:
            return Addressee()
        return addressee(self.ctx, self.protocol, self.loaded.case.unit, self.referral.target, self.referral.whom)

    def _earlier(self) -> tuple[str, datetime] | None:
        case, about = self.loaded.case, self.subject.about
        sent = [
            (one.dispatch, one.at)
            for one in case.documents
            if one.dispatch and one.profile == about and (one.document, one.copy) not in case.revoked
        ]
        return sent[-1] if sent else None

    def _of_referral(self, field: str | None) -> Answered | None:
        """An answer of the entry of the referral."""
        if self.record is None or field is None:
            return None
        return next(self._answered(self.seeing.record(self.record), (field,), words=False), None)

    def _named(self) -> frozenset[str]:
        """The people whose names this paper may print: those whom a referral names to a service that gets names."""
        target = self.subject.target
        if target is None or not target.identified or self.record is None:
            return frozenset()
        form = self.loaded.case.protocol_at(self.record.seq, self.protocol).form_of(self.record.act)
        found = [self.record.answers.get(item.key) for item in form.fields if item.is_for_people]
        ids = (one for value in found for one in ([value] if isinstance(value, str) else value or ()))
        return frozenset(one for one in ids if one in self.loaded.names)

    def _person(self, key: str) -> PersonLine:
        person = self.seeing.person(key)
        return person if key in self.named else replace(person, name=None, identity={})

    def _label(self, key: str) -> str:
        person = self._person(key)
        return f"{person.label} · {person.name}" if person.name else person.label

    def _guardian(self) -> PersonLine | None:
        """Under their own name, where whoever issues it may read it."""
        return replace(self.subject.person, identity={}) if self.subject.person is not None else None

    def _pupil(self) -> str:
        """The guardian's own pupil, by name, where the case leaves no doubt who that is."""
        if self.subject.person is None:
            return ""
        pupil = own_pupil(self.protocol, self.loaded.case, self.subject.person.id)
        name = self.seeing.person(pupil).name if pupil else None
        return name or ""

    def _places(self) -> tuple[Unit, ...]:
        with self.ctx.directory.reading() as session:
            return tuple(auth_repository.find_units(session, self.loaded.around.unit.parents).values())

    def _always_left_out(self) -> Iterator[str]:
        if self.loaded.pseudonymised and self.document.per == "referral":
            yield "issuer"
        elif self.document.per == "referral" and not self.named:
            yield "names"
        elif self.document.per == "guardian":
            yield "others"
        elif self.document.per == CASE:
            yield "pupils"
        if self.document.per != "guardian":
            yield "words"

    # ---- pieces ------------------------------------------------------------------------------------------------

    def _printed(self, piece: Piece) -> Iterator[Printed]:
        """The piece, where its condition holds and there is something to print."""
        if piece.when is not None and piece.when.truth(self.loaded.facts) is not True:
            return
        made = Printed(
            title=piece.title,
            text=piece.text,
            points=tuple(rule.sentence for rule in self.protocol.retention) if piece.kept else piece.points,
            answers=self._answers(piece),
            people=self._people(piece.people) if self.document.per == "referral" else (),
            counts=() if self.document.per == "referral" else self._counts(piece.people),
            exhibits=self._exhibits(piece.evidence),
            services=self._services(piece.services),
        )
        if any((made.text, made.points, made.answers, made.people, made.counts, made.exhibits, made.services)):
            yield made
        elif piece.act and piece.title and self.document.kind == "sheet":
            yield replace(made, is_missing=True)  # its reader copies part by part, and looks for this one

    def _answers(self, piece: Piece) -> tuple[Answered, ...]:
        record = self._source(piece.act) if piece.act else None
        if record is None:
            return ()
        shown = self.seeing.record(record)
        return tuple(self._answered(shown, piece.fields, words=piece.words))

    def _source(self, act: str) -> Record | None:
        """Of the act that made the referral, its own entry; else the latest one."""
        return self.record if self.record is not None and self.record.act == act else _latest(self.loaded, act)

    def _answered(self, record: RecordView, wanted: Iterable[str], *, words: bool) -> Iterator[Answered]:
        for name in wanted:
            field, value = record.form.by_key.get(name), record.answers.get(name)
            if field is None or value in (None, "", [], ()):
                continue
            if field.may_name and not (words or field.authority_only):
                continue
            yield Answered(field, self._masked(value) if field.is_words and not field.authority_only else value)

    def _masked(self, value: Any) -> Any:
        """Words with signs in place of everybody whom this paper does not name."""
        if not isinstance(value, str):
            return value
        allowed = {sign_of(self.protocol, key) for key in self.named}
        found = apart(self._naming.find_all(value))
        return with_tokens(value, [one for one in found if not one.signs or not allowed.issuperset(one.signs)])

    @cached_property
    def _naming(self) -> Naming:
        return naming_of(self.protocol, names_in(self.ctx, self.session, self.loaded.case_id))

    def _people(self, slots: Sequence[str]) -> tuple[PersonLine, ...]:
        """Those whom the referral names, else those of these slots by their signs."""
        people = [one.id for one in self.seeing.people() if one.slot.key in slots or one.id in self.named]
        return tuple(self._person(key) for key in people) if slots else ()

    def _counts(self, slots: Sequence[str]) -> tuple[tuple[Any, int], ...]:
        people = self.loaded.case.people.values()
        return tuple((self.protocol.slots[slot], sum(one.slot == slot for one in people)) for slot in slots)

    def _exhibits(self, fields: Sequence[str]) -> tuple[Exhibit, ...]:
        if not fields:
            return ()
        records = [one for one in self.loaded.case.records if one.kind is ActKind.evidence]
        found = [
            Exhibit(number, tuple(self._answered(self.seeing.record(record), self._open(record, fields), words=False)))
            for number, record in enumerate(records, 1)
        ]
        if found:
            self.left_out.append("files")
        return tuple(one for one in found if one.answers)

    def _open(self, record: Record, fields: Sequence[str]) -> tuple[str, ...]:
        """Addresses and accounts go to a judicial authority that gets names, and to nobody else."""
        target = self.subject.target
        form = self.protocol.form_of(record.act)
        kept = [one.key for one in form.fields if one.authority_only]
        if target is not None and target.judicial and target.identified:
            return tuple(fields)
        if any(name in kept and record.answers.get(name) for name in fields):
            self.left_out.append("addresses")
        return tuple(name for name in fields if name not in kept)

    def _services(self, targets: Sequence[str]) -> tuple[Called, ...]:
        return called(self.ctx, self.protocol, self.loaded.case.unit, targets)
