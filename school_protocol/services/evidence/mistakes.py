"""Something was put here that must not be kept: shut at one press, told, asked about, destroyed; never looked at.

What was shut is opened by nobody, and nothing is said of what it shows. Whether it waits for an authority's word, or is
destroyed at once, is a setting of the installation, for the ministry's lawyers to decide.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from school_protocol.domain.errors import Unseen
from school_protocol.domain.events import Event, FileHandled, FileStep
from school_protocol.domain.evidence import FileRefused, Refusal
from school_protocol.domain.parts import FileLife
from school_protocol.domain.policy import Actor
from school_protocol.domain.weighing import acts_as
from school_protocol.services.evidence.at_hand import AtHand, piece_at
from school_protocol.services.house import House, take_away
from school_protocol.services.loading import keep, load
from school_protocol.services.recording import Done, repeated
from school_protocol.services.showing import seeing_of
from school_protocol.storage import access, files, once, outbox
from school_protocol.storage.engines import Session

DESTROY = "destroy"
_LEAD = timedelta(hours=4)
"""How long before an authority must have been asked people are told once more."""

Steps = Sequence[tuple[FileStep, str]]
_Decided = tuple[str, Steps]


def shut_file(house: House, actor: Actor, number: str, entry: int, *, token: str) -> Done:
    """Nobody opens this file any more, and whoever must know is told at once. Raises Unseen, SentBefore."""

    def decide(piece: AtHand, life: FileLife) -> _Decided:
        role = piece.shutting_role()
        if role is None:
            raise Unseen(f"{number}/{entry}")
        steps = [] if life.shut_at else [(FileStep.shut, "")]
        if house.settings.prohibited == DESTROY:
            steps.append((FileStep.destroyed, ""))
        return role, steps

    return _handled(house, actor, number, entry, token, "shut", decide)


def note_asked(house: House, actor: Actor, number: str, entry: int, target: str, *, token: str) -> Done:
    """A service was asked what is to become of it. Raises Unseen, SentBefore."""

    def decide(piece: AtHand, life: FileLife) -> _Decided:
        role = piece.settling_role()
        if role is None or life.shut_at is None or target not in piece.rules.mistake.ask:
            raise Unseen(f"{number}/{entry}")
        return role, [(FileStep.asked, target)]

    return _handled(house, actor, number, entry, token, f"asked {target}", decide)


def destroy_file(house: House, actor: Actor, number: str, entry: int, *, token: str) -> Done:
    """Destroy what was shut, past recovery; that it was there stays. Raises Unseen, SentBefore, FileRefused.

    Where the installation locks, a service must have been asked first (`not_asked`).
    """

    def decide(piece: AtHand, life: FileLife) -> _Decided:
        role = piece.settling_role()
        if role is None or life.shut_at is None:
            raise Unseen(f"{number}/{entry}")
        if not life.asked and house.settings.prohibited != DESTROY:
            raise FileRefused(Refusal.not_asked)
        return role, [(FileStep.destroyed, "")]

    return _handled(house, actor, number, entry, token, "destroyed", decide)


def _handled(
    house: House, actor: Actor, number: str, entry: int, token: str, said: str,
    decide: Callable[[AtHand, FileLife], _Decided],
) -> Done:  # fmt: skip
    press = once.press(house.vault, actor.id, token, number, "mistake", entry, said)
    places: tuple[str, ...] = ()
    with house.realm.writing() as session:
        if (before := once.spent(session, press)) is not None:
            return repeated(before)
        loaded = load(house, session, actor, number)
        piece = piece_at(loaded, seeing_of(house, loaded), entry)
        life = piece.file
        if life is None:
            raise Unseen(f"{number}/{entry}")
        role, steps = decide(piece, life)
        events: list[Event] = [
            FileHandled(
                actor=actor.id, role=role, at=loaded.now, occurred_at=loaded.now, file=life.id, entry=entry,
                piece=piece.number, step=step, target=target,
            )
            for step, target in steps
        ]  # fmt: skip
        seq = loaded.case.last_seq
        if events:
            kept = keep(house, session, loaded.case_id, loaded.protocol, loaded.events, events, around=loaded.around)
            seq = kept[-1].seq
        for step, _target in steps:
            access.note(session, case_id=loaded.case_id, account=actor.id, at=house.now(), what=f"file.{step.value}")
            _tell(house, session, piece, life, step)
            if step is FileStep.destroyed:
                places = files.destroy(session, loaded.case_id, life.id)
        once.use(session, press, {"seq": seq, "raised": False, "number": number}, at=house.now())
    take_away(house, places)
    return Done(seq, number=number)


# ---- who is told -----------------------------------------------------------------------------------------------------


def _tell(house: House, session: Session, piece: AtHand, life: FileLife, step: FileStep) -> None:
    """At once; once more where nobody has looked in time; and before an authority must have been asked."""
    now, rule, case_id = house.now(), piece.rules.mistake, piece.loaded.case_id
    if step is FileStep.shut:
        for place, role in enumerate(rule.tell):
            payload: outbox.Payload = {"case": case_id, "to": role, "move": "file", "urgent": True}
            outbox.put(session, "notify", payload, at=now)
            for name, until in (
                ("t", now + timedelta(hours=rule.tell_hours)),
                ("a", now + max(timedelta(0), timedelta(hours=rule.ask_hours) - _LEAD)),
            ):
                message = _reminder(life, name, place)
                outbox.put_once(session, message, "notify", payload, at=now)
                outbox.put_off(session, message, until)
    for place in range(len(rule.tell)):
        if step in (FileStep.asked, FileStep.destroyed):
            outbox.done(session, _reminder(life, "a", place), at=now)
            outbox.done(session, _reminder(life, "t", place), at=now)


def note_seen(house: House, session: Session, piece: AtHand, life: FileLife) -> None:
    """Whoever is told of it has seen it: they are not told once more that it waits."""
    protocol, held = piece.loaded.protocol, piece.loaded.roles
    for place, role in enumerate(piece.rules.mistake.tell):
        if any(acts_as(protocol, one, role) for one in held):
            outbox.done(session, _reminder(life, "t", place), at=house.now())


def _reminder(life: FileLife, name: str, place: int) -> str:
    return f"{life.id}{name}{place}"
