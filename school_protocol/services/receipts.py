"""A reporter's receipt: that the report came in, and what still falls to whoever stands beside the child."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from school_protocol.domain.acting import in_team
from school_protocol.domain.engine import (
    RecordAct,
    available,
    decide,
)
from school_protocol.domain.errors import Unseen
from school_protocol.domain.forms import FieldType
from school_protocol.domain.policy import Actor
from school_protocol.domain.protocol import Act, ActKind, Protocol
from school_protocol.services.directory import contact_lines
from school_protocol.services.first_minutes import called_since, first_acts, noted_since, still_to_tell, to_call, voices
from school_protocol.services.house import House
from school_protocol.services.loading import (
    Loaded,
    load_by_id,
)
from school_protocol.services.naming import refuse_names
from school_protocol.services.opening import Opened, colleague_lines
from school_protocol.services.recording import Done, keep_decision, repeated, where_it_goes_on
from school_protocol.services.views import (
    ActView,
    Choices,
    ReceiptLine,
)
from school_protocol.storage import cases, directory, index, once, reports
from school_protocol.storage.engines import Session


def see_receipt(house: House, actor: Actor, report: str) -> ReceiptLine:
    """A reporter's own receipt: that the report came in, and whether somebody looks after it; nothing of the case."""
    with house.realm.reading() as session:
        header = reports.header(session, report)
        line = receipt_line(house, session, actor, header)
        loaded = load_by_id(house, session, actor, header.case_id or "")
        raised = tuple(loaded.protocol.dangers[key] for key in _own_dangers(loaded))
        targets = [target for danger in raised for target in danger.targets]
        acts, own = _acts_beside(loaded), [life for life in loaded.case.dangers if life.by == actor.id]
        return replace(
            line,
            acts=acts,
            raised=raised,
            contacts=to_call(loaded.case, contact_lines(house, loaded.protocol, loaded.case.unit, targets or None)),
            voices=voices(house, loaded, acts) if raised else (),
            noted=noted_since(loaded.protocol, loaded.case, acts, own, by=actor.id),
            called=called_since(loaded.protocol, loaded.case, own, by=actor.id),
        )


def see_receipt_act(house: House, actor: Actor, report: str, act: str) -> ActView:
    """The form of an act of the first minutes, for a reporter who may not see the case: nothing of it is offered."""
    with house.realm.reading() as session:
        header = reports.header(session, report)
        if header.reporter != actor.id or header.case_id is None:
            raise Unseen(report)
        loaded = load_by_id(house, session, actor, header.case_id)
    key = loaded.protocol.resolve("acts", act)
    declared = next((one for one in _acts_beside(loaded) if one.key == key), None)
    if declared is None:
        raise Unseen(act)
    return ActView(
        protocol=loaded.protocol,
        act=declared,
        form=loaded.protocol.form_of(declared),
        head=None,
        choices=Choices(
            accounts=colleague_lines(loaded.protocol, loaded.around, actor),
            contacts=contact_lines(house, loaded.protocol, loaded.case.unit),
            dangers=tuple(loaded.protocol.dangers[key] for key in _own_dangers(loaded)),
        ),
    )


def _own_dangers(loaded: Loaded) -> tuple[str, ...]:
    """Dangers that this person raised."""
    return tuple(dict.fromkeys(life.danger for life in loaded.case.dangers if life.by == loaded.actor.id))


def _acts_beside(loaded: Loaded) -> tuple[Act, ...]:
    if not _own_dangers(loaded):
        return ()
    choices = available(loaded.protocol, loaded.case, loaded.actor, loaded.now, loaded.around, loaded.facts)
    return (*first_acts(loaded.protocol, choices), *still_to_tell(loaded.protocol, loaded.case, choices))


def receipt_line(house: House, session: Session, actor: Actor, header: reports.ReportHeader) -> ReceiptLine:
    if header.reporter != actor.id or header.case_id is None:
        raise Unseen(header.id)
    row = index.row_of(session, header.case_id)
    opened = cases.opened(session, header.case_id)
    protocol = house.library.protocol(opened.protocol, row.version if row else opened.version)
    seen = any(in_team(protocol, role) for role in cases.seen_as(session, header.case_id))
    state = "in_hand" if seen else "received"
    if row is not None and row.ended:
        state = "ended"
    if row is not None and actor.id in row.exclusions:
        state = "received"  # what becomes of it is not for who must not read it
    with house.directory.reading() as directory_session:
        unit = directory.unit(directory_session, header.unit)
    return ReceiptLine(
        report=header.id,
        received_at=header.received_at,
        state=state,
        unit=unit,
        protocol=protocol,
        dangers=tuple(protocol.dangers.values()),
        contacts=contact_lines(house, protocol, header.unit),
        restricted=row is not None and row.restricted,
    )


def raise_from_receipt(house: House, actor: Actor, report: str, danger: str, *, token: str) -> Opened:
    """A reporter raises a danger on the case that their report opened, without seeing it."""
    protocol = _protocol_of_report(house, actor, report)
    act = next(iter(protocol.acts_of(ActKind.raise_danger)), None)
    item = protocol.form_of(act).find(FieldType.danger) if act else None
    if act is None or item is None:
        raise Unseen(report)
    done = record_from_receipt(house, actor, report, act.key, {item.key: danger}, token=token)
    return Opened(done.number, report, True, False, repeated=done.repeated)


def record_from_receipt(
    house: House, actor: Actor, report: str, act: str, answers: Mapping[str, Any], *, token: str, said: object = None
) -> Done:
    """A reporter, who may not see the case, still does what falls to whoever stands beside the child.

    The acts of the first minutes, and the report itself where a danger opened the case.
    """
    press = once.press(house.vault, actor.id, token, report, act, said or answers)
    with house.realm.writing(together=True) as session:
        header = reports.header(session, report)
        if header.reporter != actor.id or header.case_id is None:
            raise Unseen(report)
        if (before := once.spent(session, press)) is not None:
            return repeated(before)
        loaded = load_by_id(house, session, actor, header.case_id)
        declared = loaded.protocol.acts.get(loaded.protocol.resolve("acts", act))
        if declared is None or not (declared.first_minutes or declared.kind is ActKind.report):
            raise Unseen(report)
        if declared.kind is ActKind.raise_danger:
            loaded = where_it_goes_on(house, session, loaded)
        intent = RecordAct(declared.key, answers)
        decision = decide(loaded.protocol, loaded.case, actor, house.now(), loaded.around, intent)
        refuse_names(house, session, loaded.case_id, loaded.protocol, decision, tells=False)
        return keep_decision(house, session, loaded, decision, press)


def _protocol_of_report(house: House, actor: Actor, report: str) -> Protocol:
    with house.realm.reading() as session:
        header = reports.header(session, report)
        if header.reporter != actor.id or header.case_id is None:
            raise Unseen(report)
        opened, row = cases.opened(session, header.case_id), index.row_of(session, header.case_id)
    return house.library.protocol(opened.protocol, row.version if row else opened.version)
