"""Service of imports: a list of places and people read, shown line by line, and applied as shown, all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.repository import Account, plain_username
from school_protocol.auth.second_factor import end_if_unproven
from school_protocol.auth.sign_in_service import actor_of
from school_protocol.context import AppContext, today_for
from school_protocol.engine.definition_parts import LEAST_RUNS
from school_protocol.engine.errors import Unseen
from school_protocol.engine.texts import plain_phone
from school_protocol.engine.visibility import Actor, Unit
from school_protocol.people import import_repository, repository, spreadsheets
from school_protocol.people.import_plan import CHUNK, Plan
from school_protocol.people.import_repository import Batch, Line, State, Verdict
from school_protocol.people.repository import Certificate, Held
from school_protocol.people.service import keep_account, say_address_changed
from school_protocol.people.spreadsheets import ORDER, Unreadable, written
from school_protocol.people.staff_list import Admin, admin_of, role_named, row_of, through
from school_protocol.people.teams import Obstacle, TeamRefused
from school_protocol.storage import administration_log, work_queue
from school_protocol.storage.administration_log import Change, Kind, LinkHead
from school_protocol.storage.engines import Session
from school_protocol.storage.models import new_id

# ---- lines written: places, accounts, appointments, certificates, and the rows that say who did it -----------------

REASON = "list"
_OWN = ("name_fr", "name_ar", "language", "email", "phone")


@dataclass
class Writer:
    """Writes lines in the order in which they were judged; nothing they were judged by has changed since."""

    session: Session
    ctx: AppContext
    admin: Admin
    today: date
    made: dict[str, Account] = field(default_factory=dict)
    moved: list[str] = field(default_factory=list)
    """Accounts that are reached elsewhere from now on."""

    def write(self, kind: str, lines: Sequence[Line]) -> dict[int, str]:
        """Some lines of one kind; returns which line made which account."""
        return self._people(lines) if kind == "person" else self._places(kind, lines)

    # ---- places ------------------------------------------------------------------------------------------------

    def _places(self, kind: str, lines: Sequence[Line]) -> dict[int, str]:
        codes = {line.cells.get(name, "").upper() for line in lines for name in ("code", "parent")}
        known = import_repository.units_coded(self.session, codes)
        new, log, levels, cities = [], [], {}, {}
        for line in lines:
            code, level = line.cells["code"].upper(), spreadsheets.level_of(line.cells.get("level", ""))
            names, city = _names(line), line.cells.get("city", "")
            if line.verdict is Verdict.new:
                above = known[line.cells["parent"].upper()]
                unit = {"id": new_id(), "kind": kind, "code": code, "names": names, "parent": above.id}
                new.append(unit)
                levels[str(unit["id"])], cities[str(unit["id"])] = level, city
                log.append(self._of_place(Kind.unit_created, str(unit["id"]), above))
            else:
                here = known[code]
                levels[here.id], cities[here.id] = level, city
                repository.rename_unit(self.session, here.id, {**here.names, **names})
                log.append(self._of_place(Kind.unit_changed, here.id, here))
        import_repository.add_units(self.session, new)
        for place, level in levels.items():
            if level:
                repository.set_level(self.session, place, level)
            if cities[place]:
                repository.set_city(self.session, place, cities[place])
        administration_log.write_all(self.session, log)
        return {}

    def _of_place(self, kind: Kind, unit: str, within: Unit) -> Change:
        """About a place: by whom, in the appointment that gives the right."""
        post = next(one for one in self.admin.posts if one.unit in (within.id, *within.parents))
        return Change(
            at=self.ctx.now(), actor=self.admin.actor.id, kind=kind, unit=unit, account=self.admin.actor.id,
            role=post.role, reason=REASON,
            appointment=row_of(self.session, self.admin.actor, post, self.today),
        )  # fmt: skip

    # ---- people ------------------------------------------------------------------------------------------------

    def _people(self, lines: Sequence[Line]) -> dict[int, str]:
        called = {plain_username(line.cells["username"]) for line in lines}
        accounts = {**import_repository.accounts_named(self.session, called)}
        held = repository.held(self.session, [one.id for one in accounts.values()])
        units = import_repository.units_coded(self.session, {line.cells.get("unit", "").upper() for line in lines})
        made = self._accounts(lines, accounts)
        posts, log, seen = [], [], []
        for line in lines:
            account = accounts[plain_username(line.cells["username"])]
            kinds: tuple[Kind, ...] = ()
            if line.verdict is Verdict.changed:
                accounts[account.username], kinds = self._change(account, line)
            post = self._post(account, line, held.get(account.id, ()), units)
            if post is not None and post.pop("new"):
                posts.append(post)
            log += self._said(account, line, post, held.get(account.id, ()), kinds)
            if line.verdict is Verdict.new or _says(line, "certified_until"):
                seen += self._certificate(account, line)
        import_repository.add_appointments(self.session, posts)
        repository.keep_certificates(self.session, seen)
        administration_log.write_all(self.session, log)
        return made

    def _accounts(self, lines: Sequence[Line], accounts: dict[str, Account]) -> dict[int, str]:
        """The new accounts; `accounts` knows them from now on."""
        new, made = [], {}
        for line in lines:
            called = plain_username(line.cells["username"])
            if line.verdict is not Verdict.new or called in accounts:
                continue
            found = Account(
                id=new_id(), username=called, names=_names(line), language=self._language(line), certified=False,
                trained_until=None, active=True, created_at=self.ctx.now(), email=line.cells.get("email") or None,
                phone=plain_phone(line.cells.get("phone", "")) or None,
            )  # fmt: skip
            columns = ("id", "username", "names", "language", "created_at", "email", "phone")
            new.append({name: getattr(found, name) for name in columns})
            accounts[called], made[line.line] = found, found.id
        import_repository.add_accounts(self.session, new)
        return made

    def _language(self, line: Line) -> str:
        return line.cells.get("language", "").casefold() or self.ctx.settings.default_language

    def _change(self, account: Account, line: Line) -> tuple[Account, tuple[Kind, ...]]:
        """What the line changes of the account itself, as its preview said: as it is now, and what is written down."""
        own = {name: new for name, _old, new in line.said if name in _OWN}
        names = {**account.names, **{name[-2:]: text for name, text in own.items() if name.startswith("name_")}}
        language, email, phone = (own.get(name, getattr(account, name)) for name in ("language", "email", "phone"))
        kinds = keep_account(self.session, self.ctx, account, names=names, language=language, email=email, phone=phone)
        if Kind.address_changed in kinds:
            self.moved.append(account.id)
        return replace(account, names=names, language=language, email=email, phone=phone), kinds

    def _post(
        self, account: Account, line: Line, held: Iterable[Held], units: dict[str, Unit]
    ) -> dict[str, Any] | None:
        """The appointment that the line gives (new) or ends; None where it does neither."""
        if not line.cells.get("role"):
            return None
        unit, role = units[line.cells["unit"].upper()], role_named(self.admin.roles, line.cells["role"])
        assert role is not None  # the line was judged already
        ends = _day(line, "ends")
        if line.verdict is Verdict.new or _says(line, "appointment"):
            if self.admin.roles[role][1].second_factor:  # asked here: thousands of lines give roles that ask for none
                end_if_unproven(self.session, self.ctx, account.id, role)
            return {
                "new": True, "id": new_id(), "account": account.id, "role": role, "unit": unit.id,
                "starts": _day(line, "starts") or self.today, "ends": ends,
            }  # fmt: skip
        if not _says(line, "ends"):
            return None
        post = next(one for one in held if (one.role, one.unit) == (role, unit.id) and not one.is_over(self.today))
        assert ends is not None
        auth_repository.end_appointment(self.session, post.id, ends)
        return {"new": False, "id": post.id, "role": role, "unit": unit.id, "starts": None, "ends": ends}

    def _certificate(self, account: Account, line: Line) -> list[Certificate]:
        until = _day(line, "certified_until")
        known = account.trained_until if account.certified else None
        if until is None or until == known:
            return []
        return [Certificate(account.id, None, until, self.admin.actor.id, self.ctx.now())]

    def _said(
        self,
        account: Account,
        line: Line,
        post: dict[str, Any] | None,
        held: Iterable[Held],
        changed: tuple[Kind, ...],
    ) -> list[Change]:
        """The rows that stay: account, appointment, certificate; `changed`: of the account itself."""
        at = post or self._latest(held)
        if at is None:
            return []
        kinds = [*changed]
        if line.verdict is Verdict.new:
            kinds.append(Kind.account_created)
        if post is not None:
            is_new = line.verdict is Verdict.new or _says(line, "appointment")
            kinds.append(Kind.appointed if is_new else Kind.appointment_ends)
        if _day(line, "certified_until") and (line.verdict is Verdict.new or _says(line, "certified_until")):
            kinds.append(Kind.certificate_seen)
        return [self._row(kind, account, at, line) for kind in kinds]

    def _row(self, kind: Kind, account: Account, at: dict[str, Any], line: Line) -> Change:
        ends = _day(line, "certified_until") if kind is Kind.certificate_seen else at.get("ends")
        of_post = kind in (Kind.appointed, Kind.appointment_ends)
        return Change(
            at=self.ctx.now(), actor=self.admin.actor.id, kind=kind, unit=at["unit"], account=account.id,
            role=at["role"], appointment=at["id"], reason=REASON, starts=at.get("starts") if of_post else None,
            ends=ends if of_post or kind is Kind.certificate_seen else None,
        )  # fmt: skip

    def _latest(self, held: Iterable[Held]) -> dict[str, Any] | None:
        """The latest appointment within the reach: what concerns the account as a whole is written there."""
        units = auth_repository.find_units(self.session, {post.unit for post in held})
        within = [post for post in held if self.admin.reaches(units[post.unit])]
        if not within:
            return None
        post = max(within, key=lambda one: (not one.is_over(self.today), one.starts, one.id))
        through(self.session, self.admin, post.unit)
        return {"id": post.id, "unit": post.unit, "role": post.role}


def _says(line: Line, name: str) -> bool:
    return line.verdict is Verdict.changed and any(said[0] == name for said in line.said)


def _names(line: Line) -> dict[str, str]:
    return {key: line.cells[f"name_{key}"] for key in ("fr", "ar") if line.cells.get(f"name_{key}")}


def _day(line: Line, name: str) -> date | None:
    text = spreadsheets.day_in(line.cells.get(name, ""))
    return date.fromisoformat(text) if text else None


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
    ctx: AppContext, actor: Actor, content: bytes, file: str, *, hold: bool = False, by_command: bool = False
) -> Batch:
    """Keep a list, and read it at once if it is short; raises Unreadable, with nothing kept.

    `hold`: whoever calls this reads a long one, too, and no worker takes it meanwhile.
    """
    admin_of(ctx, actor)
    total = sum(1 for _row in spreadsheets.rows(content))
    if not total:
        raise Unreadable("empty")
    name = spreadsheets.tidy(file.replace("\\", "/").rpartition("/")[2]) or "list.csv"
    with ctx.directory.writing() as session:
        batch = import_repository.bring(session, actor.id, content, name, total, at=ctx.now())
        if hold or total <= AT_ONCE:
            import_repository.take(session, batch, now=ctx.now())
    if total <= AT_ONCE:
        read_import(ctx, actor, batch, by_command=by_command)
    return _own(ctx, actor, batch)


def read_import(
    ctx: AppContext, actor: Actor, batch: str, step: Step | None = None, *, fault: str = "", by_command: bool = False
) -> None:
    """Work out the preview, some hundreds of lines a transaction, so that how far it is can be seen meanwhile."""
    with ctx.directory.writing() as session:
        found = _mine(session, actor, batch)
        content = import_repository.content_of(session, batch)
        import_repository.begin_lines(session, batch)
    plan = Plan(ctx, admin_of(ctx, actor, by_command=by_command), today_for(ctx))
    done = 0
    with ctx.directory.reading() as session:
        for chunk in plan.lines(session, content):
            with ctx.directory.writing() as writing:
                import_repository.keep_lines(writing, batch, chunk, now=ctx.now())
            done += len(chunk)
            if step is not None:
                step(done, found.total)
    with ctx.directory.writing() as session:
        import_repository.set_ready(session, batch, plan.digest, at=ctx.now(), fault=fault)


# ---- seeing --------------------------------------------------------------------------------------------------------


def see_imports(ctx: AppContext, actor: Actor) -> tuple[BatchLine, ...]:
    """The lists that this person brought lately."""
    admin_of(ctx, actor)
    with ctx.directory.reading() as session:
        found = import_repository.batches(session, actor.id, limit=LATELY)
        return tuple(BatchLine(one, _counts(session, one.id)) for one in found)


def see_import(ctx: AppContext, actor: Actor, batch: str, *, verdict: str = "", after: int = 0) -> ImportView:
    """One's own list with a page of its lines, those of one verdict or all; raises Unseen."""
    admin_of(ctx, actor)
    wanted = _wanted(verdict)
    with ctx.directory.reading() as session:
        found = _mine(session, actor, batch)
        counted = _counts(session, batch)
        lines = import_repository.lines(session, batch, wanted, after=after, limit=PAGE + 1)
        made = len(import_repository.made_accounts(session, batch)) if found.state is State.applied else 0
    further = lines[PAGE - 1].line if len(lines) > PAGE else 0
    return ImportView(found, counted, lines[:PAGE], verdict if len(wanted) == 1 else "", further, made)


def results(
    ctx: AppContext, actor: Actor, batch: str, say: Callable[[Line], str], head: Iterable[str], *, verdict: str = ""
) -> Iterator[bytes]:
    """Every line (of one verdict) with what becomes of it, for a spreadsheet; `say` and `head` are the reader's words.

    Its columns are named as those of a list that is brought, so that a mended one can be brought again.
    """
    admin_of(ctx, actor)
    wanted = _wanted(verdict)
    with ctx.directory.reading() as session:
        _mine(session, actor, batch)

    def every() -> Iterator[Sequence[str]]:
        after = 0
        while True:
            with ctx.directory.reading() as session:
                found = import_repository.lines(session, batch, wanted, after=after, limit=CHUNK)
            for line in found:
                yield [str(line.line), say(line), *(line.cells.get(name, "") for name in spreadsheets.FIELDS)]
            if len(found) < CHUNK:
                return
            after = found[-1].line

    return written([*head, *spreadsheets.FIELDS], every())


def _wanted(verdict: str) -> tuple[Verdict, ...]:
    return (Verdict(verdict),) if verdict in set(Verdict) else tuple(Verdict)


def _counts(session: Session, batch: str) -> Counts:
    found = import_repository.counts(session, batch)
    by = {one: sum(count for (_kind, verdict), count in found.items() if verdict is one) for one in Verdict}
    return Counts(by[Verdict.new], by[Verdict.changed], by[Verdict.unchanged], by[Verdict.refused])


def _mine(session: Session, actor: Actor, batch: str) -> Batch:
    found = import_repository.batch(session, batch)
    if found is None or found.account != actor.id:
        raise Unseen(batch)
    return found


def _own(ctx: AppContext, actor: Actor, batch: str) -> Batch:
    with ctx.directory.reading() as session:
        return _mine(session, actor, batch)


# ---- settling ------------------------------------------------------------------------------------------------------


def confirm(ctx: AppContext, actor: Actor, batch: str, digest: str, *, by_command: bool = False) -> Batch:
    """Apply what the preview with that digest showed; a long list is left to the worker. Pressed twice, done once.

    Raises TeamRefused where another preview was shown meanwhile, a line is refused, or nothing is to be applied.
    """
    admin_of(ctx, actor)
    with ctx.directory.writing() as session:
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
        import_repository.set_state(session, batch, State.confirmed, at=ctx.now())
        if found.total <= AT_ONCE:
            import_repository.take(session, batch, now=ctx.now())
    if found.total <= AT_ONCE:
        apply(ctx, actor, batch, by_command=by_command)
    return _own(ctx, actor, batch)


def withdraw(ctx: AppContext, actor: Actor, batch: str) -> None:
    """Nothing of it is wanted any more; raises TeamRefused once it is confirmed."""
    admin_of(ctx, actor)
    with ctx.directory.writing() as session:
        found = _mine(session, actor, batch)
        if found.state not in (State.reading, State.ready, State.withdrawn):
            raise TeamRefused(Obstacle("confirmed_already"))
        import_repository.begin_lines(session, batch)
        import_repository.set_state(session, batch, State.withdrawn, at=ctx.now())


def apply(ctx: AppContext, actor: Actor, batch: str, *, by_command: bool = False) -> bool:
    """Everything that the preview showed, in one transaction, or nothing and a new preview; says whether it did.

    That the list would still be read alike is worked out before the right to write is taken: what anybody changes about
    people and places lengthens their chain, so its head tells whether that still is so. Where it moved it is worked out
    anew, the last time with the right to write held. The language and address that somebody chose for themselves
    meanwhile stay theirs, unless the list names them.
    """
    admin = admin_of(ctx, actor, by_command=by_command)
    try:
        for _try in range(TRIES):
            try:
                return _apply(ctx, admin, batch, _checked_at(ctx, admin, batch))
            except _MovedError:
                continue
        return _apply(ctx, admin, batch, None)
    except _NotAsShownError as error:
        read_import(ctx, actor, batch, fault=error.fault, by_command=by_command)
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


def _checked_at(ctx: AppContext, admin: Admin, batch: str) -> _Checked:
    day = today_for(ctx)
    with ctx.directory.reading() as session:
        found = _mine(session, admin.actor, batch)
        if found.state is State.confirmed:
            _check_still(session, ctx, admin, found, day)
        return _Checked(day, administration_log.head(session))


def _check_still(session: Session, ctx: AppContext, admin: Admin, found: Batch, day: date) -> None:
    plan = Plan(ctx, admin, day)
    for _chunk in plan.lines(session, import_repository.content_of(session, found.id)):
        pass
    if plan.digest != found.digest:
        raise _NotAsShownError(CHANGED_MEANWHILE)


def _apply(ctx: AppContext, admin: Admin, batch: str, checked: _Checked | None) -> bool:
    """Write what the preview showed; None: it is compared here. Raises _MovedError, with nothing written."""
    day = today_for(ctx)
    with ctx.directory.writing() as session:
        found = _mine(session, admin.actor, batch)
        if found.state is not State.confirmed:
            return found.state is State.applied
        if checked is None:
            _check_still(session, ctx, admin, found, day)
        elif checked != _Checked(day, administration_log.head(session)):
            raise _MovedError
        if _counts(session, batch).refused:
            raise _NotAsShownError(LINES_REFUSED)
        writer = Writer(session, ctx, admin, day)
        for kind in ORDER:
            for lines in _to_apply(session, batch, kind):
                import_repository.note_accounts(session, batch, writer.write(kind, lines))
        import_repository.set_state(session, batch, State.applied, at=ctx.now())
        if checked is not None and checked.head != administration_log.held_head(session):
            raise _MovedError
    say_address_changed(ctx, writer.moved)
    return True


def _to_apply(session: Session, batch: str, kind: str) -> Iterator[tuple[Line, ...]]:
    after = 0
    while True:
        found = import_repository.lines(
            session, batch, (Verdict.new, Verdict.changed), after=after, limit=CHUNK, kind=kind
        )
        if not found:
            return
        yield found
        after = found[-1].line


# ---- in the background ---------------------------------------------------------------------------------------------


def go_on(ctx: AppContext) -> bool:
    """Read or apply the oldest list that waits, of whichever person; says whether there was one."""
    forgotten = _forgotten_before(ctx)
    with ctx.directory.writing() as session:
        if forgotten is not None:
            import_repository.drop_settled(session, forgotten)
        found = import_repository.take_next(session, now=ctx.now())
        actor = actor_of(ctx, found.account, session) if found else None
    if found is None:
        return False
    try:
        if actor is None:
            raise Unseen(found.account)
        if found.state is State.reading:
            read_import(ctx, actor, found.id)
        else:
            apply(ctx, actor, found.id)
    except Unseen:
        with ctx.directory.writing() as session:
            import_repository.begin_lines(session, found.id)
            import_repository.set_state(session, found.id, State.withdrawn, at=ctx.now(), fault="not_yours_any_more")
    return True


def _forgotten_before(ctx: AppContext) -> datetime | None:
    """Lists older than that are forgotten: counted from a day of work some days ago, so that a clock that leaps ahead
    takes nothing away; None as long as so many days are not known.
    """
    with ctx.realm.reading() as session:
        since = work_queue.settled_since(session, LEAST_RUNS)
    return min(since, ctx.now()) - KEPT_FOR if since is not None else None
