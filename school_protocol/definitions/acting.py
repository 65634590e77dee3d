"""Checks of what people do: acts and moves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from school_protocol.definitions.book import EVERYONE, Book, either
from school_protocol.definitions.form_checks import among, check_form
from school_protocol.definitions.tree import Path
from school_protocol.domain.facts import pointers
from school_protocol.domain.forms import FieldType, Form, FormField
from school_protocol.domain.phrases import N_
from school_protocol.domain.protocol import HISTORY, START, Act, ActKind, Move, Notify

OPEN, ANY = "open", "any"
PLACES = (OPEN, ANY, START)
RECEIVERS = ("declarant", "guardians", "receiving_head")
CARRIED = ("dangers", "holds", "exclusions", "referrals", "records")

_T = FieldType
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
