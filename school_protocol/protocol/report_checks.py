"""Checks of a definition's figures, public reports, cautions and words that are ready."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from school_protocol.engine.case_summary import levels_of
from school_protocol.engine.definition import START, ActKind, Caution, Words
from school_protocol.engine.definition_parts import (
    Becomes,
    CountedTable,
    FigureRules,
    Moment,
    Rise,
    SignalementRules,
    Wait,
)
from school_protocol.engine.form_model import FieldType, Form, FormField
from school_protocol.engine.texts import N_, Listing, Text
from school_protocol.protocol.check_context import Book, either
from school_protocol.protocol.document_checks import closed_choice
from school_protocol.protocol.yaml_tree import Path

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
    _named(book, rules, form)
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


def _named(book: Book, rules: SignalementRules, form: Form | None) -> None:
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
