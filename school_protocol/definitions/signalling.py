"""The checks of public reports: a form without a case, what becomes of its answers, who reads and who is told."""

from __future__ import annotations

import re
from collections.abc import Iterator

from school_protocol.definitions.book import Book, either
from school_protocol.definitions.tree import Path
from school_protocol.domain.forms import FieldType, Form, FormField
from school_protocol.domain.phrases import N_, Listing
from school_protocol.domain.protocol import START, ActKind
from school_protocol.domain.signalement_rules import Becomes, Rise, SignalementRules
from school_protocol.domain.texts import Text

HERE = ("signalement",)
_T = FieldType
_WORDS = (_T.text, _T.long)
_CHOSEN = (_T.choice, _T.choices)
OPEN_TO_ANYBODY = frozenset({*_WORDS, *_CHOSEN, _T.yes_no, _T.tri, _T.date, _T.moment, _T.integer, _T.scale, _T.check})
"""Types of fields that need neither a case nor an account."""


def check(book: Book) -> None:
    """Only where the definition takes public reports, and they could be read."""
    rules = book.protocol.signalement
    if rules is None or not book.declared.is_whole("signalement"):
        return
    book.refer_one((*HERE, "form"), rules.form, "forms")
    form = book.protocol.forms.get(rules.form)
    if form is not None:
        _form(book, form)
    _staff_form(book, rules, form)
    _opening(book, rules, form)
    _named(book, rules, form)
    _people(book, rules)
    _above(book, rules)
    book.refer((*HERE, "numbers"), rules.numbers, "targets")
    for name in ("do", "never", "family", "after") if rules.material else ():
        if not getattr(rules.material, name):
            book.say((*HERE, "material", name), N_("nothing stands under %(key)s"), key=name)
    for number, after in enumerate(rules.material.after if rules.material else ()):
        book.refer_one((*HERE, "material", "after", number, "deadline"), after.deadline, "deadlines")
    for key, orientation in rules.orientations.items():
        book.refer((*HERE, "orientations", key, "targets"), orientation.targets, "targets")
    for key, sheet in rules.sheets.items():
        book.refer((*HERE, "sheets", key, "targets"), sheet.targets, "targets")
        if not sheet.advice:
            book.say((*HERE, "sheets", key), N_("a sheet without advice helps nobody"))


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
                book.say((*HERE, *path, language), text)
    if rules.unsure_when is not None and rules.restricted_when is None:
        book.say((*HERE, "unsure_when"), N_("%(keys)s go together: who reads it first, and who then"),
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
        book.say((*HERE, "form"), N_('form "%(form)s" belongs to an act: anybody fills in a form of its own'),
                 form=form.key)  # fmt: skip
    for field in form.fields:
        if field.type not in OPEN_TO_ANYBODY:
            text = N_('field "%(name)s" is %(type)s: nobody can answer it without a case or an account')
            book.say(("forms", form.key, "fields", field.key, "type"), text, name=field.key, type=field.type.value)


def _staff_form(book: Book, rules: SignalementRules, form: Form | None) -> None:
    """The same questions and answers: only the words are others."""
    book.refer_one((*HERE, "staff_form"), rules.staff_form, "forms")
    other = book.protocol.forms.get(rules.staff_form or "")
    if form is None or other is None:
        return
    _form(book, other)
    for key in sorted(form.by_key.keys() | other.by_key.keys()):
        if _shape(form.by_key.get(key)) != _shape(other.by_key.get(key)):
            text = N_('question "%(name)s" is another one in form "%(form)s": only its words may differ')
            book.say((*HERE, "staff_form"), text, name=key, form=other.key)


def _shape(field: FormField | None) -> object:
    return field and (field.type, field.required, field.least, field.most, tuple(one.key for one in field.options))


def _opening(book: Book, rules: SignalementRules, form: Form | None) -> None:
    book.refer_one((*HERE, "act"), rules.act, "acts")
    act = book.protocol.acts.get(rules.act)
    if act is not None and (act.kind is not ActKind.report or START not in act.in_):
        text = N_('act "%(name)s" opens no case: an act of kind %(kind)s does')
        book.say((*HERE, "act"), text, name=rules.act, kind=ActKind.report.value)
    if act is not None and rules.as_ not in act.by:
        book.say((*HERE, "as"), N_('"%(name)s" may not record act "%(act)s"'), name=rules.as_, act=act.key)
    target = book.form_of(rules.act)
    for key, becomes in rules.becomes.items():
        here = (*HERE, "becomes", key)
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
        book.field((*HERE, "alike", number), form, name, *_WORDS)
    for number, name in enumerate(rules.contact):
        book.field((*HERE, "contact", number), form, name)
    book.field((*HERE, "not_for"), form, rules.not_for, *_WORDS)
    if form is not None:
        for name in ("restricted_when", "unsure_when", "urgent_when", "never_send"):
            book.over_form((*HERE, name), getattr(rules, name), form)
        for number, promise in enumerate(rules.promises):
            book.over_form((*HERE, "promises", number, "when"), promise.when, form)
    if (rules.never_send is None) != (rules.instead is None):
        text = N_("%(keys)s go together: when it is said, and what")
        book.say(HERE, text, keys=Listing(("never_send", "instead"), "and"))


def _people(book: Book, rules: SignalementRules) -> None:
    for name in ("reads", "restricted_reads", "doors", "out_of_hours"):
        book.refer((*HERE, name), getattr(rules, name), "roles")
    for role, words in rules.called.items():
        book.refer_one((*HERE, "called", role), role, "roles")
        if not any(word.strip() for word in words):
            book.say((*HERE, "called", role), N_("nothing stands under %(key)s"), key=role)
    for name in ("reads", "restricted_reads", "doors"):
        if not getattr(rules, name):
            book.say((*HERE, name), N_("nobody is named under %(key)s"), key=name)
    for name in ("rises", "urgent", "restricted"):
        _steps(book, (*HERE, name), getattr(rules, name), needed=name != "urgent")
    told = [role for step in rules.restricted[:1] for role in step.tell]
    for number, role in enumerate(told):
        if role not in rules.restricted_reads:
            text = N_('"%(name)s" does not read what is restricted: name it under %(key)s, too')
            book.say((*HERE, "restricted", 0, "tell", number), text, name=role, key="restricted_reads")


def _steps(book: Book, path: Path, steps: tuple[Rise, ...], *, needed: bool) -> None:
    for number, step in enumerate(steps):
        book.refer((*path, number, "tell"), step.tell, "roles")
    if steps and steps[0].after != 0:
        book.say((*path, 0, "after"), N_("somebody is told at once: the first step comes after 0"))
    if needed and not steps:
        book.say(path, N_("nobody is named under %(key)s"), key=str(path[-1]))
