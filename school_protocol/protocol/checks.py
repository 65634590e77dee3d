"""Cross checks of a definition: whether it hangs together, keeps its declared properties, and reaches every state.

Each finding says where, and what, in plain words.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from school_protocol.config import LANGUAGES
from school_protocol.engine.case_summary import levels_of
from school_protocol.engine.definition import (
    HISTORY,
    START,
    ActKind,
    Caution,
    NextStep,
    Property,
    Protocol,
    Role,
    Said,
    ScopeKind,
    Words,
)
from school_protocol.engine.definition_parts import (
    Becomes,
    CountedTable,
    FieldType,
    FigureRules,
    Form,
    FormField,
    Moment,
    Option,
    Profile,
    Rise,
    SignalementRules,
    Wait,
)
from school_protocol.engine.kernel import contrary
from school_protocol.engine.next_steps import NEVER_NEXT
from school_protocol.engine.texts import N_, Listing, Text
from school_protocol.protocol import document_checks, fact_checks, form_checks, settings
from school_protocol.protocol.check_context import Book, Declared, Finding, Path, either
from school_protocol.protocol.document_checks import closed_choice

# Checks of a definition's figures, public reports, cautions and words that are ready.

FIGURES = ("figures",)
_CLASSES = 12
"""More classes than these say more of a case than a median needs."""


def check_figures(book: Book) -> None:
    """Only where the definition tells figures, and they could be read."""
    figures = book.protocol.figures
    if figures is None or not book.declared.is_whole("figures"):
        return
    _figures_people(book, figures)
    _once(book, figures)
    seen: set[tuple[str, str]] = set()
    for key, counted in figures.tables.items():
        _table(book, (*FIGURES, "tables", key), counted, seen)
    book.refer((*FIGURES, "in_time"), figures.in_time, "deadlines")
    for key, wait in figures.waits.items():
        _wait(book, (*FIGURES, "waits", key), wait)
    _names(book, figures)


def _figures_people(book: Book, figures: FigureRules) -> None:
    book.refer((*FIGURES, "reads"), figures.reads, "roles")
    book.refer((*FIGURES, "issues"), figures.issues, "roles")
    if not figures.reads:
        book.say(FIGURES, N_("nobody reads the figures: name roles under reads"))
    for number, role in enumerate(figures.issues):
        if role not in figures.reads:
            text = N_('"%(name)s" does not read what it issues: name it under reads, too')
            book.say((*FIGURES, "issues", number), text, name=role)


def _once(book: Book, figures: FigureRules) -> None:
    seen: set[str] = set()
    for key, counted in figures.tables.items():
        if counted.rows in seen and counted.rows != "answers":
            text = N_('"%(name)s" are counted twice: from two tables of them more could be worked out')
            book.say((*FIGURES, "tables", key, "rows"), text, name=counted.rows)
        seen.add(counted.rows)


def _table(book: Book, path: Path, counted: CountedTable, seen: set[tuple[str, str]]) -> None:
    if (counted.rows == "answers") != bool(counted.act and counted.field) or bool(counted.act) != bool(counted.field):
        book.say(path, N_("answers go with an act and a field, and nothing else does"))
    elif counted.act and counted.field:
        closed_choice(book, path, counted.act, counted.field, seen)
    elif counted.rows == "levels" and book.is_sound("assessment", "grids") and not levels_of(book.protocol):
        book.say((*path, "rows"), N_("nothing is assessed here: there are no levels"))


def _wait(book: Book, path: Path, wait: Wait) -> None:
    for name, moment in (("since", wait.since), ("until", wait.until)):
        if moment is not None:
            _moment(book, (*path, name), moment)
    if list(wait.classes) != sorted(set(wait.classes)) or min(wait.classes, default=-1) < 0:
        book.say((*path, "classes"), N_("classes are upper bounds from 0 on, each above the one before"))
    elif len(wait.classes) > _CLASSES:
        book.say((*path, "classes"), N_("at most %(most)s classes"), most=_CLASSES)


def _moment(book: Book, path: Path, moment: Moment) -> None:
    book.refer((*path, "acts"), moment.acts, "acts")
    book.refer((*path, "states"), moment.states, "states")
    if not moment.acts and not moment.states:
        book.say(path, N_("a moment names acts, states, or both"))


def _names(book: Book, figures: FigureRules) -> None:
    """Tables, waits and deadlines are named alike where they are made public."""
    names = Counter((*figures.tables, *figures.waits, *figures.in_time))
    for name, number in names.items():
        if number > 1:
            book.say(FIGURES, N_('"%(name)s" names two of the tables, waits and deadlines'), name=name)
    for number, name in enumerate(figures.public):
        if name not in names:
            text = N_('"%(name)s" is no table, wait or deadline of these figures%(like)s')
            book.say((*FIGURES, "public", number), text, name=name, like=book.like(name, names))


# ---- public reports: a form without a case, what becomes of its answers, who reads and who is told -----------------

SIGNALEMENT = ("signalement",)
_T = FieldType
_WORDS = (_T.text, _T.long)
_CHOSEN = (_T.choice, _T.choices)
OPEN_TO_ANYBODY = frozenset({*_WORDS, *_CHOSEN, _T.yes_no, _T.tri, _T.date, _T.moment, _T.integer, _T.scale, _T.check})
"""Types of fields that need neither a case nor an account."""


def check_public_reports(book: Book) -> None:
    """Only where the definition takes public reports, and they could be read."""
    rules = book.protocol.signalement
    if rules is None or not book.declared.is_whole("signalement"):
        return
    book.refer_one((*SIGNALEMENT, "form"), rules.form, "forms")
    form = book.protocol.forms.get(rules.form)
    if form is not None:
        _form(book, form)
    _staff_form(book, rules, form)
    _opening(book, rules, form)
    _named_fields(book, rules, form)
    _public_reports_people(book, rules)
    _above(book, rules)
    book.refer((*SIGNALEMENT, "numbers"), rules.numbers, "targets")
    for name in ("do", "never", "family", "after") if rules.material else ():
        if not getattr(rules.material, name):
            book.say((*SIGNALEMENT, "material", name), N_("nothing stands under %(key)s"), key=name)
    for number, after in enumerate(rules.material.after if rules.material else ()):
        book.refer_one((*SIGNALEMENT, "material", "after", number, "deadline"), after.deadline, "deadlines")
    for key, orientation in rules.orientations.items():
        book.refer((*SIGNALEMENT, "orientations", key, "targets"), orientation.targets, "targets")
    for key, sheet in rules.sheets.items():
        book.refer((*SIGNALEMENT, "sheets", key, "targets"), sheet.targets, "targets")
        if not sheet.advice:
            book.say((*SIGNALEMENT, "sheets", key), N_("a sheet without advice helps nobody"))


_SCHOOL = {
    "fr": re.compile(r"\b(?:écoles?|établissements?|collèges?|lycées?)\b"),
    "ar": re.compile(r"مدرس[ةت]|مؤسس[ةت]|إعدادية|ثانوية"),
    "en": re.compile(r"\bschools?\b"),
}
_DENIES = {
    "fr": re.compile(r"(?<!\bune )(?<!\bla )(?<!\bcette )\bpersonne\b|\baucune?\b|\bjamais\b"),
    "ar": re.compile(r"\b[وف]?(?:لا|لم|لن)\b.*\b(?:أحد|أبدا)\b"),
    "en": re.compile(r"\b(?:nobody|none|no|never)\b"),
}


def names_the_school(text: str, language: str) -> bool:
    """Whether a sentence of it names the school other than to say that nobody there does something."""
    school, denies = _SCHOOL.get(language), _DENIES.get(language)
    if school is None or denies is None:
        return False
    return any(school.search(one) and not denies.search(one) for one in re.split(r"[.;؛!?؟]", text.casefold()))


def _above(book: Book, rules: SignalementRules) -> None:
    """What is told of a report that the school doesn't read says nowhere that it does."""
    for path, said in _told_above(rules):
        for language in book.protocol.languages:
            if names_the_school(said.in_language(language), language):
                text = N_("this says that the school reads what it must not read")
                book.say((*SIGNALEMENT, *path, language), text)
    if rules.unsure_when is not None and rules.restricted_when is None:
        book.say((*SIGNALEMENT, "unsure_when"), N_("%(keys)s go together: who reads it first, and who then"),
                 keys=Listing(("restricted_when", "unsure_when"), "and"))  # fmt: skip


def _told_above(rules: SignalementRules) -> Iterator[tuple[Path, Text]]:
    """All that whoever tells of an adult of the school is told, on the receipt and afterwards."""
    for name in type(rules.above).model_fields if rules.above else ():
        yield ("above", name), getattr(rules.above, name)
    for name in ("promise", "staff_promise", "anonymous", "instead"):
        if (said := getattr(rules, name)) is not None:
            yield (name,), said
    for number, promise in enumerate(rules.promises):
        yield ("promises", number, "say"), promise.say
    for key, orientation in rules.orientations.items():
        yield ("orientations", key, "sentence"), orientation.sentence


def _form(book: Book, form: Form) -> None:
    if any(act.form == form.key for act in book.protocol.acts.values()):
        book.say((*SIGNALEMENT, "form"), N_('form "%(form)s" belongs to an act: anybody fills in a form of its own'),
                 form=form.key)  # fmt: skip
    for field in form.fields:
        if field.type not in OPEN_TO_ANYBODY:
            text = N_('field "%(name)s" is %(type)s: nobody can answer it without a case or an account')
            book.say(("forms", form.key, "fields", field.key, "type"), text, name=field.key, type=field.type.value)


def _staff_form(book: Book, rules: SignalementRules, form: Form | None) -> None:
    """The same questions and answers: only the words are others."""
    book.refer_one((*SIGNALEMENT, "staff_form"), rules.staff_form, "forms")
    other = book.protocol.forms.get(rules.staff_form or "")
    if form is None or other is None:
        return
    _form(book, other)
    for key in sorted(form.by_key.keys() | other.by_key.keys()):
        if _shape(form.by_key.get(key)) != _shape(other.by_key.get(key)):
            text = N_('question "%(name)s" is another one in form "%(form)s": only its words may differ')
            book.say((*SIGNALEMENT, "staff_form"), text, name=key, form=other.key)


def _shape(field: FormField | None) -> object:
    return field and (field.type, field.required, field.least, field.most, tuple(one.key for one in field.options))


def _opening(book: Book, rules: SignalementRules, form: Form | None) -> None:
    book.refer_one((*SIGNALEMENT, "act"), rules.act, "acts")
    act = book.protocol.acts.get(rules.act)
    if act is not None and (act.kind is not ActKind.report or START not in act.in_):
        text = N_('act "%(name)s" opens no case: an act of kind %(kind)s does')
        book.say((*SIGNALEMENT, "act"), text, name=rules.act, kind=ActKind.report.value)
    if act is not None and rules.as_ not in act.by:
        book.say((*SIGNALEMENT, "as"), N_('"%(name)s" may not record act "%(act)s"'), name=rules.as_, act=act.key)
    target = book.form_of(rules.act)
    for key, becomes in rules.becomes.items():
        here = (*SIGNALEMENT, "becomes", key)
        found = book.field(here, target, key)
        if found is not None:
            _becomes(book, here, becomes, found, form)


def _becomes(book: Book, path: Path, becomes: Becomes, field: FormField, form: Form | None) -> None:
    if [bool(becomes.from_), becomes.received, becomes.barred].count(True) != 1:
        book.say(path, N_("an answer comes from one thing: %(keys)s"), keys=either(("from", "received", "barred")))
        return
    if becomes.received or becomes.barred:
        name, wanted = ("received", _T.moment) if becomes.received else ("barred", _T.accounts)
        if field.type is not wanted:
            text = N_('field "%(name)s" is %(type)s: %(wanted)s is needed here')
            book.say((*path, name), text, name=field.key, type=field.type.value, wanted=wanted.value)
        return
    if field.type in _WORDS:
        for number, name in enumerate(becomes.from_):
            book.field((*path, "from", number), form, name, *_WORDS)
        return
    if len(becomes.from_) != 1:
        book.say((*path, "from"), N_("only words are put together from several answers"))
        return
    source = book.field((*path, "from", 0), form, becomes.from_[0], *_CHOSEN)
    if field.type not in _CHOSEN:
        text = N_('field "%(name)s" is %(type)s: no answer of a public report is put there')
        book.say(path, text, name=field.key, type=field.type.value)
    elif source is not None:
        _options(book, path, becomes, source, field)


def _options(book: Book, path: Path, becomes: Becomes, source: FormField, field: FormField) -> None:
    given, taken = {one.key for one in source.options}, {one.key for one in field.options}
    text = N_('"%(name)s" is no answer here%(like)s')
    for name, becoming in becomes.values.items():
        if name not in given:
            book.say((*path, "values", name), text, name=name, like=book.like(name, given))
        if becoming not in taken:
            book.say((*path, "values", name), text, name=becoming, like=book.like(becoming, taken))
    if becomes.otherwise is not None and becomes.otherwise not in taken:
        book.say((*path, "otherwise"), text, name=becomes.otherwise, like=book.like(becomes.otherwise, taken))
    if not becomes.values and becomes.otherwise is None:
        for name in sorted(given - taken):
            book.say(path, text, name=name, like=book.like(name, taken))


def _named_fields(book: Book, rules: SignalementRules, form: Form | None) -> None:
    for number, name in enumerate(rules.alike):
        book.field((*SIGNALEMENT, "alike", number), form, name, *_WORDS)
    for number, name in enumerate(rules.contact):
        book.field((*SIGNALEMENT, "contact", number), form, name)
    book.field((*SIGNALEMENT, "not_for"), form, rules.not_for, *_WORDS)
    if form is not None:
        for name in ("restricted_when", "unsure_when", "urgent_when", "never_send"):
            book.over_form((*SIGNALEMENT, name), getattr(rules, name), form)
        for number, promise in enumerate(rules.promises):
            book.over_form((*SIGNALEMENT, "promises", number, "when"), promise.when, form)
    if (rules.never_send is None) != (rules.instead is None):
        text = N_("%(keys)s go together: when it is said, and what")
        book.say(SIGNALEMENT, text, keys=Listing(("never_send", "instead"), "and"))


def _public_reports_people(book: Book, rules: SignalementRules) -> None:
    for name in ("reads", "restricted_reads", "doors", "out_of_hours"):
        book.refer((*SIGNALEMENT, name), getattr(rules, name), "roles")
    for role, words in rules.called.items():
        book.refer_one((*SIGNALEMENT, "called", role), role, "roles")
        if not any(word.strip() for word in words):
            book.say((*SIGNALEMENT, "called", role), N_("nothing stands under %(key)s"), key=role)
    for name in ("reads", "restricted_reads", "doors"):
        if not getattr(rules, name):
            book.say((*SIGNALEMENT, name), N_("nobody is named under %(key)s"), key=name)
    for name in ("rises", "urgent", "restricted"):
        _steps(book, (*SIGNALEMENT, name), getattr(rules, name), needed=name != "urgent")
    told = [role for step in rules.restricted[:1] for role in step.tell]
    for number, role in enumerate(told):
        if role not in rules.restricted_reads:
            text = N_('"%(name)s" does not read what is restricted: name it under %(key)s, too')
            book.say((*SIGNALEMENT, "restricted", 0, "tell", number), text, name=role, key="restricted_reads")


def _steps(book: Book, path: Path, steps: tuple[Rise, ...], *, needed: bool) -> None:
    for number, step in enumerate(steps):
        book.refer((*path, number, "tell"), step.tell, "roles")
    if steps and steps[0].after != 0:
        book.say((*path, 0, "after"), N_("somebody is told at once: the first step comes after 0"))
    if needed and not steps:
        book.say(path, N_("nobody is named under %(key)s"), key=str(path[-1]))


# ---- cautions and words that are ready: whom they are for, where they are shown, what they fill in -----------------


def check_wordings(book: Book) -> None:
    for caution in book.protocol.cautions.values():
        _caution(book, caution)
    for words in book.protocol.words.values():
        _words(book, words)
    if book.declared.is_whole("words"):
        addressed = {words.for_ for words in book.protocol.words.values()}
        for key in book.protocol.audiences.keys() - addressed:
            book.say(("audiences", key), N_("no words are for it"))


def _caution(book: Book, caution: Caution) -> None:
    path = ("cautions", caution.key)
    book.refer_one((*path, "act"), caution.act, "acts")
    book.refer((*path, "acts"), caution.acts, "acts")
    form = book.form_of(caution.act)
    book.field((*path, "person"), form, caution.person, FieldType.person)
    if form is not None:
        book.over_form((*path, "when"), caution.when, form)
    for name in caution.unasked:
        where, _, key = name.partition(".")
        book.refer_one((*path, "unasked"), where, "forms")
        asked = book.field((*path, "unasked"), book.protocol.forms.get(where), key)
        if asked is not None and asked.required:
            book.say(
                (*path, "unasked"), N_("a question that must be answered can’t be left out: %(field)s"), field=name
            )


def _words(book: Book, words: Words) -> None:
    path = ("words", words.key)
    book.refer_one((*path, "for"), words.for_, "audiences")
    book.refer((*path, "acts"), words.acts, "acts")
    book.refer((*path, "dangers"), words.dangers, "dangers")
    if not (words.say or words.never or words.text or words.fills):
        book.say(path, N_("nothing is said here: write say and never, a text, or fills"))
    if words.text and (words.say or words.never):
        book.say((*path, "text"), N_("words are lists to say and never to say, or one text: not both"))
    if words.fills and not words.acts:
        book.say((*path, "fills"), N_("fills goes with acts"))
    for act in words.acts:
        for name in words.fills:
            book.field((*path, "fills", name), book.form_of(act), name, FieldType.text, FieldType.long)


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
_SHORT = 5
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
    form_checks.check(book)
    fact_checks.check(book)
    document_checks.check_letters(book)
    document_checks.check_yearly_reports(book)
    document_checks.check_pieces(book)
    document_checks.check_story(book)
    check_figures(book)
    document_checks.check_reviews(book)
    check_public_reports(book)
    check_wordings(book)
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
        for number, step in enumerate(state.next):
            _next_step(book, key, ("states", key, "next", number), step)
    if not book.declared.is_whole("states"):
        return
    initial = [key for key, state in book.protocol.states.items() if state.initial]
    if not initial:
        book.say(("states",), N_("no state is initial: one must be"))
    for key in initial[1:]:
        book.say(
            ("states", key, "initial"), N_("%(state)s is initial already: only one state can be"), state=initial[0]
        )


def _next_step(book: Book, state: str, path: Path, step: NextStep) -> None:
    """Something that a case can wait for where it stands there."""
    book.refer_one((*path, "do"), step.do, "acts", "moves")
    book.over_facts((*path, "when"), step.when)
    act, move = book.protocol.acts.get(step.do), book.protocol.moves.get(step.do)
    is_ended = book.protocol.states[state].ended
    here = {state, "any"} if is_ended else {state, "any", "open"}
    is_act = act is not None and act.kind not in NEVER_NEXT and not here.isdisjoint(act.in_)
    is_move = move is not None and not move.automatic and state in move.from_
    if (act or move) and not (is_act or is_move):
        text = N_('no case that stands in "%(state)s" waits for "%(name)s"')
        book.say((*path, "do"), text, state=state, name=step.do)


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
        for language, said in (danger.in_short.root if danger.in_short else {}).items():
            if len(said.split()) > _SHORT:
                fault = N_("%(language)s: more than %(most)s words")
                book.say((*path, "in_short"), fault, language=language, most=_SHORT)
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
