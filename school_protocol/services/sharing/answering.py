"""What other schools ask of one's own: found, read and answered by whoever answers there, who sees nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from school_protocol.domain.asking import Asking
from school_protocol.domain.case import Record
from school_protocol.domain.engine import available
from school_protocol.domain.errors import Unseen
from school_protocol.domain.forms import FieldType, Form
from school_protocol.domain.lines import RecordView
from school_protocol.domain.policy import Actor, Unit
from school_protocol.domain.protocol import ActKind, Protocol
from school_protocol.domain.sharing import answering_act, answers_for, receiving_seats, waiting
from school_protocol.services.due_lines import tone_of
from school_protocol.services.house import House
from school_protocol.services.loading import Loaded, account_names, load_by_id, names_in, naming_of, sign_of
from school_protocol.services.masking import without_names
from school_protocol.services.seeing import Seeing
from school_protocol.services.sharing.views import RequestLine, RequestView
from school_protocol.services.sharing.waits import asker
from school_protocol.services.views import ActView, Choices
from school_protocol.storage import access, cases, directory
from school_protocol.storage.engines import Session
from school_protocol.storage.sharing import requests

MOST = 100
"""So many requests are shown; answered, they make place for more."""


def may_answer(house: House, actor: Actor) -> bool:
    """Whether one of this person's offices could ever answer another school, or something waits for them by name."""
    return _has_office(house, actor) or bool(waiting_for(house, actor))


def _has_office(house: House, actor: Actor) -> bool:
    return any(_may_answer(protocol, held.role) for protocol in house.library.every() for held in actor.appointments)


def _may_answer(protocol: Protocol, role: str) -> bool:
    asking = {act.kind for act in protocol.acts.values()} & {ActKind.ask_transfer, ActKind.contribute}
    acts = [act for kind in asking if (act := answering_act(protocol, kind)) is not None]
    heads = role in protocol.roles and protocol.roles[role].head
    seats = set(receiving_seats(protocol))
    return any(role in act.by or (heads and not seats.isdisjoint(act.by)) for act in acts)


def waiting_for(house: House, actor: Actor) -> tuple[RequestLine, ...]:
    """What waits for this person's answer, the oldest first; nothing nominal."""
    if actor.realm != house.name:
        return ()
    with house.realm.reading() as session:
        found = tuple(_known(house, session, actor, requests.waiting(session, asker(house, actor), limit=MOST)))
    return _lines(house, found) if found else ()


def is_asked(house: House, session: Session, actor: Actor, number: str) -> bool:
    """Whether something of that case waits for this person's answer."""
    return any(_known(house, session, actor, requests.waiting(session, asker(house, actor), number=number)))


def _known(
    house: House, session: Session, actor: Actor, found: Iterable[requests.Waiting]
) -> Iterator[requests.Waiting]:
    """Those that still wait for this person: who was named, only as long as they hold the seat and an office there."""
    by_office = replace(asker(house, actor), seats=())
    for one in found:
        held = requests.waiting(session, by_office, number=one.number, seq=one.seq)
        if held or _is_named(load_by_id(house, session, actor, one.case_id), one.seq):
            yield one


def _is_named(loaded: Loaded, seq: int) -> bool:
    asking = Asking(loaded.protocol, loaded.case, loaded.actor, loaded.roles, loaded.around)
    asked = next((one for one in waiting(loaded.protocol, loaded.case) if one.record.seq == seq), None)
    act = answering_act(loaded.protocol, asked.kind) if asked is not None else None
    return asked is not None and act is not None and answers_for(loaded.protocol, act, asking.roles_for(asked))


def read_before(house: House, actor: Actor, number: str, seq: int) -> bool:
    """Whether this person once read that request, which waits for them no more."""
    digits = cases.check_number(number) if actor.realm == house.name else None
    with house.realm.reading() as session:
        case_id = cases.find_by_number(session, digits) if digits else None
        return case_id is not None and access.has_read(session, case_id, actor.id, what=f"request.{seq}")


def _lines(house: House, found: tuple[requests.Waiting, ...]) -> tuple[RequestLine, ...]:
    with house.directory.reading() as session:
        units = directory.units(session, [unit for one in found for unit in (one.home, one.unit)])
    return tuple(_line(house, one, units[one.home], units[one.unit]) for one in found)


def _line(house: House, one: requests.Waiting, home: Unit, there: Unit) -> RequestLine:
    is_transfer = one.kind == ActKind.ask_transfer.value
    tone = tone_of(one.due_at, house.now())
    return RequestLine(one.number, one.seq, is_transfer, home, there, one.asked_at, one.due_at, tone)


def load_asked(house: House, session: Session, actor: Actor, number: str, act: str) -> Loaded:
    """A case of which this person sees nothing but what it asks of them, to be answered by that act. Raises Unseen."""
    for one in _asked(house, session, actor, number):
        loaded = load_by_id(house, session, actor, one.case_id)
        answer = answering_act(loaded.protocol, ActKind(one.kind))
        if answer is not None and answer.key == loaded.protocol.resolve("acts", act):
            return loaded
    raise Unseen(number)


def _asked(
    house: House, session: Session, actor: Actor, number: str, seq: int | None = None
) -> tuple[requests.Waiting, ...]:
    digits = cases.check_number(number) if actor.realm == house.name else None
    if not digits:
        return ()
    return tuple(_known(house, session, actor, requests.waiting(session, asker(house, actor), number=digits, seq=seq)))


def see_request(house: House, actor: Actor, number: str, seq: int) -> RequestView:
    """One request with its form; reading it is recorded. Raises Unseen where it doesn't wait for this person."""
    with house.realm.writing() as session:
        found = _asked(house, session, actor, number, seq)
        loaded = load_by_id(house, session, actor, found[0].case_id) if found else None
        record = loaded.case.record(seq) if loaded is not None else None
        if loaded is None or record is None:
            raise Unseen(number)
        access.note(session, case_id=loaded.case_id, account=actor.id, at=house.now(), what=f"request.{seq}")
        return RequestView(
            line=_lines(house, found)[0],
            asked=_as_asked(house, session, loaded, record),
            labels={person: sign_of(loaded.protocol, person) for person in loaded.case.people},
            act=_act_view(loaded, ActKind(found[0].kind)),
            fixed=_fixed(loaded.protocol, ActKind(found[0].kind), seq),
        )


def _as_asked(house: House, session: Session, loaded: Loaded, record: Record) -> RecordView:
    """The request as it was written, with signs in place of the names of the case's people."""
    names = account_names(house, [record.actor, record.author], loaded.actor.language)
    shown = Seeing(loaded, names).record(record, as_signatory=True)
    naming = naming_of(loaded.protocol, names_in(house, session, loaded.case_id))
    return replace(shown, answers=without_names(shown.form, shown.answers, naming.signed))


def _act_view(loaded: Loaded, kind: ActKind) -> ActView:
    act = answering_act(loaded.protocol, kind)
    if act is None:
        raise Unseen(loaded.case.number)
    choices = available(loaded.protocol, loaded.case, loaded.actor, loaded.now, loaded.around, loaded.facts)
    reasons = next(one.reasons for one in choices if one.kind == "act" and one.key == act.key)
    form = _without_pointer(loaded.protocol.form_of(act))
    return ActView(loaded.protocol, act, form, None, Choices(), reasons, prefill={})


def _without_pointer(form: Form) -> Form:
    """The form without the question which request it answers: the page is about one."""
    said = {name: getattr(form, name) for name in type(form).model_fields}
    return Form(**{**said, "fields": tuple(one for one in form.fields if one.type is not FieldType.record)})


def _fixed(protocol: Protocol, kind: ActKind, seq: int) -> dict[str, str]:
    act = answering_act(protocol, kind)
    item = protocol.form_of(act).find(FieldType.record) if act is not None else None
    return {item.key: str(seq)} if item is not None else {}
