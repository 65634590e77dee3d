"""Checks of a definition's acts, moves, forms and fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from school_protocol.engine.case_summary import CHOSEN
from school_protocol.engine.definition import HISTORY, START, Act, ActKind, Move, Notify
from school_protocol.engine.definition_parts import FieldType, Form, FormField
from school_protocol.engine.facts import pointers
from school_protocol.engine.texts import N_, Phrase
from school_protocol.protocol.check_context import ANSWERED, EVERYONE, PART_OF, Book, Path, either, types_of

# ---- forms and their fields ----------------------------------------------------------------------------------------

_T = FieldType
_OPTIONED = (_T.choice, _T.choices)
_TIMED = (_T.date, _T.moment)
_RANGED = (_T.integer, _T.scale, _T.text, _T.long, _T.rows, _T.persons, _T.accounts, _T.choices)
_LIMITS: Mapping[FieldType, tuple[str, ...]] = {
    **{kind: (part,) for kind, part in PART_OF.items()},
    **dict.fromkeys((_T.dangers, _T.danger_answers), ("dangers",)),
    **dict.fromkeys((_T.account, _T.accounts), ("roles", "seats")),
    _T.record: ("acts",),
}
"""What the keys under `only` may be: entries of these parts."""

_DEFAULTS: Mapping[FieldType, tuple[str, ...]] = {
    _T.tri: ANSWERED,
    **dict.fromkeys((_T.yes_no, _T.check), ("true", "false", "yes", "no")),
    _T.moment: ("now", "today"),
    _T.accounts: ("seated",),
    _T.person: ("only", "turn"),
    **dict.fromkeys((_T.persons, _T.referral, _T.hold, _T.record), ("only",)),
    **dict.fromkeys((_T.dangers, _T.covers), ("standing",)),
}
"""What a default can be where the definition has no part in it."""

_ASKED_ANEW = (_T.check, _T.danger, _T.dangers, _T.danger_answers, _T.grid, _T.rows, _T.signature)
"""Attested, judged or seen by whoever answers, as of the day: nothing that was said before stands for it."""
_REFERRAL_STATES = ("open", "settled")
_NO_ANSWER = N_('"%(name)s" is no answer here%(like)s')
_NO_REFERRAL_STATE = N_('"%(name)s" is no state of a referral here%(like)s')
_ONLY_DATES = N_("past and future are for dates, not %(type)s")


def check_form(book: Book, form: Form) -> None:
    path = ("forms", form.key)
    book.refer_one((*path, "side"), form.side, "sides")
    book.people((*path, "readers"), form.readers)
    for field in form.fields:
        here = (*path, "fields", field.key)
        book.over_form((*here, "when"), field.when, form, field.key)
        _field(book, field, here)
        if field.for_figures:
            _for_figures(book, form, field, here)
    for number, one in enumerate(form.refuses):
        book.field((*path, "refuses", number, "at"), form, one.at)
        book.over_form((*path, "refuses", number, "when"), one.when, form)
    for number, departure in enumerate(form.departs):
        reason = book.field((*path, "departs", number, "at"), form, departure.at, _T.text, _T.long)
        if reason is not None and not reason.required:
            book.say((*path, "departs", number, "at"), N_("the reason of a departure must be required"))
        book.over_form((*path, "departs", number, "when"), departure.when, form)


def _field(book: Book, field: FormField, path: Path) -> None:
    kind = field.type
    book.refer((*path, "slots"), field.slots, "slots")
    book.refer_one((*path, "grid"), field.grid, "grids")
    for name, fits, text in (
        ("slots", kind in (_T.person, _T.persons), N_("only a field for people has slots, not %(type)s")),
        ("even_on_hold", field.is_for_people, N_("only a field for people names somebody on hold, not %(type)s")),
        ("goes_along", field.is_for_people, N_("only people go along with a case, not %(type)s")),
        (
            "to_guardians",
            not field.is_for_people and kind is not _T.rows,
            N_("a field of type %(type)s says to whom by itself"),
        ),
        ("dialled", kind is _T.text, N_("a number is a text, not a %(type)s")),
        ("grid", kind is _T.grid, N_("only a field of type grid names one, not %(type)s")),
        ("nameless", kind is _T.long, N_("only a field of type long is nameless, not %(type)s")),
        ("options", kind in _OPTIONED, N_("only choice and choices have options, not %(type)s")),
        ("past", kind in _TIMED, _ONLY_DATES),
        ("future", kind in _TIMED or field.past, _ONLY_DATES),
        ("fields", kind is _T.rows, N_("only rows have fields, not %(type)s")),
    ):
        if getattr(field, name) and not fits:
            book.say((*path, name), text, type=kind.value)
    if field.nameless and field.names:
        book.say((*path, "names"), N_("a text in which nobody may be named holds no names"))
    _options(book, field, path)
    _range(book, field, path)
    _default(book, field, path)
    _assessed(book, field, path)
    _known(book, field, path)
    _limits(book, field, path)
    if kind is _T.rows:
        _columns(book, field, path)
    if kind is _T.grid and field.grid is None and len(book.declared.of("grids")) != 1:
        book.say(path, N_('missing key "grid": which grid it is'))


def _for_figures(book: Book, form: Form, field: FormField, path: Path) -> None:
    """What is read whole at the school alone is counted somewhere; nobody has to say it, and nothing hangs on it."""
    here = (*path, "for_figures")
    if field.type not in CHOSEN:
        book.say(here, N_("only a choice that can be counted is for figures, not %(type)s"), type=field.type.value)
    elif book.declared.is_whole("figures") and book.declared.is_whole("acts") and not _is_counted(book, form, field):
        book.say(here, N_("no table of the figures counts it"))
    if field.required:
        book.say((*path, "required"), N_("what is for figures, nobody has to answer"))
    for other in form.fields:
        if other.when is not None and field.key in other.when.names:
            text = N_('field "%(name)s" is for figures: no other question hangs on it')
            book.say(("forms", form.key, "fields", other.key, "when"), text, name=field.key)


def _is_counted(book: Book, form: Form, field: FormField) -> bool:
    tables = book.protocol.figures.tables.values() if book.protocol.figures else ()
    return any(one.field == field.key and book.form_of(one.act) is form for one in tables)


def _options(book: Book, field: FormField, path: Path) -> None:
    if field.type in _OPTIONED and not field.options and book.declared.is_whole(*_entry(path)):
        book.say(path, N_("a %(type)s needs options"), type=field.type.value)
    possible: Iterable[str] = (option.key for option in field.options)
    if field.type is _T.tri:
        possible = ANSWERED
    elif field.type in (_T.danger, _T.dangers, _T.covers):
        possible = book.declared.of("dangers")
    elif field.type in (_T.yes_no, _T.check):
        possible = ("true", "false")
    among(book, (*path, "forbids_files"), field.forbids_files, possible, _NO_ANSWER)


def _range(book: Book, field: FormField, path: Path) -> None:
    for name in ("least", "most"):
        value = getattr(field, name)
        if value is not None and field.type not in _RANGED:
            book.say((*path, name), N_("a field of type %(type)s has no %(name)s"), type=field.type.value, name=name)
        elif value is not None and not 0 <= value <= 10**9:
            book.say((*path, name), N_("%(value)s is out of reach: 0 to 1000000000"), value=value)
    if field.least is not None and field.most is not None and field.least > field.most:
        book.say(
            (*path, "most"), N_("most (%(most)s) is less than least (%(least)s)"), most=field.most, least=field.least
        )
    if field.past and field.future:
        book.say((*path, "future"), N_("nothing is in the past and in the future"))


def _assessed(book: Book, field: FormField, path: Path) -> None:
    if not field.assessed:
        return
    levels = {str(level) for grid in book.protocol.grids.values() for level in grid.levels}
    if book.protocol.assessment is None:
        book.say((*path, "assessed"), N_("nothing is assessed here: there is no assessment"))
    elif field.type is not _T.choice or {option.key for option in field.options} != levels:
        book.say((*path, "assessed"), N_("the level that the grid gives is a choice between its levels"))
    elif field.default is not None:
        book.say((*path, "default"), N_("the level that the grid gives needs no default"))


def _known(book: Book, field: FormField, path: Path) -> None:
    """Where the record has an answer already: an entry's own field says the like; and what it shows is ticked."""
    if field.known and field.type in _ASKED_ANEW:
        book.say((*path, "known"), N_("a field of type %(type)s is asked anew each time"), type=field.type.value)
    for number, source in enumerate(field.known):
        here = (*path, "known", number)
        book.refer_one((*here, "act"), source.act, "acts")
        other = book.form_of(source.act)
        fitting = (_T.date, _T.moment) if field.type is _T.date else (field.type,)
        found = book.field((*here, "field"), other, source.field, *fitting)
        if found is not None and field.options:
            offered = [option.key for option in field.options]
            among(book, (*here, "field"), [option.key for option in found.options], offered, _NO_ANSWER)
    for option in field.options:
        here = (*path, "options", option.key, "met")
        book.needs(here, option.met)
        if option.met and field.type is not _T.choices:
            book.say(here, N_("only an answer among several is ticked by what the case shows"))


def _default(book: Book, field: FormField, path: Path) -> None:
    if field.default is None:
        return
    possible = _defaults(book, field, field.default)
    if possible is None:
        book.say((*path, "default"), N_("a field of type %(type)s has no default"), type=field.type.value)
    else:
        among(book, (*path, "default"), [field.default], possible, _NO_ANSWER)


def _defaults(book: Book, field: FormField, default: str) -> Iterable[str] | None:
    """What a default of this field can be; None where it can have none."""
    kind = field.type
    if kind in _DEFAULTS:
        return _DEFAULTS[kind]
    if kind in _OPTIONED:
        return [option.key for option in field.options]
    if kind is _T.account:
        return ("oneself", *book.declared.of("seats"))
    if kind is _T.date:
        return ("today", "planned", "next") if book.protocol.follow_up else ("today",)
    if kind in (_T.integer, _T.scale):
        return (default,) if default.isdecimal() else ()
    if kind not in PART_OF:
        return None
    entries = book.declared.of(PART_OF[kind])
    return ("only", *entries) if kind in (_T.danger, _T.seat) else entries


def _limits(book: Book, field: FormField, path: Path) -> None:
    if not field.only:
        return
    if field.type is _T.referral:
        among(book, (*path, "only"), field.only, _REFERRAL_STATES, _NO_REFERRAL_STATE)
    elif field.type in _LIMITS:
        book.refer((*path, "only"), field.only, *_LIMITS[field.type])
    else:
        book.say((*path, "only"), N_("a field of type %(type)s is not limited by `only`"), type=field.type.value)


def _columns(book: Book, field: FormField, path: Path) -> None:
    if not field.fields and book.declared.is_whole(*_entry(path)):
        book.say(path, N_("rows need fields"))
    types = types_of(book.protocol, field.fields)
    for column in field.fields:
        here = (*path, "fields", column.key)
        if column.type in (_T.rows, _T.grid, _T.danger_answers, _T.signature):
            book.say((*here, "type"), N_("a column of rows cannot be %(type)s"), type=column.type.value)
        if column.for_figures:
            book.say((*here, "for_figures"), N_("no table of the figures counts a column"))
        book.over_names((*here, "when"), column.when, types, Phrase(N_("column")))
        _field(book, column, here)


def among(book: Book, path: Path, names: Iterable[str], possible: Iterable[str], text: str) -> None:
    """Each of `names` must be possible; `text` is what is said of one that is not."""
    known = list(possible)
    for number, name in enumerate(names):
        if name not in known and (known or book.declared.is_whole(*_entry(path))):
            book.say((*path, number), text, name=name, like=book.like(name, known))


def _entry(path: Path) -> tuple[str, ...]:
    return tuple(str(step) for step in path[:2])


OPEN, ANY = "open", "any"
PLACES = (OPEN, ANY, START)
RECEIVERS = ("declarant", "guardians", "receiving_head")
CARRIED = ("dangers", "holds", "exclusions", "referrals", "records")

NEEDED: Mapping[ActKind, tuple[tuple[FieldType, ...], ...]] = {
    ActKind.raise_danger: ((_T.danger, _T.dangers),),
    ActKind.lift_danger: ((_T.danger,),),
    ActKind.refer: ((_T.target,), (_T.covers,)),
    ActKind.answer_referral: ((_T.referral,),),
    ActKind.hold: ((_T.person,),),
    ActKind.review_hold: ((_T.hold,),),
    ActKind.sign: ((_T.record,),),
    ActKind.correct: ((_T.record,),),
    ActKind.seat: ((_T.seat,), (_T.account,)),
    ActKind.add_person: ((_T.persons,),),
    ActKind.grid: ((_T.grid,),),
    ActKind.join: ((_T.case,),),
    ActKind.ask_transfer: ((_T.school,),),
    ActKind.contribute: ((_T.school,),),
    ActKind.answer_contribution: ((_T.record,),),
    ActKind.settle_contribution: ((_T.record,),),
    ActKind.excuse: ((_T.duty,),),
    ActKind.summary: ((_T.long,), (_T.check,)),
}
"""For each kind, the field types that its form must have: one of each group."""

POINTING = frozenset(
    {_T.danger, _T.target, _T.referral, _T.hold, _T.record, _T.seat, _T.account, _T.case, _T.duty, _T.person}
)
"""Of those, the types that say to whom or what something is done: without an answer nothing could be."""

_NOT_CARRIED = N_('"%(name)s" is no thing that a case carries along here%(like)s')
_MUST_BE_ASKED = N_("must be required, and always asked: %(kind)s needs it")
_ABOUT_CONTRIBUTIONS = (ActKind.answer_contribution, ActKind.settle_contribution)
_OPENING = (ActKind.report, ActKind.raise_danger)
_NAMING = (ActKind.hold, ActKind.add_person)
"""Kinds that must be able to name somebody whose information is on hold."""


def check(book: Book) -> None:
    for form in book.protocol.forms.values():
        check_form(book, form)
    for act in book.protocol.acts.values():
        _act(book, act)
    for move in book.protocol.moves.values():
        _move(book, move)
    _kinds(book)


# ---- acts -------------------------------------------------------------------------------------------------------


def _act(book: Book, act: Act) -> None:
    path = ("acts", act.key)
    form = book.protocol.forms.get(act.form)
    book.refer_one((*path, "form"), act.form, "forms")
    book.refer((*path, "in"), act.in_, "states", also=PLACES)
    book.people((*path, "by"), act.by, EVERYONE)
    book.people((*path, "signed_by"), act.signed_by, EVERYONE)
    book.needs((*path, "needs"), act.needs)
    book.refer_one((*path, "moves"), act.moves, "moves")
    book.refer_one((*path, "danger_signature"), act.danger_signature, "roles")
    book.refer_one((*path, "opens"), act.opens, "states")
    if (act.opens is None) == (act.kind is ActKind.contribute):
        book.say((*path, "opens"), N_("an act of kind contribute says in which state the other school’s case opens"))
    _notices(book, act.notify, path, form=form)
    book.over_answers((*path, "effect_when"), act.effect_when, form)
    _needs_when(book, act, form, path)
    for name, listed in (("in", act.in_), ("by", act.by)):
        if not listed:
            book.say((*path, name), N_("empty list: nobody could ever do this"))
    _signatures(book, act, path)
    if form is not None and book.declared.is_whole("forms", form.key):
        _form_of_act(book, act, form)


def _signatures(book: Book, act: Act, path: Path) -> None:
    if not 0 <= act.signatures <= 5:
        book.say((*path, "signatures"), N_("%(found)s signatures: 0 to 5"), found=act.signatures)
    elif act.signed_by and not act.signatures:
        book.say((*path, "signed_by"), N_("signed_by needs signatures"))
    if act.danger_signature and act.kind is not ActKind.lift_danger:
        book.say((*path, "danger_signature"), N_("only an act of kind lift_danger has it"))


def _form_of_act(book: Book, act: Act, form: Form) -> None:
    """Whether the form of an act asks what its kind needs."""
    path, kind = ("acts", act.key), act.kind.value
    _contribution(book, act, form)
    if act.kind is not ActKind.ask_transfer and any(one.goes_along for one in form.fields):
        text = N_("people go along with a case by an act of kind %(kind)s alone")
        book.say((*path, "form"), text, kind="ask_transfer")
    for types in NEEDED.get(act.kind, ()):
        found = form.find(*types)
        if found is None:
            text = N_('form "%(form)s" has no field of type %(wanted)s, which %(kind)s needs')
            book.say((*path, "kind"), text, form=form.key, wanted=either(types), kind=kind)
            continue
        place = ("forms", form.key, "fields", found.key)
        if found.type in POINTING and _can_be_left_out(found):
            book.say(place, _MUST_BE_ASKED, kind=kind)
        if act.kind in _NAMING and not found.even_on_hold:
            book.say(place, N_("must be even_on_hold: %(kind)s needs it"), kind=kind)


def _can_be_left_out(field: FormField) -> bool:
    return not field.required or field.when is not None


def _contribution(book: Book, act: Act, form: Form) -> None:
    """A contribution is asked of one school, which is named; what answers or settles it points at such an entry."""
    school, record = form.find(_T.school), form.find(_T.record)
    if act.kind is ActKind.contribute and school is not None and _can_be_left_out(school):
        book.say(("forms", form.key, "fields", school.key), _MUST_BE_ASKED, kind=act.kind.value)
    if act.kind in _ABOUT_CONTRIBUTIONS and record is not None:
        asking = {one.key for one in book.protocol.acts_of(ActKind.contribute)}
        if not asking or not record.only or not asking.issuperset(record.only):
            text = N_("only must name acts of kind contribute: %(kind)s is about one")
            book.say(("forms", form.key, "fields", record.key), text, kind=act.kind.value)


def _needs_when(book: Book, act: Act, form: Form | None, path: Path) -> None:
    for number, rule in enumerate(act.needs_when):
        here = (*path, "needs_when", number)
        book.over_answers((*here, "when"), rule.when, form)
        book.refer((*here, "needs"), rule.needs, "needs")
        for place, name in enumerate(rule.needs):
            for kind in _unpointed(book, form, name):
                text = N_('form "%(form)s" has no field of type %(type)s, which need "%(name)s" is about')
                book.say((*here, "needs", place), text, form=act.form, type=kind, name=name)


def _unpointed(book: Book, form: Form | None, need: str) -> list[str]:
    """The types of field that a need is about and the form has not."""
    declared = book.protocol.needs.get(need)
    if declared is None or form is None or not book.declared.is_whole("forms", form.key):
        return []
    kinds = pointers(book.protocol, declared.when.names)
    return sorted(kind.value for kind in kinds if form.find(kind) is None)


def _summaries(book: Book) -> None:
    """A summary is one text in which nobody is named, and its writer's word that it is so."""
    for act in book.protocol.acts_of(ActKind.summary):
        form = book.protocol.forms.get(act.form)
        if form is None or not book.declared.is_whole("forms", form.key):
            continue
        place = ("acts", act.key, "form")
        texts, ticks = ([field for field in form.fields if field.type is kind] for kind in (_T.long, _T.check))
        if len(texts) > 1 or not all(text.nameless and text.required for text in texts):
            book.say(place, N_("the long text of a summary is one, nameless and required"))
        if ticks and all(map(_can_be_left_out, ticks)):
            book.say(place, N_("whoever writes a summary must tick that it names nobody"))


def _kinds(book: Book) -> None:
    _summaries(book)
    if not book.declared.is_whole("acts"):
        return
    acts = book.protocol.acts.values()
    reports, raising = ([act for act in acts if act.kind is kind] for kind in _OPENING)
    if not any(START in act.in_ for act in reports):
        place: Path = ("acts", reports[0].key, "in") if reports else ("acts",)
        book.say(place, N_("no act of kind report is open at START: nothing could ever be reported"))
    _only_one(book, reports, N_("%(act)s is the report already: only one act can be"))
    _only_one(book, raising, N_("%(act)s raises dangers already: only one act can"))
    if book.protocol.dangers and not raising:
        book.say(("dangers",), N_("no act of kind raise_danger: no danger could ever be raised"))
    for act in acts:
        if START in act.in_ and act.kind not in _OPENING:
            book.say(("acts", act.key, "in"), N_("an act of kind %(kind)s cannot open a case"), kind=act.kind.value)


def _only_one(book: Book, acts: list[Act], text: str) -> None:
    for extra in acts[1:]:
        book.say(("acts", extra.key, "kind"), text, act=acts[0].key)


def _notices(book: Book, notices: Iterable[Notify], path: Path, *, form: Form | None = None) -> None:
    """Who is told: under a condition over facts, or, of an act, over the answers of its form."""
    for number, notice in enumerate(notices):
        here = (*path, "notify", number)
        book.refer_one((*here, "to"), notice.to, "roles", "seats", also=RECEIVERS)
        if path[0] == "acts":
            book.over_answers((*here, "when"), notice.when, form)
        else:
            book.over_facts((*here, "when"), notice.when)


# ---- moves ------------------------------------------------------------------------------------------------------


def _move(book: Book, move: Move) -> None:
    path = ("moves", move.key)
    sources = move.from_
    book.refer((*path, "from"), sources, "states", also=(START, HISTORY))
    book.refer_one((*path, "to"), move.to, "states", also=(HISTORY,))
    book.people((*path, "by"), move.by, EVERYONE)
    book.needs((*path, "needs"), move.needs)
    book.refer((*path, "meets"), move.meets, "deadlines")
    for name, listed in (("from", sources), ("by", move.by)):
        if not listed:
            book.say((*path, name), N_("empty list: this move could never be made"))
    if HISTORY in sources:
        book.say((*path, "from", sources.index(HISTORY)), N_("history is only where a move leads to"))
    for number, name in enumerate(sources):
        if name in sources[:number]:
            book.say((*path, "from", number), N_('"%(name)s" is named twice'), name=name)
            break
    for number, together in enumerate(move.distinct):
        here = (*path, "distinct", number)
        book.refer(here, together, "acts", also=("mover", "proposer"))
        if len(set(together)) < 2:
            book.say(here, N_("name two at least who must differ"))
    _notices(book, move.notify, path)
    among(book, (*path, "carries"), move.carries, CARRIED, _NOT_CARRIED)
    book.refer_one((*path, "opens"), move.opens, "states")
    _sets(book, move, (*path, "sets"))


def _sets(book: Book, move: Move, path: Path) -> None:
    if move.sets.level is not None and not book.has_level(move.sets.level):
        book.say((*path, "level"), N_("no grid has a level %(level)s"), level=move.sets.level)
    if move.sets.assess and book.protocol.assessment is None and book.declared.is_whole("assessment"):
        book.say((*path, "assess"), N_("the definition has no assessment"))
