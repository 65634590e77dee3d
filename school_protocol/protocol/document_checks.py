"""Checks of a definition's documents: copies, evidence, letters, remarks, yearly reports, reviews."""

from __future__ import annotations

from collections.abc import Mapping

from school_protocol.engine.case_parts import acts_as
from school_protocol.engine.case_summary import CHOSEN
from school_protocol.engine.definition import ActKind
from school_protocol.engine.definition_parts import (
    Document,
    FieldType,
    Form,
    FormField,
    Piece,
    Pieces,
    Profile,
    Refusal,
    Remarks,
    Removal,
    Review,
    Yearly,
)
from school_protocol.engine.document_rules import COUNTED, NEVER, PER, PLACES, places_in
from school_protocol.engine.texts import N_, Text
from school_protocol.protocol.check_context import Book, Path, either, suggestion

# ---- copies of the case file: to whom each goes, whom it names, which entries and answers stand in it --------------

_ELSEWHERE = frozenset({FieldType.signature, FieldType.grid})
"""Answers that a copy prints in a place of their own."""
_KINDS = {
    ActKind.evidence: "evidence", ActKind.follow_up: "follow_ups", ActKind.refer: "referrals",
    ActKind.answer_referral: "referrals",
}  # fmt: skip


def check_copies(book: Book) -> None:
    for key, document in book.protocol.documents.items():
        for name, profile in document.profiles.items():
            path = ("documents", key, "profiles", name)
            _copies_readers(book, path, profile)
            _named(book, path, profile)
            _sections(book, path, document, profile)
            _acts(book, path, document, profile)
            _home(book, path, profile)


def _copies_readers(book: Book, path: Path, profile: Profile) -> None:
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


def _home(book: Book, path: Path, profile: Profile) -> None:
    """A family's pages: what a piece prints is among what the copy may tell them."""
    if profile.body and profile.reader != "guardian":
        book.say((*path, "body"), N_("pages of its own are for a guardian’s copy: reader guardian"))
    if profile.reader == "guardian" and (not profile.body or profile.body[0].title is None or profile.body[0].when):
        book.say(path, N_("a guardian’s copy has pages of its own: write its body, with a title in the first piece"))
    for number, piece in enumerate(profile.body):
        here = (*path, "body", number)
        things = sum(map(bool, piece.printed))
        if things > 1 or not (things or piece.text):
            book.say(here, N_("a piece is one thing: text, points, story, act with field, seats, services or next_day"))
        book.over_facts((*here, "when"), piece.when)
        book.refer((*here, "services"), piece.services, "targets")
        for name, kind in (("seats", "people"), ("next_day", "follow_ups")):
            if getattr(piece, name) and not profile.has(kind):
                book.say((*here, name), N_("this copy has no section of kind %(kind)s"), kind=kind)
        told = profile.acts.get(piece.act or "", ())
        if (piece.act is None) != (piece.field is None):
            book.say(here, N_("act and field go together"))
        elif piece.act is not None and piece.field not in told:
            text = N_("%(act)s.%(field)s is not among the answers that this copy prints: write it under acts")
            book.say((*here, "act"), text, act=piece.act, field=str(piece.field))


def _sections(book: Book, path: Path, document: Document, profile: Profile) -> None:
    kinds = {section.kind for section in document.sections}
    for number, kind in enumerate(profile.sections):
        if kind not in kinds and book.declared.is_whole("documents", document.key):
            book.say((*path, "sections", number), N_("the document has no section of kind %(kind)s"), kind=kind)


def _acts(book: Book, path: Path, document: Document, profile: Profile) -> None:
    book.refer((*path, "acts"), profile.acts, "acts")
    for key, fields in profile.acts.items():
        here = (*path, "acts", key)
        if not (profile.body or _is_printed(book, document, profile, key)):
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


# ---- the register of evidence: its fields, who opens files, in which order removal is asked for --------------------

PIECES = ("pieces",)


def check_pieces(book: Book) -> None:
    """Only where the definition has a register, and could read it."""
    pieces = book.protocol.pieces
    if pieces is None or not book.declared.is_whole("pieces"):
        return
    book.refer_one((*PIECES, "act"), pieces.act, "acts")
    act = book.protocol.acts.get(pieces.act)
    if act is not None and act.kind is not ActKind.evidence:
        book.say((*PIECES, "act"), N_('act "%(name)s" registers no evidence'), name=pieces.act)
    form = book.form_of(pieces.act)
    for number, name in enumerate(pieces.named_after):
        book.field((*PIECES, "named_after", number), form, name, FieldType.choice, FieldType.text)
    book.field((*PIECES, "captured"), form, pieces.captured, FieldType.moment, FieldType.date)
    book.field((*PIECES, "given_by"), form, pieces.given_by, FieldType.choice, FieldType.text, FieldType.person)
    book.field((*PIECES, "online"), form, pieces.online, FieldType.tri, FieldType.yes_no)
    book.field((*PIECES, "shared"), form, pieces.shared, FieldType.rows)
    book.field((*PIECES, "digest"), form, pieces.digest, FieldType.text)
    book.field((*PIECES, "size"), form, pieces.size, FieldType.integer)
    book.field((*PIECES, "format"), form, pieces.format, FieldType.choice)
    if form is not None and book.has_fields(form) and not any(field.forbids_files for field in form.fields):
        text = N_("no answer forbids files: a field of this form must say %(key)s")
        book.say((*PIECES, "act"), text, key="forbids_files")
    book.people((*PIECES, "openers"), pieces.openers)
    book.people((*PIECES, "originals"), pieces.originals)
    _mistake(book, pieces)
    _removal(book, (*PIECES, "removal"), form, pieces.removal)


def _mistake(book: Book, pieces: Pieces) -> None:
    here = (*PIECES, "mistake")
    book.refer((*here, "tell"), pieces.mistake.tell, "roles")
    book.refer((*here, "ask"), pieces.mistake.ask, "targets")
    book.people((*here, "by"), pieces.mistake.by)


def _removal(book: Book, path: Path, form: Form | None, removal: Removal) -> None:
    rows = book.field((*path, "rows"), form, removal.rows, FieldType.rows)
    if rows is None:
        return
    columns = {column.key: column for column in rows.fields}
    wanted = {"channel": FieldType.choice, "asked_on": FieldType.date, "reference": FieldType.text,
              "result": FieldType.choice}  # fmt: skip
    for name, kind in wanted.items():
        column = columns.get(getattr(removal, name))
        if column is None or column.type is not kind:
            text = N_('"%(name)s" is no column of "%(rows)s" of type %(type)s')
            book.say((*path, name), text, name=getattr(removal, name), rows=removal.rows, type=kind.value)
            return
    results = {option.key for option in columns[removal.result].options}
    channels = {option.key for option in columns[removal.channel].options}
    for part in ("waits", "removed"):
        _among(book, (*path, part), getattr(removal, part), results)
    for number, step in enumerate(removal.order):
        _among(book, (*path, "order", number, "channels"), step.channels, channels)


def _among(book: Book, path: Path, names: tuple[str, ...], known: set[str]) -> None:
    for number, name in enumerate(names):
        if name not in known:
            text = N_('"%(name)s" is no answer here%(like)s')
            book.say((*path, number), text, name=name, like=book.like(name, known))


# ---- the answers that tell a case in a few lines -------------------------------------------------------------------

_OF_STORY: Mapping[str, tuple[FieldType, ...]] = {
    "way": (FieldType.choice,),
    "kinds": (FieldType.choices, FieldType.choice),
    "places": (FieldType.choices, FieldType.choice),
    "since": (FieldType.date,),
    "heard": (FieldType.person, FieldType.persons),
    "safe": (FieldType.tri, FieldType.yes_no, FieldType.choice),
    "told": (FieldType.person, FieldType.persons, FieldType.choices, FieldType.choice),
    "plan": (FieldType.choices, FieldType.choice),
    "felt": (FieldType.scale, FieldType.integer),
    "went": (FieldType.choice,),
    "outcome": (FieldType.choice,),
    "child": (FieldType.choice, FieldType.tri, FieldType.yes_no),
    "family": (FieldType.person, FieldType.persons, FieldType.choice, FieldType.tri, FieldType.yes_no),
}
"""What may be told without a word of anybody's own: choices, signs, days and numbers."""


def check_story(book: Book) -> None:
    rules = book.protocol.story
    if rules is None or not book.declared.is_whole("story"):
        return
    for point, types in _OF_STORY.items():
        for act, question in getattr(rules, point).items():
            here = ("story", point, act)
            book.refer_one(here, act, "acts")
            found = book.field(here, book.form_of(act) if act in book.protocol.acts else None, question, *types)
            if found is not None and found.for_figures:
                book.say(here, N_('"%(name)s" is asked for figures: nobody is told it of one case'), name=question)


# ---- letters, notices, notes and sheets: who gets what, and that nothing stands there that may not -----------------

_WORDED = ("letter", "note")
"""Kinds that may print free text which was written for their reader."""
_ANSWERED = ("letter", "notice", "note", "sheet")
_OF_CASE_FILE = ("profiles", "sections", "checks")
_LONE = {"sign": "%", "place": "%(name)s"}
_OF_LETTERS = ("for_", "slots", "to", "subject", "asks", "basis", "copies", "body", "hint")


def check_letters(book: Book) -> None:
    for key, document in book.protocol.documents.items():
        if document.is_case_file:
            _not_of_a_case_file(book, ("documents", key), document)
        elif document.is_letter and book.declared.is_whole("documents", key):
            _letter(book, ("documents", key), document)
    _targets(book)
    _letterhead(book)
    first = next(iter(book.protocol.documents.values()), None)
    if first is not None and not first.is_case_file:
        book.say(("documents", first.key, "kind"), N_("the first document is the case file"))


def _not_of_a_case_file(book: Book, path: Path, document: Document) -> None:
    for name in _OF_LETTERS:
        if getattr(document, name):
            key = name.rstrip("_")
            book.say((*path, key), N_('"%(key)s" is for letters, notices, notes and sheets'), key=key)


def _letter(book: Book, path: Path, document: Document) -> None:
    for name in _OF_CASE_FILE:
        if getattr(document, name):
            book.say((*path, name), N_('"%(key)s" is for the case file alone'), key=name)
    if document.per != PER[document.kind]:
        text = N_("a document of kind %(kind)s is written per %(per)s")
        book.say((*path, "per"), text, kind=document.kind, per=PER[document.kind])
    if not document.for_:
        book.say(path, N_("nobody may issue it: name roles or seats under for"))
    if not document.body:
        book.say(path, N_("nothing stands in it: write its body"))
    book.people((*path, "for"), document.for_)
    book.refer((*path, "slots"), document.slots, "slots")
    if document.slots and document.per != "guardian":
        book.say((*path, "slots"), N_("slots are for what is written per guardian"))
    for name in ("to", "subject", "asks"):
        _text(book, (*path, name), getattr(document, name), PLACES[document.per])
    for name in ("basis", "copies"):
        _of_referral(book, (*path, name), document, getattr(document, name))
    for number, piece in enumerate(document.body):
        _piece(book, (*path, "body", number), document, piece)


def _of_referral(book: Book, path: Path, document: Document, name: str | None) -> None:
    """What a letter prints of the entry of its referral, beside its body, is a choice that the form offers."""
    if name is not None and document.per != "referral":
        book.say(path, N_("the entry of a referral says this: it is for a letter"))
    for act in book.protocol.acts_of(ActKind.refer):
        book.field(path, book.protocol.forms.get(act.form), name, FieldType.choice, FieldType.choices)


def _text(book: Book, path: Path, text: Text | None, places: frozenset[str]) -> None:
    for language, said in text.root.items() if text else ():
        for name in places_in(said):
            if not name:
                book.say((*path, language), N_('"%(sign)s" opens no place here: write %(place)s, or the word'), **_LONE)
            elif name not in places:
                text_ = N_('"%(name)s" is no place of this text%(like)s')
                book.say((*path, language), text_, name=name, like=suggestion(name, places))


def _piece(book: Book, path: Path, document: Document, piece: Piece) -> None:
    places = PLACES[document.per]
    _text(book, (*path, "title"), piece.title, places)
    _text(book, (*path, "text"), piece.text, places)
    for number, point in enumerate(piece.points):
        _text(book, (*path, "points", number), point, places)
    book.over_facts((*path, "when"), piece.when)
    printed = (piece.text, piece.points, piece.act, piece.people, piece.evidence, piece.services, piece.kept)
    if sum(map(bool, printed)) != 1:
        text = N_("a piece is one thing: text, points, act with fields, people, evidence, services or kept")
        book.say(path, text)
    book.refer_one((*path, "act"), piece.act, "acts")
    book.refer((*path, "people"), piece.people, "slots")
    book.refer((*path, "services"), piece.services, "targets")
    if piece.people and document.kind in ("notice", "law_notice"):
        book.say((*path, "people"), N_("a notice lists nobody: who else is in the case is not for its reader"))
    _answers(book, path, document, piece)
    _evidence(book, path, document, piece)


def _answers(book: Book, path: Path, document: Document, piece: Piece) -> None:
    if piece.act is None:
        if piece.fields or piece.words or (piece.required and not piece.evidence):
            book.say(path, N_("fields, words and required go with an act"))
        return
    if document.kind not in _ANSWERED:
        book.say((*path, "act"), N_("a document of kind %(kind)s prints no answers"), kind=document.kind)
    if not piece.fields:
        book.say(path, N_("an act is printed by its fields: name them"))
    form = book.form_of(piece.act)
    if form is None:
        return
    _letters_readers(book, (*path, "act"), document, form)
    if piece.words and document.kind not in _WORDED:
        book.say((*path, "words"), N_("a document of kind %(kind)s prints nobody’s words"), kind=document.kind)
    for number, name in enumerate(piece.fields):
        here = (*path, "fields", number)
        field = book.field(here, form, name)
        if field is not None:
            _field(book, here, document, piece, field)


def _letters_readers(book: Book, path: Path, document: Document, form: Form) -> None:
    """What is kept for some readers, or was heard on one side, goes to nobody outside; figures of it may."""
    if form.readers:
        book.say(path, N_('form "%(form)s" is kept for its own readers: no letter prints it'), form=form.key)
    elif form.side is not None and document.kind != "sheet":
        book.say(path, N_('form "%(form)s" is of one side: only a sheet counts its answers'), form=form.key)


def _field(book: Book, path: Path, document: Document, piece: Piece, field: FormField) -> None:
    if field.type in NEVER:
        book.say(path, N_('field "%(name)s" is %(type)s: no letter prints it'), name=field.key, type=field.type.value)
    elif field.authority_only:
        book.say(path, N_('field "%(name)s" is for an authority alone: it goes under evidence'), name=field.key)
    elif field.for_figures:
        book.say(path, N_('field "%(name)s" is for figures: the school’s own copy alone prints it'), name=field.key)
    elif field.is_words and not field.nameless and document.kind == "sheet":
        book.say(path, N_('field "%(name)s" is free text: a sheet prints none'), name=field.key)
    elif field.may_name and not piece.words:
        book.say(path, N_('field "%(name)s" is somebody’s words: they stand there only with words'), name=field.key)
    elif document.kind == "sheet" and field.type not in COUNTED:
        text = N_('field "%(name)s" is %(type)s: a sheet prints what can be counted')
        book.say(path, text, name=field.key, type=field.type.value)


def _evidence(book: Book, path: Path, document: Document, piece: Piece) -> None:
    if not piece.evidence:
        return
    if document.kind != "letter":
        book.say((*path, "evidence"), N_("only a letter lists evidence"))
    forms = [book.protocol.forms.get(act.form) for act in book.protocol.acts_of(ActKind.evidence)]
    form = next((one for one in forms if one is not None), None)
    if form is None:
        if book.declared.is_whole("acts") and book.declared.is_whole("forms"):
            book.say((*path, "evidence"), N_("no act registers evidence"))
        return
    for number, name in enumerate(piece.evidence):
        here = (*path, "evidence", number)
        field = book.field(here, form, name)
        if field is not None and (
            field.type in (*NEVER, FieldType.long) or (field.may_name and not field.authority_only)
        ):
            text = N_('field "%(name)s" is somebody’s words: a list of evidence has none')
            book.say(here, text, name=name)


def _targets(book: Book) -> None:
    letters = any(document.kind == "letter" for document in book.protocol.documents.values())
    for key, target in book.protocol.targets.items():
        for name in ("asks", "legal_basis"):
            _text(book, ("targets", key, name), getattr(target, name), frozenset())
        if target.asks and target.to_guardians:
            book.say(("targets", key, "asks"), N_("to guardians a notice is written, per guardian: no letter"))
        elif target.asks and not letters and book.declared.is_whole("documents"):
            book.say(("targets", key, "asks"), N_("no document of kind letter is there to print it"))
        if target.legal_basis and not target.asks:
            book.say(("targets", key, "legal_basis"), N_("legal_basis goes with asks: without it there is no letter"))


def _letterhead(book: Book) -> None:
    for number, line in enumerate(book.protocol.letterhead):
        _text(book, ("letterhead", number), line, frozenset())


# ---- remarks on copies: who makes them, who hears of them, where they are printed ----------------------------------


def check_remarks(book: Book) -> None:
    for key, document in book.protocol.documents.items():
        path = ("documents", key)
        if document.remarks is None:
            _printed_for_nothing(book, path, document)
        elif not document.is_case_file:
            book.say((*path, "remarks"), N_('"%(key)s" is for the case file alone'), key="remarks")
        elif book.declared.is_whole("documents", key):
            _remarks(book, path, document, document.remarks)


def _printed_for_nothing(book: Book, path: Path, document: Document) -> None:
    for number, section in enumerate(document.sections):
        if section.kind == "remarks" and book.declared.is_whole("documents", document.key):
            book.say((*path, "sections", number), N_("nobody remarks on this document: say under remarks who does"))


def _remarks(book: Book, path: Path, document: Document, remarks: Remarks) -> None:
    here = (*path, "remarks")
    book.people((*here, "for"), remarks.for_)
    book.people((*here, "to"), remarks.to)
    if not remarks.for_:
        book.say(here, N_("nobody may attach remarks: name roles or seats under for"))
    elif not any(_reads(book, document, name) for name in remarks.for_):
        book.say((*here, "for"), N_("no copy is made for them: who remarks on a file reads one of its copies"))
    if not remarks.to:
        book.say(here, N_("nobody hears of remarks: name roles or seats under to"))


def _reads(book: Book, document: Document, name: str) -> bool:
    """Whether some copy is made for that role; for a name that nobody knows there is a fault already."""
    if name not in book.protocol.roles and name not in book.protocol.seats:
        return True
    wanted = {role for profile in document.profiles.values() for role in profile.for_}
    return any(acts_as(book.protocol, name, role) for role in wanted)


# ---- yearly reports: terms that make a year, choices counted once, decisions that figures call for -----------------

_YEARLY_REPORTS_NOT_OURS = ("profiles", "sections", "checks", "slots", "subject", "asks", "body", "remarks")
_YEAR = 12


def check_yearly_reports(book: Book) -> None:
    for key, document in book.protocol.documents.items():
        path = ("documents", key)
        if document.kind != "yearly":
            if document.yearly is not None:
                book.say((*path, "yearly"), N_("yearly is for a document of kind yearly"))
        elif book.declared.is_whole("documents", key):
            _report(book, path, document)


def _report(book: Book, path: Path, document: Document) -> None:
    for name in _YEARLY_REPORTS_NOT_OURS:
        if getattr(document, name):
            book.say((*path, name), N_('"%(key)s" is not for a yearly report'), key=name)
    if document.per != "school":
        text = N_("a document of kind %(kind)s is written per %(per)s")
        book.say((*path, "per"), text, kind=document.kind, per="school")
    if not document.for_:
        book.say(path, N_("nobody may issue it: name roles under for"))
    book.refer((*path, "for"), document.for_, "roles")
    if document.yearly is None:
        book.say(path, N_("a yearly report says under yearly what it counts"))
        return
    here = (*path, "yearly")
    _terms(book, here, document.yearly)
    _counts(book, here, document.yearly)
    _decisions(book, here, document.yearly)
    book.refer((*here, "deadlines"), document.yearly.deadlines, "deadlines")
    book.refer_one((*here, "waiting"), document.yearly.waiting, "deadlines")


def _terms(book: Book, path: Path, yearly: Yearly) -> None:
    """Terms follow one another, the last one to the end of the year."""
    places = [(term.ends - yearly.begins) % _YEAR for term in yearly.terms]
    if places != sorted(set(places)):
        book.say((*path, "terms"), N_("terms follow one another: each ends in a later month of the school year"))
    elif places[-1:] != [_YEAR - 1]:
        last = (yearly.begins - 2) % _YEAR + 1
        text = N_("the last term ends with the school year: in month %(month)s")
        book.say((*path, "terms"), text, month=last)


def _counts(book: Book, path: Path, yearly: Yearly) -> None:
    seen: set[tuple[str, str]] = set()
    for number, counted in enumerate(yearly.counts):
        closed_choice(book, (*path, "counts", number), counted.act, counted.field, seen)


def closed_choice(book: Book, path: Path, act: str, name: str, seen: set[tuple[str, str]]) -> None:
    """What can be counted of answers: a question of closed choice that everybody may read, once."""
    book.refer_one((*path, "act"), act, "acts")
    form = book.form_of(act)
    if form is not None and form.readers:
        text = N_('form "%(form)s" is kept for its own readers: no report counts it')
        book.say((*path, "act"), text, form=form.key)
    found = book.field((*path, "field"), form, name)
    if found is not None and found.type not in CHOSEN:
        text = N_('field "%(name)s" is %(type)s: only %(kinds)s can be counted')
        kinds = either(sorted(CHOSEN, key=str))
        book.say((*path, "field"), text, name=found.key, type=found.type.value, kinds=kinds)
    if (act, name) in seen:
        text = N_('field "%(name)s" is counted already: from two tables of it more could be worked out')
        book.say((*path, "field"), text, name=name)
    seen.add((act, name))


def _decisions(book: Book, path: Path, yearly: Yearly) -> None:
    for number, asked in enumerate(yearly.decisions):
        here = (*path, "decisions", number)
        if (asked.about == "late") != bool(asked.deadlines):
            book.say(here, N_("late goes with deadlines, and nothing else does"))
        for place, deadline in enumerate(asked.deadlines):
            if deadline not in yearly.deadlines:
                text = N_('"%(name)s" is not among the deadlines of this report')
                book.say((*here, "deadlines", place), text, name=deadline)


# ---- reviews: who reviews and sends, which act is the visa, how it is refused, what counts their time --------------

REVIEW = ("review",)


def check_reviews(book: Book) -> None:
    """Of a definition without reviews: that no deadline counts one."""
    review = book.protocol.review
    if review is None:
        _counted_for_nothing(book)
    elif book.declared.is_whole("review"):
        _review(book, review)
    for key, deadline in book.protocol.deadlines.items():
        for name, meant in (("start", "waits"), ("met_by", "answered")):
            for number, source in enumerate(getattr(deadline, name)):
                if source.review not in (None, meant):
                    text = N_('a review "waits" where a count starts, and is "answered" where it is met')
                    book.say(("deadlines", key, name, number, "review"), text)


def _counted_for_nothing(book: Book) -> None:
    if not book.declared.is_whole("review"):
        return
    for key, deadline in book.protocol.deadlines.items():
        if any(source.review for source in (*deadline.start, *deadline.met_by)):
            book.say(("deadlines", key), N_("nobody reviews a case: say under review who does"))


def _review(book: Book, review: Review) -> None:
    book.refer((*REVIEW, "by"), review.by, "roles")
    book.people((*REVIEW, "asked_by"), review.asked_by)
    if not review.by:
        book.say((*REVIEW, "by"), N_("nobody reviews: name roles under by"))
    book.refer_one((*REVIEW, "visa"), review.visa, "acts")
    act = book.protocol.acts.get(review.visa)
    if act is not None and act.kind is not ActKind.visa:
        book.say((*REVIEW, "visa"), N_('act "%(name)s" is no visa'), name=review.visa)
    for number, begins in enumerate(review.begins):
        book.refer((*REVIEW, "begins", number, "entered"), begins.entered, "states")
        book.over_facts((*REVIEW, "begins", number, "when"), begins.when)
    _answered(book, review)
    if review.refusal is not None:
        _refusal(book, review, review.refusal)


def _answered(book: Book, review: Review) -> None:
    """What they observe is answered as remarks on copies are."""
    if not book.declared.is_whole("documents"):
        return
    remarks = [one.remarks for one in book.protocol.documents.values() if one.is_case_file and one.remarks is not None]
    if not remarks:
        book.say(REVIEW, N_("nobody answers: the case file says under remarks who does"))
        return
    for number, role in enumerate(review.by):
        if all(role not in one.for_ for one in remarks):
            book.say((*REVIEW, "by", number), N_('"%(name)s" makes no remarks on the case file'), name=role)


def _refusal(book: Book, review: Review, refusal: Refusal) -> None:
    path, form = (*REVIEW, "refusal"), book.form_of(review.visa)
    for key, answer in refusal.answers.items():
        field = book.field((*path, "answers", key), form, key, FieldType.choice)
        if field is not None and answer not in {option.key for option in field.options}:
            like = book.like(answer, [option.key for option in field.options])
            book.say((*path, "answers", key), N_('"%(name)s" is no answer here%(like)s'), name=answer, like=like)
    book.field((*path, "reason"), form, refusal.reason, FieldType.long)
    book.refer((*path, "moves"), refusal.moves, "moves")
    for number, name in enumerate(refusal.moves):
        move = book.protocol.moves.get(name)
        if move is not None and not (move.backwards and move.reason):
            text = N_('move "%(name)s" does not go back with a reason: it needs backwards and reason')
            book.say((*path, "moves", number), text, name=name)
