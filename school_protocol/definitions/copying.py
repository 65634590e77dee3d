"""The checks of a case file's copies: to whom each goes, whom it names, and which entries and answers stand in it."""

from __future__ import annotations

from school_protocol.definitions.book import Book
from school_protocol.definitions.tree import Path
from school_protocol.domain.document_rules import Document, Profile
from school_protocol.domain.forms import FieldType
from school_protocol.domain.phrases import N_
from school_protocol.domain.protocol import ActKind

_ELSEWHERE = frozenset({FieldType.signature, FieldType.grid})
"""Answers that a copy prints in a place of their own."""
_KINDS = {
    ActKind.evidence: "evidence", ActKind.follow_up: "follow_ups", ActKind.refer: "referrals",
    ActKind.answer_referral: "referrals",
}  # fmt: skip


def check(book: Book) -> None:
    for key, document in book.protocol.documents.items():
        for name, profile in document.profiles.items():
            path = ("documents", key, "profiles", name)
            _readers(book, path, profile)
            _named(book, path, profile)
            _sections(book, path, document, profile)
            _acts(book, path, document, profile)


def _readers(book: Book, path: Path, profile: Profile) -> None:
    protocol = book.protocol
    is_told = any(one.identified for one in protocol.targets.values())
    if profile.reader == "referral" and book.declared.is_whole("targets") and not is_told:
        book.say((*path, "reader"), N_("no target is identified: such a copy could be made out to nobody"))
    has_guardians = any(one.guardian for one in protocol.slots.values())
    if profile.reader == "guardian" and book.declared.is_whole("slots") and not has_guardians:
        book.say((*path, "reader"), N_("no slot is of guardians: such a copy could be made out to nobody"))
    if profile.addresses and profile.reader != "referral":
        book.say((*path, "addresses"), N_("addresses go to a service that the case was referred to: reader referral"))


def _named(book: Book, path: Path, profile: Profile) -> None:
    book.refer((*path, "named"), profile.named, "slots")
    if profile.reader == "guardian" and profile.identities:
        text = N_("a guardian’s copy never names everybody: it names people of their own side, under named")
        book.say((*path, "identities"), text)
    elif profile.named and profile.identities:
        book.say((*path, "named"), N_("identities names everybody already"))
    if profile.reader == "guardian" and not profile.acts:
        book.say(path, N_("a guardian’s copy says which entries and answers stand in it: write acts"))


def _sections(book: Book, path: Path, document: Document, profile: Profile) -> None:
    kinds = {section.kind for section in document.sections}
    for number, kind in enumerate(profile.sections):
        if kind not in kinds and book.declared.is_whole("documents", document.key):
            book.say((*path, "sections", number), N_("the document has no section of kind %(kind)s"), kind=kind)


def _acts(book: Book, path: Path, document: Document, profile: Profile) -> None:
    book.refer((*path, "acts"), profile.acts, "acts")
    for key, fields in profile.acts.items():
        here = (*path, "acts", key)
        if not _is_printed(book, document, profile, key):
            book.say(here, N_("no section of this copy prints entries of %(act)s"), act=key)
        form = book.form_of(key)
        for number, name in enumerate(fields):
            field = book.field((*here, number), form, name)
            if field is None:
                continue
            if field.type in _ELSEWHERE:
                text = N_('field "%(name)s" is %(type)s: it stands in a place of its own, and is not listed')
                book.say((*here, number), text, name=name, type=field.type.value)
            elif field.authority_only and not profile.addresses:
                text = N_('field "%(name)s" is for an authority alone: a copy with addresses prints it')
                book.say((*here, number), text, name=name)
            elif field.for_figures and not profile.is_for_school:
                text = N_('field "%(name)s" is for figures: the school’s own copy alone prints it')
                book.say((*here, number), text, name=name)
            elif field.may_name and not profile.words:
                text = N_('field "%(name)s" is somebody’s words: they stand there only with words')
                book.say((*here, number), text, name=name)


def _is_printed(book: Book, document: Document, profile: Profile, key: str) -> bool:
    act = book.protocol.acts.get(key)
    if act is None or not book.declared.is_whole("documents", document.key):
        return True
    kind = _KINDS.get(act.kind)
    has_own = any(key in section.acts for section in document.sections) and profile.has("records")
    return has_own or (kind is not None and profile.has(kind) and any(one.kind == kind for one in document.sections))
