"""A list of places and people, brought, read, shown line by line, and applied as it was shown: all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from school_protocol.domain.errors import Unseen
from school_protocol.domain.policy import Actor
from school_protocol.domain.retention import LEAST_RUNS
from school_protocol.services.accounts import actor_of
from school_protocol.services.house import House
from school_protocol.services.loading import today_for
from school_protocol.services.staff import lists
from school_protocol.services.staff.addresses import say_address_changed
from school_protocol.services.staff.lists import ORDER, Unreadable, written
from school_protocol.services.staff.planning import CHUNK, Plan
from school_protocol.services.staff.reach import Admin, admin_of
from school_protocol.services.staff.writing import Writer
from school_protocol.services.teams.changing import Obstacle, TeamRefused
from school_protocol.storage import administration_chain
from school_protocol.storage import retention as days
from school_protocol.storage import staff_imports as kept
from school_protocol.storage.administration_chain import LinkHead
from school_protocol.storage.engines import Session
from school_protocol.storage.staff_imports import Batch, Line, State, Verdict

AT_ONCE = 300
"""A list of so many lines, or fewer, is read and applied while whoever brought it waits."""
PAGE = 100
LATELY = 10
TRIES = 3
"""So often a list is compared before its transaction; after that, within it."""
KEPT_FOR = timedelta(days=30)
"""A list, and the addresses in it, is forgotten after so long."""
CHANGED_MEANWHILE = "changed_meanwhile"
LINES_REFUSED = "lines_refused"

Step = Callable[[int, int], object]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many lines get which verdict."""

    new: int
    changed: int
    unchanged: int
    refused: int

    @property
    def to_apply(self) -> int:
        """How many lines would be written: none as long as one of the list is refused."""
        return 0 if self.refused else self.new + self.changed


@dataclass(frozen=True, slots=True)
class BatchLine:
    """A list among those that somebody brought."""

    batch: Batch
    counts: Counts

    @property
    def standing(self) -> str:
        """Its state; one that is read to its end stands as `refused` or `unchanged` where nothing can be applied."""
        if self.batch.state is not State.ready or self.counts.to_apply:
            return self.batch.state.value
        return "refused" if self.counts.refused else "unchanged"


@dataclass(frozen=True, slots=True)
class ImportView:
    """A list as its page shows it."""

    batch: Batch
    counts: Counts
    lines: tuple[Line, ...]
    verdict: str
    after: int
    """The last line of this page, where there is another one."""
    made: int
    """How many accounts it made, once it is applied."""


# ---- bringing ------------------------------------------------------------------------------------------------------


def bring(
    house: House, actor: Actor, content: bytes, file: str, *, hold: bool = False, by_command: bool = False
) -> Batch:
    """Keep a list, and read it at once if it is short; raises Unreadable, with nothing kept.

    `hold`: whoever calls this reads a long one, too, and no worker takes it meanwhile.
    """
    admin_of(house, actor)
    total = sum(1 for _row in lists.rows(content))
    if not total:
        raise Unreadable("empty")
    with house.directory.writing() as session:
        batch = kept.bring(session, actor.id, content, _file_name(file), total, at=house.now())
        if hold or total <= AT_ONCE:
            kept.take(session, batch, now=house.now())
    if total <= AT_ONCE:
        read(house, actor, batch, by_command=by_command)
    return _own(house, actor, batch)


def _file_name(file: str) -> str:
    return lists.tidy(file.replace("\\", "/").rpartition("/")[2]) or "list.csv"


def read(
    house: House, actor: Actor, batch: str, step: Step | None = None, *, fault: str = "", by_command: bool = False
) -> None:
    """Work out the preview, some hundreds of lines a transaction, so that how far it is can be seen meanwhile."""
    with house.directory.writing() as session:
        found = _mine(session, actor, batch)
        content = kept.content_of(session, batch)
        kept.begin_lines(session, batch)
    plan = Plan(house, admin_of(house, actor, by_command=by_command), today_for(house))
    done = 0
    with house.directory.reading() as session:
        for chunk in plan.lines(session, content):
            with house.directory.writing() as writing:
                kept.keep_lines(writing, batch, chunk, now=house.now())
            done += len(chunk)
            if step is not None:
                step(done, found.total)
    with house.directory.writing() as session:
        kept.set_ready(session, batch, plan.digest, at=house.now(), fault=fault)


# ---- seeing --------------------------------------------------------------------------------------------------------


def see_imports(house: House, actor: Actor) -> tuple[BatchLine, ...]:
    """The lists that this person brought lately."""
    admin_of(house, actor)
    with house.directory.reading() as session:
        found = kept.batches(session, actor.id, limit=LATELY)
        return tuple(BatchLine(one, _counts(session, one.id)) for one in found)


def see_import(house: House, actor: Actor, batch: str, *, verdict: str = "", after: int = 0) -> ImportView:
    """One's own list with a page of its lines, those of one verdict or all; raises Unseen."""
    admin_of(house, actor)
    wanted = _wanted(verdict)
    with house.directory.reading() as session:
        found = _mine(session, actor, batch)
        counted = _counts(session, batch)
        lines = kept.lines(session, batch, wanted, after=after, limit=PAGE + 1)
        made = len(kept.made_accounts(session, batch)) if found.state is State.applied else 0
    further = lines[PAGE - 1].line if len(lines) > PAGE else 0
    return ImportView(found, counted, lines[:PAGE], verdict if len(wanted) == 1 else "", further, made)


def results(
    house: House, actor: Actor, batch: str, say: Callable[[Line], str], head: Iterable[str], *, verdict: str = ""
) -> Iterator[bytes]:
    """Every line (of one verdict) with what becomes of it, for a spreadsheet; `say` and `head` are the reader's words.

    Its columns are named as those of a list that is brought, so that a mended one can be brought again.
    """
    admin_of(house, actor)
    wanted = _wanted(verdict)
    with house.directory.reading() as session:
        _mine(session, actor, batch)

    def every() -> Iterator[Sequence[str]]:
        after = 0
        while True:
            with house.directory.reading() as session:
                found = kept.lines(session, batch, wanted, after=after, limit=CHUNK)
            for line in found:
                yield [str(line.line), say(line), *(line.cells.get(name, "") for name in lists.FIELDS)]
            if len(found) < CHUNK:
                return
            after = found[-1].line

    return written([*head, *lists.FIELDS], every())


def _wanted(verdict: str) -> tuple[Verdict, ...]:
    return (Verdict(verdict),) if verdict in set(Verdict) else tuple(Verdict)


def _counts(session: Session, batch: str) -> Counts:
    found = kept.counts(session, batch)
    by = {one: sum(count for (_kind, verdict), count in found.items() if verdict is one) for one in Verdict}
    return Counts(by[Verdict.new], by[Verdict.changed], by[Verdict.unchanged], by[Verdict.refused])


def _mine(session: Session, actor: Actor, batch: str) -> Batch:
    found = kept.batch(session, batch)
    if found is None or found.account != actor.id:
        raise Unseen(batch)
    return found


def _own(house: House, actor: Actor, batch: str) -> Batch:
    with house.directory.reading() as session:
        return _mine(session, actor, batch)


# ---- settling ------------------------------------------------------------------------------------------------------


def confirm(house: House, actor: Actor, batch: str, digest: str, *, by_command: bool = False) -> Batch:
    """Apply what the preview with that digest showed; a long list is left to the worker. Pressed twice, done once.

    Raises TeamRefused where another preview was shown meanwhile, a line is refused, or nothing is to be applied.
    """
    admin_of(house, actor)
    with house.directory.writing() as session:
        found = _mine(session, actor, batch)
        if found.state in (State.applied, State.confirmed) and found.digest == digest:
            return found
        if found.state is not State.ready:
            raise TeamRefused(Obstacle("not_ready"))
        if found.digest != digest:
            raise TeamRefused(Obstacle(CHANGED_MEANWHILE))
        counts = _counts(session, batch)
        if counts.refused:
            raise TeamRefused(Obstacle(LINES_REFUSED))
        if not counts.to_apply:
            raise TeamRefused(Obstacle("nothing_to_apply"))
        kept.set_state(session, batch, State.confirmed, at=house.now())
        if found.total <= AT_ONCE:
            kept.take(session, batch, now=house.now())
    if found.total <= AT_ONCE:
        apply(house, actor, batch, by_command=by_command)
    return _own(house, actor, batch)


def withdraw(house: House, actor: Actor, batch: str) -> None:
    """Nothing of it is wanted any more; raises TeamRefused once it is confirmed."""
    admin_of(house, actor)
    with house.directory.writing() as session:
        found = _mine(session, actor, batch)
        if found.state not in (State.reading, State.ready, State.withdrawn):
            raise TeamRefused(Obstacle("confirmed_already"))
        kept.begin_lines(session, batch)
        kept.set_state(session, batch, State.withdrawn, at=house.now())


def apply(house: House, actor: Actor, batch: str, *, by_command: bool = False) -> bool:
    """Everything that the preview showed, in one transaction, or nothing and a new preview; says whether it did.

    That the list would still be read alike is worked out before the right to write is taken: what anybody changes about
    people and places lengthens their chain, so its head tells whether that still is so. Where it moved it is worked out
    anew, the last time with the right to write held. The language and address that somebody chose for themselves
    meanwhile stay theirs, unless the list names them.
    """
    admin = admin_of(house, actor, by_command=by_command)
    try:
        for _try in range(TRIES):
            try:
                return _apply(house, admin, batch, _checked_at(house, admin, batch))
            except _MovedError:
                continue
        return _apply(house, admin, batch, None)
    except _NotAsShownError as error:
        read(house, actor, batch, fault=error.fault, by_command=by_command)
        return False


class _NotAsShownError(Exception):
    """The list is shown anew instead of applied: it would be read otherwise by now, or a line of it is refused."""

    def __init__(self, fault: str) -> None:
        self.fault = fault
        super().__init__(fault)


class _MovedError(Exception):
    """Something was changed since the list was compared with what is kept."""


@dataclass(frozen=True, slots=True)
class _Checked:
    """The list was read as it was shown, on that day, when this was the latest change of all."""

    day: date
    head: LinkHead | None


def _checked_at(house: House, admin: Admin, batch: str) -> _Checked:
    day = today_for(house)
    with house.directory.reading() as session:
        found = _mine(session, admin.actor, batch)
        if found.state is State.confirmed:
            _check_still(session, house, admin, found, day)
        return _Checked(day, administration_chain.head(session))


def _check_still(session: Session, house: House, admin: Admin, found: Batch, day: date) -> None:
    plan = Plan(house, admin, day)
    for _chunk in plan.lines(session, kept.content_of(session, found.id)):
        pass
    if plan.digest != found.digest:
        raise _NotAsShownError(CHANGED_MEANWHILE)


def _apply(house: House, admin: Admin, batch: str, checked: _Checked | None) -> bool:
    """Write what the preview showed; None: it is compared here. Raises _MovedError, with nothing written."""
    day = today_for(house)
    with house.directory.writing() as session:
        found = _mine(session, admin.actor, batch)
        if found.state is not State.confirmed:
            return found.state is State.applied
        if checked is None:
            _check_still(session, house, admin, found, day)
        elif checked != _Checked(day, administration_chain.head(session)):
            raise _MovedError
        if _counts(session, batch).refused:
            raise _NotAsShownError(LINES_REFUSED)
        writer = Writer(session, house, admin, day)
        for kind in ORDER:
            for lines in _to_apply(session, batch, kind):
                kept.note_accounts(session, batch, writer.write(kind, lines))
        kept.set_state(session, batch, State.applied, at=house.now())
        if checked is not None and checked.head != administration_chain.held_head(session):
            raise _MovedError
    say_address_changed(house, writer.moved)
    return True


def _to_apply(session: Session, batch: str, kind: str) -> Iterator[tuple[Line, ...]]:
    after = 0
    while True:
        found = kept.lines(session, batch, (Verdict.new, Verdict.changed), after=after, limit=CHUNK, kind=kind)
        if not found:
            return
        yield found
        after = found[-1].line


# ---- in the background ---------------------------------------------------------------------------------------------


def go_on(house: House) -> bool:
    """Read or apply the oldest list that waits, of whichever person; says whether there was one."""
    forgotten = _forgotten_before(house)
    with house.directory.writing() as session:
        if forgotten is not None:
            kept.drop_settled(session, forgotten)
        found = kept.take_next(session, now=house.now())
        actor = actor_of(house, found.account, session) if found else None
    if found is None:
        return False
    try:
        if actor is None:
            raise Unseen(found.account)
        if found.state is State.reading:
            read(house, actor, found.id)
        else:
            apply(house, actor, found.id)
    except Unseen:
        with house.directory.writing() as session:
            kept.begin_lines(session, found.id)
            kept.set_state(session, found.id, State.withdrawn, at=house.now(), fault="not_yours_any_more")
    return True


def _forgotten_before(house: House) -> datetime | None:
    """Lists older than that are forgotten: counted from a day of work some days ago, so that a clock that leaps ahead
    takes nothing away; None as long as so many days are not known.
    """
    with house.realm.reading() as session:
        since = days.settled_since(session, LEAST_RUNS)
    return min(since, house.now()) - KEPT_FOR if since is not None else None
