"""Cross checks of a definition: whether it hangs together, keeps its declared properties, and reaches every state.

Each finding says where, and what, in plain words.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from school_protocol.config import LANGUAGES
from school_protocol.engine.definition import HISTORY, START, ActKind, Property, Protocol, Role, Said, ScopeKind
from school_protocol.engine.definition_parts import Profile
from school_protocol.engine.form_model import FormField, Option
from school_protocol.engine.kernel import contrary
from school_protocol.engine.texts import N_, Listing, Text
from school_protocol.protocol import document_checks, fact_checks, form_checks, report_checks, settings
from school_protocol.protocol.check_context import Book, Declared, Finding, either
from school_protocol.protocol.yaml_tree import Path

# ---- properties that a definition declares of itself: each says one thing, of states that exist --------------------

_KINDS = ("never", "always_possible", "leads_to")


def check_properties(book: Book) -> None:
    for key, one in book.protocol.properties.items():
        _property(book, key, one)


def _property(book: Book, key: str, one: Property) -> None:
    path = ("properties", key)
    said = [kind for kind in _KINDS if getattr(one, kind)]
    if len(said) != 1 and book.declared.is_whole(*path):
        if said:
            text = N_("a property says one of %(kinds)s, not %(said)s")
            book.say(path, text, kinds=Listing(_KINDS), said=Listing(said, "and"))
        else:
            book.say(path, N_("a property says one of %(kinds)s"), kinds=Listing(_KINDS))
    book.over_facts((*path, "never"), one.never)
    book.refer_one((*path, "always_possible"), one.always_possible, "acts", "moves")
    book.refer((*path, "leads_to"), one.leads_to, "states")
    book.refer((*path, "in"), one.in_, "states", also=("open",))
    book.refer((*path, "entering"), one.entering, "states")
    if one.entering and one.never is None and book.declared.is_whole(*path):
        book.say((*path, "entering"), N_("only `never` looks at moves: the others look at where a case stands (`in`)"))
    if one.entering and one.in_:
        book.say((*path, "in"), N_("`in` or `entering`: where the case stands, or as it is entered"))


# ---- the whole: can every state be reached and left, is every fact read --------------------------------------------
# Only asked of parts without a fault.


def check_whole(book: Book) -> None:
    is_sound = book.is_sound("states", "moves")
    _unread(book)
    if is_sound:
        _graph(book)
    if is_sound and book.is_sound("acts"):
        _automatic(book)


def _unread(book: Book) -> None:
    parts = ("facts", "needs", "moves", "deadlines", "duties", "retention", "assessment")
    if book.has_unknown_facts or not all(book.declared.is_whole(part) for part in parts):
        return
    assessed = book.protocol.assessment.fact if book.protocol.assessment else None
    for key, fact in book.protocol.facts.items():
        if key not in book.facts_read and not fact.figure and key != assessed:
            book.say(("facts", key), N_("declared but never read"))


def _graph(book: Book) -> None:
    protocol = book.protocol
    moves = protocol.moves.values()
    initial = next((key for key, state in protocol.states.items() if state.initial), None)
    opening = [move for move in moves if START in move.from_]
    if not opening:
        book.say(("moves",), N_("no move begins at START: no case could ever be opened"))
        return
    if initial is not None and all(move.to != initial for move in opening):
        book.say(("states", initial), N_("no move leads from START to the initial state"))
    ways: dict[str, set[str]] = {}
    for move in moves:
        for source in move.from_:
            ways.setdefault(source, set()).update({move.to} - {HISTORY})
    reached, left = _reached(ways), {source for move in moves if not move.automatic for source in move.from_}
    for key, state in protocol.states.items():
        if key not in reached:
            book.say(("states", key), N_("no moves lead here from START"))
        if not state.ended and key not in left:
            book.say(("states", key), N_("no move leads out of here, and it is not ended"))


def _reached(ways: dict[str, set[str]]) -> set[str]:
    reached, waiting = {START}, deque([START])
    while waiting:
        for target in ways.get(waiting.popleft(), ()):
            if target not in reached:
                reached.add(target)
                waiting.append(target)
    return reached


def _automatic(book: Book) -> None:
    protocol = book.protocol
    made = {act.moves for act in protocol.acts.values()}
    for key, move in protocol.moves.items():
        if move.automatic and key not in made:
            book.say(("moves", key, "automatic"), N_("no act makes this move: name it in an act's moves"))
        if move.to == HISTORY and not any(other.automatic for other in protocol.moves.values()):
            book.say(("moves", key, "to"), N_("history needs an automatic move whose way back it is"))
    for act in protocol.acts_of(ActKind.raise_danger):
        if act.moves is not None and act.moves in protocol.moves and not protocol.moves[act.moves].automatic:
            book.say(("acts", act.key, "moves"), N_('move "%(move)s" is not automatic'), move=act.moves)


RESERVED = frozenset(
    {
        "START", "open", "any", "everyone", "history", "mover", "proposer", "opening", "entry", "danger", "role",
        "external", "judicial", "on_danger", "about_self",
    }
)  # fmt: skip

_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")
_OPTION = re.compile(r"[a-z0-9][a-z0-9_]*")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?")
_KEY = re.compile(r"[a-z0-9][a-z0-9-]*")
_PARTS = (
    "stages", "states", "roles", "seats", "sides", "slots", "forms", "acts", "moves", "facts", "needs", "properties",
    "deadlines", "duties", "grids", "dangers", "targets", "cautions", "documents", "audiences", "words",
)  # fmt: skip
_LONGEST = 64
_VERSIONS = 1_000_000


def check_definition(protocol: Protocol, declared: Declared, *, kernel: bool) -> list[Finding]:
    """Every fault of how the parts of `protocol` hang together, and of what asks for the contrary of the `kernel`."""
    book = Book(protocol, declared)
    _states(book)
    _people(book)
    _dangers(book)
    _documents(book)
    document_checks.check_copies(book)
    document_checks.check_remarks(book)
    document_checks.check_bundles(book)
    form_checks.check(book)
    fact_checks.check(book)
    document_checks.check_letters(book)
    document_checks.check_yearly_reports(book)
    document_checks.check_pieces(book)
    report_checks.check_figures(book)
    document_checks.check_reviews(book)
    report_checks.check_public_reports(book)
    report_checks.check_wordings(book)
    settings.check(book)
    check_properties(book)
    check_whole(book)
    _identity(book)
    _identifiers(book)
    _texts(book)
    if kernel and not book.findings and book.is_sound(*_PARTS):
        _kernel(book)
    return book.findings


def _kernel(book: Book) -> None:
    for one in contrary(book.protocol):
        book.say(one.path, one.said)


# ---- what the definition is called, and in which languages ------------------------------------------------------


def _identity(book: Book) -> None:
    protocol = book.protocol
    if not _KEY.fullmatch(protocol.protocol):
        book.say(
            ("protocol",), N_('"%(name)s" is not a name: small letters, digits and hyphens'), name=protocol.protocol
        )
    if not 1 <= protocol.version <= _VERSIONS:
        book.say(("version",), N_("versions count from 1 to %(most)s"), most=_VERSIONS)
    seen: set[str] = set()
    for number, code in enumerate(protocol.languages):
        if not _LANGUAGE.fullmatch(code):
            book.say(("languages", number), N_('"%(code)s" is not a language code'), code=code)
        if code in seen:
            book.say(("languages", number), N_('language "%(code)s" is named twice'), code=code)
        seen.add(code)
    missing = [code for code in LANGUAGES if code not in seen]
    if missing and book.declared.is_whole("languages"):
        book.say(("languages",), N_("languages must hold %(missing)s"), missing=Listing(missing))
    for code in protocol.spoken:
        if not _LANGUAGE.fullmatch(code):
            book.say(("spoken", code), N_('"%(code)s" is not a language code'), code=code)
        elif code in seen:
            book.say(("spoken", code), N_('language "%(code)s" is among those of this definition already'), code=code)


def _texts(book: Book) -> None:
    if not book.declared.is_whole("languages"):
        return
    wanted = [code for code in book.protocol.languages if _LANGUAGE.fullmatch(code)]
    for path, text in texts(book.protocol):
        for code in wanted:
            if code not in text.root and not _was_cut(book, (*path, code)):
                book.say(path, N_('missing language "%(code)s"'), code=code)
        besides = book.declared.of("spoken") if isinstance(text, Said) else frozenset()
        for code in text.root:
            if code not in wanted and code not in LANGUAGES and code not in besides:
                book.say((*path, code), N_('language "%(code)s" is not among those of this definition'), code=code)


def _was_cut(book: Book, path: Path) -> bool:
    return path in book.declared.cut


def texts(protocol: Protocol) -> Iterator[tuple[Path, Text]]:
    """Every text of a definition with its place in the file."""
    yield from texts_in(protocol, ())


def texts_in(value: Any, path: Path) -> Iterator[tuple[Path, Text]]:
    if isinstance(value, Text):
        yield path, value
    elif isinstance(value, BaseModel):
        for name, info in type(value).model_fields.items():
            yield from texts_in(getattr(value, name), (*path, info.alias or name))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from texts_in(item, (*path, str(key)))
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            yield from texts_in(item, (*path, item.key if isinstance(item, FormField | Option) else number))


# ---- identifiers ------------------------------------------------------------------------------------------------


def _identifiers(book: Book) -> None:
    for path, keys in _named(book.protocol):
        for key in keys:
            _identifier(book, (*path, key))
    for part in _PARTS:
        _codes(book, part, getattr(book.protocol, part))
    for form in book.protocol.forms.values():
        _field_names(book, form.fields, ("forms", form.key, "fields"))


def _named(protocol: Protocol) -> Iterator[tuple[Path, Iterable[str]]]:
    """Where keys stand that people write, those of fields apart."""
    yield from (((part,), getattr(protocol, part)) for part in _PARTS)
    yield from ((("grids", grid.key, "items"), grid.items) for grid in protocol.grids.values())
    yield from ((("documents", one.key, "profiles"), one.profiles) for one in protocol.documents.values())
    if protocol.figures is not None:
        yield ("figures", "tables"), protocol.figures.tables
        yield ("figures", "waits"), protocol.figures.waits
    if protocol.signalement is not None:
        yield ("signalement", "orientations"), protocol.signalement.orientations
        yield ("signalement", "sheets"), protocol.signalement.sheets


def _field_names(book: Book, fields: tuple[FormField, ...], path: Path) -> None:
    for field in fields:
        here = (*path, field.key)
        _identifier(book, here)
        for option in field.options:
            if not _OPTION.fullmatch(option.key):
                book.say((*here, "options", option.key), N_("an option's key is written with a-z, 0-9 and _"))
        _field_names(book, field.fields, (*here, "fields"))


def _identifier(book: Book, path: Path) -> None:
    key = str(path[-1])
    if key in RESERVED:
        book.say(path, N_('"%(key)s" is a word of the format: choose another name'), key=key)
    elif not _IDENTIFIER.fullmatch(key):
        book.say(path, N_('"%(key)s" is not a name: it begins with a-z, then a-z, 0-9 and _'), key=key)
    elif len(key) > _LONGEST:
        book.say(path, N_("a name has at most %(most)s letters"), most=_LONGEST)


def _codes(book: Book, part: str, entries: Mapping[str, Any]) -> None:
    seen: dict[str, str] = {}
    for key, entry in entries.items():
        code = getattr(entry, "code", "")
        if not code:
            continue
        if code in seen:
            book.say(
                (part, key, "code"), N_('code "%(code)s" is already that of %(owner)s'), code=code, owner=seen[code]
            )
        elif code != key and code in entries:
            text = N_('code "%(code)s" is already the key of another of the %(part)s')
            book.say((part, key, "code"), text, code=code, part=part)
        seen.setdefault(code, key)


# ---- states, people, dangers, documents -------------------------------------------------------------------------


def _states(book: Book) -> None:
    for key, state in book.protocol.states.items():
        book.refer_one(("states", key, "stage"), state.stage, "stages")
        if state.initial and state.ended:
            book.say(("states", key), N_("the initial state cannot be an ended one"))
        if state.successor and not state.ended:
            book.say(("states", key, "successor"), N_("only an ended state has a successor"))
    if not book.declared.is_whole("states"):
        return
    initial = [key for key, state in book.protocol.states.items() if state.initial]
    if not initial:
        book.say(("states",), N_("no state is initial: one must be"))
    for key in initial[1:]:
        book.say(
            ("states", key, "initial"), N_("%(state)s is initial already: only one state can be"), state=initial[0]
        )


def _people(book: Book) -> None:
    for key, role in book.protocol.roles.items():
        _role(book, role, ("roles", key))
    for key, seat in book.protocol.seats.items():
        book.refer_one(("seats", key, "acts_as"), seat.acts_as, "roles")
        book.people(("seats", key, "named_by"), seat.named_by)
        book.refer(("seats", key, "exempt"), seat.exempt, "roles")
        if seat.exempt and not seat.trained:
            book.say(("seats", key, "exempt"), N_("this seat asks nobody for a certificate"))
        if seat.receives and seat.acts_as is not None:
            book.say(("seats", key, "acts_as"), N_("a seat that receives acts as nobody: it only answers"))
    for key, slot in book.protocol.slots.items():
        book.refer_one(("slots", key, "side"), slot.side, "sides")


def _role(book: Book, role: Role, path: Path) -> None:
    roles, invites = book.protocol.roles, (*path, "invites")
    book.refer((*path, "stand_in_by"), role.stand_in_by, "roles")
    if role.stand_in_by and role.oversees:
        text = N_("stand-ins are for the roles of a school: this one oversees several")
        book.say((*path, "stand_in_by"), text)
    book.refer(invites, role.invites, "roles")
    for other in role.invites:
        if other in roles and not roles[other].lifts_nobody:
            text = N_("whoever invites gives plain roles of a school’s team alone: %(role)s is none")
            book.say(invites, text, role=other)
    if role.invites and role.sees not in (ScopeKind.province, ScopeKind.region):
        book.say(invites, N_("only a role above schools (province or region) invites"))


def _dangers(book: Book) -> None:
    protocol = book.protocol
    for key, danger in protocol.dangers.items():
        path = ("dangers", key)
        book.refer((*path, "targets"), danger.targets, "targets")
        book.refer_one((*path, "lifted_with"), danger.lifted_with, "roles")
        named = [protocol.targets[target] for target in danger.targets if target in protocol.targets]
        if (
            not book.declared.is_whole("targets")
            or not book.declared.is_whole(*path)
            or len(named) < len(danger.targets)
        ):
            continue
        reachable = {
            "external": any(target.external for target in named),
            "judicial": any(target.judicial for target in protocol.targets.values()),
            "named": bool(named),
        }
        if not any(reachable[kind] for kind in danger.settled_by):
            kinds = either(danger.settled_by or ["named"])
            book.say(path, N_("no target of it is %(kinds)s: a referral could never settle it"), kinds=kinds)
    for key, target in protocol.targets.items():
        book.people(("targets", key, "letter_by"), target.letter_by)


def _summary(book: Book, path: Path, profile: Profile) -> None:
    """What a copy prints of the case in nobody's words is written by an act made for it."""
    book.refer_one(path, profile.summary, "acts")
    act = book.protocol.acts.get(profile.summary or "")
    if act is not None and act.kind is not ActKind.summary:
        book.say(
            path, N_("a summary needs an act of kind summary: %(act)s is %(kind)s"), act=act.key, kind=act.kind.value
        )


def _documents(book: Book) -> None:
    for key, document in book.protocol.documents.items():
        path = ("documents", key)
        for name, profile in document.profiles.items():
            book.people((*path, "profiles", name, "for"), profile.for_)
            _summary(book, (*path, "profiles", name, "summary"), profile)
        for number, section in enumerate(document.sections):
            book.refer((*path, "sections", number, "acts"), section.acts, "acts")
        book.refer((*path, "checks"), document.checks, "needs", "deadlines", "duties")
        book.unpointed((*path, "checks"), document.checks)
        if document.is_case_file and not document.profiles and book.declared.is_whole("documents", key):
            book.say((*path, "profiles"), N_("a document has one profile at least"))
