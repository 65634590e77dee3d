"""The checks of reviews: who reviews and sends, which act is the visa, how it is refused, what counts their time."""

from __future__ import annotations

from school_protocol.definitions.book import Book
from school_protocol.domain.forms import FieldType
from school_protocol.domain.phrases import N_
from school_protocol.domain.protocol import ActKind
from school_protocol.domain.review_rules import Refusal, Review

HERE = ("review",)


def check(book: Book) -> None:
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
    book.refer((*HERE, "by"), review.by, "roles")
    book.people((*HERE, "asked_by"), review.asked_by)
    if not review.by:
        book.say((*HERE, "by"), N_("nobody reviews: name roles under by"))
    book.refer_one((*HERE, "visa"), review.visa, "acts")
    act = book.protocol.acts.get(review.visa)
    if act is not None and act.kind is not ActKind.visa:
        book.say((*HERE, "visa"), N_('act "%(name)s" is no visa'), name=review.visa)
    for number, begins in enumerate(review.begins):
        book.refer((*HERE, "begins", number, "entered"), begins.entered, "states")
        book.over_facts((*HERE, "begins", number, "when"), begins.when)
    _answered(book, review)
    if review.refusal is not None:
        _refusal(book, review, review.refusal)


def _answered(book: Book, review: Review) -> None:
    """What they observe is answered as remarks on copies are."""
    if not book.declared.is_whole("documents"):
        return
    remarks = [one.remarks for one in book.protocol.documents.values() if one.is_case_file and one.remarks is not None]
    if not remarks:
        book.say(HERE, N_("nobody answers: the case file says under remarks who does"))
        return
    for number, role in enumerate(review.by):
        if all(role not in one.for_ for one in remarks):
            book.say((*HERE, "by", number), N_('"%(name)s" makes no remarks on the case file'), name=role)


def _refusal(book: Book, review: Review, refusal: Refusal) -> None:
    path, form = (*HERE, "refusal"), book.form_of(review.visa)
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
