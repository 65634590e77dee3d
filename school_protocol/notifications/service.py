"""Service of notifications: the sweep that tells people that something waits, its words, and what is over by then."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.models import Channel
from school_protocol.auth.repository import Account
from school_protocol.auth.service import ways_of
from school_protocol.cases import index_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.loading import RECEIVING_HEAD, Loaded, folded, reindex, surroundings
from school_protocol.cases.view_models import NoticeLine
from school_protocol.context import REALM, AppContext, today_for
from school_protocol.engine import deadlines
from school_protocol.engine.clock import NoSchoolTime, later
from school_protocol.engine.deadlines import Due, all_counts, counts_anew, is_excused
from school_protocol.engine.definition import Deadline, Step
from school_protocol.engine.errors import Sealed, Tampered
from school_protocol.engine.facts import Facts
from school_protocol.engine.review_state import WAITING, ReviewNow, ReviewState, review_now, turns, waits_for
from school_protocol.engine.visibility import Unit
from school_protocol.language import Wording
from school_protocol.mail import Carrier, Letter, Post, Unreachable
from school_protocol.notifications import repository
from school_protocol.notifications.digests import Pace, pace_of
from school_protocol.notifications.models import NoticeRow
from school_protocol.notifications.receivers import (
    GUARDIANS,
    REPORTER,
    NotificationContext,
    Receiver,
    by_pace,
    each_once,
)
from school_protocol.notifications.repository import Every, NoticeDraft, State
from school_protocol.statistics.counts import has_counted
from school_protocol.storage import work_queue
from school_protocol.storage.engines import Session

REVIEW = "review"
"""How the cause of a message begins that asks somebody to review."""
TAKEN_BACK = "taken_back"
"""How the cause of a message begins that says that a danger was taken back."""
_IN_HAND = frozenset({ReviewState.to_examine, ReviewState.observations, ReviewState.completed})


def is_taken_back(notice: NoticeRow) -> bool:
    """Whether it says that a danger was taken back."""
    return notice.cause.startswith(f"{TAKEN_BACK}:")


def may_be_over(notice: NoticeRow) -> bool:
    """Whether its cause says when it is over. What a step told of stays told: nothing says that it was read."""
    return notice.cause.partition(":")[0] in (REVIEW, "due")


def is_over(facts: Facts, notice: NoticeRow) -> bool:
    """Whether the review that was asked for is done, or the count that fell due was met, ended or excused since."""
    if notice.cause.startswith(f"{REVIEW}:"):
        review, now = facts.protocol.review, review_now(facts.protocol, facts.case)
        reviews = review is not None and notice.role in review.by
        return reviews and (now is None or now.state not in _IN_HAND or _is_for_others(facts, now, notice.role))
    return any(
        (due.state in ("met", "ended") or is_excused(facts, due))
        and notice.cause.startswith(f"due:{due.deadline}:{due.subject}:{due.start_seq}:")
        for deadline in facts.protocol.deadlines.values()
        if deadline.steps
        for due in chain(all_counts(facts, deadline), counts_anew(facts, deadline))
    )


def _is_for_others(facts: Facts, now: ReviewNow, role: str) -> bool:
    """Whether a review waits for others alone: somebody of that role has examined it already."""
    protocol, case = facts.protocol, facts.case
    return now.state in WAITING and role not in waits_for(protocol, case, turns(protocol, case))


# ---- the words of a notice: that something waits, and nothing else -------------------------------------------------


def letter_of(ctx: AppContext, account: Account, notices: Sequence[NoticeRow]) -> Letter:
    """One person's notices as one message: all urgent, or none."""
    first, is_mail = notices[0], notices[0].channel == Channel.mail
    offered = account.language in ctx.settings.languages
    w = Wording(account.language if offered else ctx.settings.default_language)
    subject, lines = _urgent(w, ctx, notices) if first.urgent else _calm(w, notices)
    if ctx.settings.address:
        lines.append(ctx.settings.address)
    if is_mail:
        lines.append(w._("This message says no more on purpose: the rest is read on the desk, signed in."))
        lines.append(w._("A machine sent it: nobody reads an answer."))
    text = "\n\n".join(lines) + "\n" if is_mail else "\n".join(lines)
    return Letter(_id_of(notices), ctx.now(), w.html_language, subject, text)


def _urgent(w: Wording, ctx: AppContext, notices: Sequence[NoticeRow]) -> tuple[str, list[str]]:
    """Subject and lines of what is urgent, or of an alert that was taken back."""
    taken_back = [notice for notice in notices if is_taken_back(notice)]
    if not taken_back:
        return w._("Urgent: open the desk now"), [w._("Urgent: open the desk now, or call the school.")]
    lines = [w._("An alert was taken back by the person who raised it.")]
    if len(taken_back) < len(notices) or any(_danger_stands(ctx, notice) for notice in taken_back):
        return w._("Urgent: open the desk now"), [
            *lines,
            w._("Another one stands: open the desk now, or call the school."),
        ]
    return w._("An alert was taken back"), [*lines, w._("If you have a doubt, call the school.")]


def _calm(w: Wording, notices: Sequence[NoticeRow]) -> tuple[str, list[str]]:
    thanks = [notice for notice in notices if notice.role == REPORTER]
    subject = w._("Thank you") if len(thanks) == len(notices) else w._("Something waits for you")
    waiting = len({notice.case_id for notice in notices if notice not in thanks})
    lines = [how_many(w, waiting)] if waiting else []
    if thanks:
        lines.append(w._("Thank you for your attention. Nothing more is asked of you."))
    return subject, lines


def _danger_stands(ctx: AppContext, notice: NoticeRow) -> bool:
    """Whether something urgent stands in the case, whatever was taken back."""
    with ctx.realm.reading() as session:
        row = index_repository.row_of(session, notice.case_id)
    return row is not None and (row.raised > 0 or row.urgent)


def how_many(w: Wording, waiting: int) -> str:
    return w.ngettext("One thing waits for you on the desk.", "%(num)d things wait for you on the desk.", waiting)


def _id_of(notices: Sequence[NoticeRow]) -> str:
    """What a letter is known by: the same when it is tried again, whatever has joined it meanwhile."""
    most = max(notice.attempts for notice in notices)
    return min(notice.id for notice in notices if notice.attempts == most)


# ---- the sweep: who is told, when and by which way; never what it is about -----------------------------------------
# It reads the database alone: the outbox, deadlines that run on unanswered, what waits to be delivered. Each part can
# be cut off anywhere and taken up again, and several workers may sweep at once.

BATCH = 200
"""Cases and asked-for notices of one sweep; the next one goes on."""
PATIENCE = 2
"""After so many attempts that fail, somebody else is told of what is urgent, too."""
REVIVED = timedelta(days=2)
"""How far back an address that comes late still brings urgent messages."""
KEPT = timedelta(days=30)
"""How long work that is done stays in the outbox."""

_log = logging.getLogger(__name__)


# ---- what is told ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be kept as told for one cause."""

    case_id: str
    cause: str
    tellings: tuple[NoticeDraft, ...]
    urgent: bool
    due_at: datetime


def _plan(
    around: NotificationContext,
    cause: str,
    roles: Sequence[str],
    *,
    urgent: bool,
    asked_at: datetime,
    further: Sequence[Sequence[str]] = (),
) -> Plan:
    """Who is told for one cause; where it is urgent and reaches nobody, the next who can be reached is told at once."""
    reached, tellings = _asked(around, roles, urgent)
    if not urgent:
        tellings = around.by_pace(tellings, asked_at)
    elif not reached:
        tellings = (*tellings, *_told_instead(around, further))
    return Plan(around.row.case_id, cause, tuple(dict.fromkeys(tellings)), urgent, asked_at)


def _told_instead(around: NotificationContext, further: Sequence[Sequence[str]]) -> list[NoticeDraft]:
    """What is kept of the next ones, up to the first who can be reached, where something urgent reaches nobody."""
    is_real = around.ctx.name == REALM
    _log.log(
        logging.WARNING if is_real else logging.DEBUG,
        "an urgent notice finds nobody who can be reached: the next ones are told",
    )
    last = (around.on_duty(found()) for found in (around.overseers, around.beyond))
    tellings: list[NoticeDraft] = []
    for receivers in chain((_of(around, step) for step in further), last):
        tellings += _tellings(around, receivers, urgent=True)
        if around.reaches(receivers, urgent=True):
            return tellings
    _log.log(
        logging.ERROR if is_real else logging.DEBUG,
        "an urgent notice reaches nobody at all: see `school-protocol doctor`",
    )
    return tellings


def _of(around: NotificationContext, roles: Iterable[str]) -> tuple[Receiver, ...]:
    return each_once(receiver for role in roles for receiver in around.on_duty(around.receivers(role)))


def _asked(around: NotificationContext, roles: Iterable[str], urgent: bool) -> tuple[bool, tuple[NoticeDraft, ...]]:
    """Whether anybody of these roles can be reached, and what is kept of each."""
    reached, tellings = False, []
    for role in roles:
        receivers = around.receivers(role)
        receivers = around.on_duty(receivers) if urgent else receivers
        reached = reached or around.reaches(receivers, urgent=urgent)
        tellings += _tellings(around, receivers, urgent)
        if not receivers:
            tellings.append(NoticeDraft(role=role, state=State.withheld if role == GUARDIANS else State.no_address))
    return reached, tuple(tellings)


def _tellings(around: NotificationContext, receivers: Iterable[Receiver], urgent: bool) -> list[NoticeDraft]:
    found: list[NoticeDraft] = []
    for one in receivers:
        if one.account.id in around.missed:
            continue  # what was to be told to them is kept already
        ways = around.ways(one.account, urgent=urgent)
        found += [NoticeDraft(role=one.role, account=one.account.id, channel=way, state=State.waiting) for way in ways]
        if not ways:
            found.append(NoticeDraft(role=one.role, account=one.account.id))
    return found


def _keep(ctx: AppContext, session: Session, plan: Plan) -> None:
    repository.keep_notice(
        session, plan.case_id, plan.cause, plan.tellings, urgent=plan.urgent, at=ctx.now(), due_at=plan.due_at
    )


# ---- the sweep ---------------------------------------------------------------------------------------------------


def sweep(ctx: AppContext, post: Post) -> None:
    """Everything that is due: called each minute, by whichever worker. A part that fails doesn't hold up the others.

    Each part reads first whether there is anything: where nothing is, nobody who writes is held up.
    """
    for part in (_spread, _wake, _climb):
        _guarded(part, ctx)
    for channel, carrier in ((Channel.sms, post.sms), (Channel.mail, post.mail)):
        if carrier is not None:
            _guarded(_deliver, ctx, channel, carrier)
    _guarded(_forget, ctx)


def _guarded(part: Callable[..., None], *arguments: object) -> bool:
    """Whether `part` went through. What went wrong is logged by its kind: its words may hold an address."""
    try:
        part(*arguments)
    except Exception as error:
        _log.error("%s failed: %s", part.__name__.strip("_"), type(error).__name__)
        _log.debug("how it failed", exc_info=True)
        return False
    return True


def _forget(ctx: AppContext) -> None:
    before = ctx.now() - KEPT
    with ctx.realm.reading() as session:
        if not work_queue.has_done(session, before):
            return
    with ctx.realm.writing() as session:
        work_queue.drop_done(session, before)


# -- what moves asked for


def _spread(ctx: AppContext) -> None:
    """From the outbox to the people: each notice that a move called for becomes what each of them is told."""
    with ctx.realm.reading() as session:
        if not work_queue.is_due(session, ctx.now(), "notify"):
            return
    with ctx.realm.writing() as session:
        asked = work_queue.take_messages(session, ctx.now(), limit=BATCH, kind="notify")
    for message in asked:
        if not _guarded(_spread_one, ctx, message):
            with ctx.realm.writing() as session:
                work_queue.put_off_message(session, message.id, ctx.now() + _delay(message.attempts, urgent=True))


def _spread_one(ctx: AppContext, message: work_queue.Message) -> None:
    if "entry" in message.payload and _is_told_later(ctx, message):
        return
    with ctx.realm.reading() as session, ctx.directory.reading() as people:
        row = index_repository.row_of(session, str(message.payload["case"]))
        unit = auth_repository.unit(people, row.unit) if row is not None else None
        is_settled = any(settles(session, message.payload) for settles in ctx.wiring.settled)
        plan = (
            _plan_for(NotificationContext(ctx, session, people, row), message)
            if row is not None and not is_settled
            else None
        )
    with ctx.realm.writing() as session:
        if plan is not None:
            _keep(ctx, session, plan)
        work_queue.settle_messages(session, message.id, at=ctx.now())
    if plan is not None and unit is not None:
        _look_where_changed(ctx, [plan], unit)


def _plan_for(around: NotificationContext, message: work_queue.Message) -> Plan | None:
    to = str(message.payload["to"])
    if "entry" in message.payload:
        return _plan_for_taken_back(around, message)
    if to == RECEIVING_HEAD:
        return _plan_for_receiving_head(around, message)
    return _plan_for_move(around, message, (to,))


def _is_told_later(ctx: AppContext, message: work_queue.Message) -> bool:
    """Whether what was taken back is still to be told: that comes first, so that both reach the same people."""
    with ctx.realm.writing() as session:
        before = (
            one for one in work_queue.undone(session, "notify") if one.at <= message.at and "entry" not in one.payload
        )
        if waits := any(one.payload["case"] == message.payload["case"] for one in before):
            work_queue.put_off_message(session, message.id, ctx.now() + timedelta(minutes=1))
    return waits


def _plan_for_move(around: NotificationContext, message: work_queue.Message, roles: Sequence[str]) -> Plan:
    urgent = bool(message.payload["urgent"])
    cause = REVIEW if message.payload.get("review") else "move"
    return _plan(around, f"{cause}:{message.id}", roles, urgent=urgent, asked_at=message.at)


def _plan_for_taken_back(around: NotificationContext, message: work_queue.Message) -> Plan | None:
    """Everybody who was told of a danger, or has opened the case since, is told that it was taken back."""
    session, case_id = around.session, around.row.case_id
    _protocol, case = folded(around.ctx, session, case_id)
    record = case.retracted.get(int(message.payload["entry"] or 0))
    if record is None:
        return None
    since = [one for one in repository.notices_of_case(session, case_id) if one.urgent and one.at >= record.at]
    told = [(one.role, one.account) for one in since if not is_taken_back(one)]
    told += [(event.role, event.actor) for event in case.events if event.seq > record.seq]
    found = auth_repository.accounts(around.people, {account for _role, account in told if account} - {record.actor})
    receivers = each_once(Receiver(role, found[account]) for role, account in told if account in found)
    tellings = tuple(_tellings(around, receivers, urgent=True))
    return Plan(case_id, f"{TAKEN_BACK}:{message.id}", tellings, urgent=True, due_at=message.at)


def _plan_for_receiving_head(around: NotificationContext, message: work_queue.Message) -> Plan | None:
    """The head of the school that has received the case is told of the case as it goes on there."""
    ctx, session = around.ctx, around.session
    _protocol, case = folded(ctx, session, around.row.case_id)
    following = cases_repository.find_by_number(session, str(message.payload.get("opened") or case.successor or ""))
    received = index_repository.row_of(session, following) if following else None
    if received is None:
        return None
    there = NotificationContext(ctx, session, around.people, received)
    return _plan_for_move(there, message, [role.key for role in there.protocol.roles.values() if role.head])


# -- counts that begin as a day ends


def _wake(ctx: AppContext) -> None:
    """Once a day, every case that stands open is written anew where a count began, stopped or was let lapse since."""
    now, own = ctx.now(), f"wake-{today_for(ctx).isoformat()}"
    with ctx.realm.reading() as session:
        if work_queue.is_known(session, own) and not work_queue.is_due(session, now, "wake"):
            return
    with ctx.realm.writing() as session:
        work_queue.put_once(session, own, "wake", {"after": ""}, at=now)
        asked = work_queue.take_messages(session, now, limit=1, kind="wake")
    for message in asked:
        with ctx.realm.reading() as session:
            ids = repository.open_cases(session, after=str(message.payload["after"]), limit=BATCH)
        for case_id in ids:
            _guarded(_wake_one, ctx, case_id)
        with ctx.realm.writing() as session:
            if len(ids) < BATCH:
                work_queue.settle_messages(session, message.id, at=now)
            else:
                work_queue.go_on(session, message.id, {"after": ids[-1]}, at=now)


def _wake_one(ctx: AppContext, case_id: str) -> None:
    with ctx.realm.reading() as session:
        row = index_repository.row_of(session, case_id)
        facts = _facts(ctx, session, case_id)
        is_counted = has_counted(ctx, session, case_id, facts)
    running = {(due.deadline, due.subject) for due in deadlines.open_dues(facts)}
    is_old = row is not None and row.waits_on_authority is None
    if row is not None and (is_old or not is_counted or {(due.key, due.subject) for due in row.dues} != running):
        with ctx.realm.writing() as session:
            reindex(ctx, session, case_id)


def _facts(ctx: AppContext, session: Session, case_id: str) -> Facts:
    protocol, case = folded(ctx, session, case_id)
    return deadlines.read(protocol, case, ctx.now(), surroundings(ctx, case.unit))


# -- what deadlines call for


def _climb(ctx: AppContext) -> None:
    """The steps of deadlines that have fallen due and were not told yet; only cases whose moment came are opened."""
    keys = {one.key for protocol in ctx.library.every() for one in protocol.deadlines.values() if one.steps}
    with ctx.realm.reading() as session:
        ids = repository.to_look_at(session, keys, ctx.now(), limit=BATCH)
    for case_id in ids:
        if not _guarded(_climb_one, ctx, case_id):
            with ctx.realm.writing() as session:
                repository.put_off_watch(session, case_id, ctx.now() + timedelta(minutes=10))


def _climb_one(ctx: AppContext, case_id: str) -> None:
    with ctx.realm.reading() as session:
        row = index_repository.row_of(session, case_id)
        if row is None:
            return
        facts = _facts(ctx, session, case_id)
        counts = [_Count(facts, *found) for found in _open_counts(facts)]
        plans = _plans_of(ctx, session, row, counts)
    coming = (at for count in counts for at in count.coming())
    with ctx.realm.writing() as session:
        for plan in plans:
            _keep(ctx, session, plan)
        repository.looked(session, case_id, facts.case.last_seq, min(coming, default=None))
    if plans:
        _look_where_changed(ctx, plans, facts.around.unit)


def _plans_of(
    ctx: AppContext, session: Session, row: index_repository.IndexRow, counts: Iterable[_Count]
) -> list[Plan]:
    """Who is told of the steps that have fallen due and were not told yet."""
    known = repository.causes(session, row.case_id)
    fallen = [(count, number) for count in counts for number in count.fallen() if count.cause(number) not in known]
    if not fallen:
        return []
    with ctx.directory.reading() as people:
        around = NotificationContext(ctx, session, people, row)
        return [count.plan(around, number) for count, number in fallen]


def _open_counts(facts: Facts) -> Iterator[tuple[Deadline, Due]]:
    """Every count that runs of every deadline with steps: each start has its own, also where two run together.

    So too those that run anew, about a service that acknowledged and has not answered.
    """
    for deadline in (one for one in facts.protocol.deadlines.values() if one.steps):
        found = chain(deadlines.all_counts(facts, deadline), deadlines.counts_anew(facts, deadline))
        open_ones = (due for due in found if due.is_open)
        yield from ((deadline, due) for due in open_ones if not is_excused(facts, due))


@dataclass(frozen=True, slots=True)
class _Count:
    """One count of a deadline with steps."""

    facts: Facts
    deadline: Deadline
    due: Due

    def cause(self, number: int) -> str:
        """What a step is known by: it is told once for each start."""
        return f"due:{self.deadline.key}:{self.due.subject}:{self.due.start_seq}:{number}"

    def fallen(self) -> Iterator[int]:
        """The numbers of the steps that apply and whose moment has come."""
        return (number for number, at in self._live() if at <= self.facts.now)

    def coming(self) -> Iterator[datetime]:
        """The moments still to come, whether or not their steps apply now."""
        return (at for step in self.deadline.steps if (at := self._moment(step)) > self.facts.now)

    def plan(self, around: NotificationContext, number: int) -> Plan:
        further = [self.deadline.steps[other].tell for other, _at in self._live() if other > number]
        tell = self._owing(self.deadline.steps[number])
        urgent, now = self.deadline.urgent, self.facts.now
        return _plan(around, self.cause(number), tell, urgent=urgent, asked_at=now, further=further)

    def _owing(self, step: Step) -> Sequence[str]:
        """Whom a step tells; while a review is not late, it reminds those for whom that review waits."""
        is_review = any(source.review for source in self.deadline.start)
        if not is_review or self._moment(step) > self.due.due_at:
            return step.tell
        protocol, case = self.facts.protocol, self.facts.case
        asked = waits_for(protocol, case, turns(protocol, case))
        return step.tell if not asked or set(asked) & set(step.tell) else asked

    def _live(self) -> Iterator[tuple[int, datetime]]:
        """The steps that apply, by their numbers in the definition: the count itself names them in the same order."""
        left = list(self.due.steps)
        for number, step in enumerate(self.deadline.steps):
            if left and left[0] == (self._moment(step), step.tell):
                yield number, left.pop(0)[0]

    def _moment(self, step: Step) -> datetime:
        try:
            return later(self.facts.around.calendar, self.due.started_at, step.after, step.unit)
        except NoSchoolTime:
            return self.due.started_at + timedelta(days=max(step.after, 1))


# ---- delivering --------------------------------------------------------------------------------------------------


def _deliver(ctx: AppContext, channel: Channel, carrier: Carrier) -> None:
    """One message after the other: each taken, sent and settled in transactions of its own, none held while sending."""
    while True:
        with ctx.realm.reading() as session:
            if not repository.is_due(session, ctx.now(), channel):
                return
        with ctx.realm.writing() as session:
            taken = repository.take_notice(session, ctx.now(), channel)
        if not taken:
            return
        try:
            _deliver_one(ctx, carrier, taken)
        except Exception as error:
            _log.warning("a message by %s was put off: %s", channel, type(error).__name__)
            attempts = max(notice.attempts for notice in taken)
            _put_off(ctx, taken, ctx.now() + _delay(attempts, urgent=taken[0].urgent))
            if isinstance(error, Unreachable):
                return
            for notice in taken:
                if notice.urgent and notice.attempts >= PATIENCE:
                    _guarded(_tell_instead, ctx, notice)


def _deliver_one(ctx: AppContext, carrier: Carrier, taken: Sequence[NoticeRow]) -> None:
    """One person's notices as one message, to whoever may still get it, where they are reached now."""
    first = taken[0]
    with ctx.directory.reading() as people:
        account = auth_repository.account(people, first.account)
    open_ones = [notice for notice in taken if account is not None and _still_open(ctx, notice, account)]
    shut = [notice for notice in taken if notice not in open_ones]
    _settle(ctx, shut, State.withheld)
    for notice in shut:
        _tell_instead(ctx, notice)
    if account is None or not open_ones:
        return
    to = account.email if first.channel == Channel.mail else account.phone
    if not to:
        _settle(ctx, open_ones, State.no_address)
        for notice in filter(lambda one: one.urgent, open_ones):
            _tell_instead(ctx, notice)
        return
    if not first.urgent:
        open_ones = _not_over(ctx, _due_by_now(ctx, account, open_ones))
    if open_ones:
        carrier.carry(to, letter_of(ctx, account, open_ones))
        _settle(ctx, open_ones, State.delivered)


def _still_open(ctx: AppContext, notice: NoticeRow, account: Account) -> bool:
    """Whether this person may still be told: people are excluded, and cases restricted, while messages wait."""
    with ctx.realm.reading() as session, ctx.directory.reading() as people:
        row = index_repository.row_of(session, notice.case_id)
        if row is not None and is_taken_back(notice):  # whoever was told of it, wherever the case stands now
            return account.active and account.id not in row.exclusions
        return row is not None and NotificationContext(ctx, session, people, row).may_be_told(notice.role, account)


def _tell_instead(ctx: AppContext, notice: NoticeRow) -> None:
    """Who else is told for the same cause, where the one who was to be may not be, or is not reached."""
    if is_taken_back(notice):
        return
    with ctx.realm.reading() as session, ctx.directory.reading() as people:
        row = index_repository.row_of(session, notice.case_id)
        if row is None or notice.role == REPORTER:
            return
        around = NotificationContext(
            ctx, session, people, row, _missed(session, notice) if notice.urgent else frozenset()
        )
        seat = around.protocol.seats.get(notice.role)
        role = (seat.acts_as if seat else None) or notice.role
        plan = _plan(around, notice.cause, (role,), urgent=notice.urgent, asked_at=ctx.now())
    with ctx.realm.writing() as session:
        _keep(ctx, session, plan)


def _missed(session: Session, notice: NoticeRow) -> frozenset[str]:
    """Whom no message of that cause reaches: each one failed again, or finds no address."""
    kept = [
        one for one in repository.notices_of_case(session, notice.case_id) if one.cause == notice.cause and one.account
    ]
    reached = {one.account for one in kept if not _fails(one)}
    return frozenset(one.account for one in kept) - reached


def _fails(notice: NoticeRow) -> bool:
    is_failing = notice.state == State.waiting and notice.attempts >= PATIENCE
    return is_failing or notice.state == State.no_address


def _due_by_now(ctx: AppContext, account: Account, notices: Sequence[NoticeRow]) -> list[NoticeRow]:
    """Those of which this person is told by now, as they chose meanwhile; the others are put off."""
    pace, now = _pace_of(ctx, account, notices[0]), ctx.now()
    since = pace.told_since(now)
    with ctx.realm.reading() as session:
        is_told = since is not None and repository.was_gathered_since(session, account.id, since, now=now)
    found: list[NoticeRow] = []
    later_on: dict[datetime, list[NoticeRow]] = {}
    for notice in notices:
        moment = pace.moment(notice.at)
        is_come = moment is not None and moment <= now
        if is_come and not is_told:
            found.append(notice)
        else:
            until = pace.next(now) if moment is None or is_come else moment
            later_on.setdefault(until, []).append(notice)
    for until, some in later_on.items():
        _put_off(ctx, some, until)
    if later_on and _pace_of(ctx, account, notices[0]) != pace:
        _look_again(ctx, [account.id])  # they chose otherwise while these were in hand, and were put off as before
    return found


def _look_again(ctx: AppContext, accounts: Iterable[str]) -> None:
    with ctx.realm.writing() as session:
        for account in accounts:
            repository.look_again(session, account, at=ctx.now())


def _look_where_changed(ctx: AppContext, plans: Iterable[Plan], unit: Unit) -> None:
    """What waits for whoever chose another pace while a plan was made and kept is looked at anew."""
    calm = [plan for plan in plans if not plan.urgent]
    with ctx.directory.reading() as people:
        changed = {
            now.account
            for plan in calm
            for now, then in zip(by_pace(ctx, people, plan.tellings, plan.due_at, unit), plan.tellings, strict=True)
            if now != then and now.account
        }
    if changed:
        _look_again(ctx, sorted(changed))


def _not_over(ctx: AppContext, notices: Sequence[NoticeRow]) -> list[NoticeRow]:
    """Those of which something still waits, or may; of the others nobody is told any more."""
    ended = [notice for notice in filter(may_be_over, notices) if _is_over(ctx, notice)]
    _settle(ctx, ended, State.withheld)
    return [notice for notice in notices if notice not in ended]


def _is_over(ctx: AppContext, notice: NoticeRow) -> bool:
    """Of a case that can't be read nobody knows: it is told of, and keeps back no message about others."""
    try:
        with ctx.realm.reading() as session:
            return is_over(_facts(ctx, session, notice.case_id), notice)
    except (Sealed, Tampered) as error:
        _log.warning("a case can't be read for a message: %s", type(error).__name__)
        return False


def _pace_of(ctx: AppContext, account: Account, notice: NoticeRow) -> Pace:
    with ctx.realm.reading() as session, ctx.directory.reading() as people:
        row = index_repository.row_of(session, notice.case_id)
        near = auth_repository.unit(people, row.unit) if row is not None else None
        return pace_of(ctx, people, account, near=near)


def _settle(ctx: AppContext, notices: Sequence[NoticeRow], state: State) -> None:
    if notices:
        with ctx.realm.writing() as session:
            repository.settle_notice(session, [notice.id for notice in notices], state, at=ctx.now())


def _put_off(ctx: AppContext, notices: Sequence[NoticeRow], until: datetime) -> None:
    with ctx.realm.writing() as session:
        repository.put_off_notice(session, [notice.id for notice in notices], until)


def _delay(attempts: int, *, urgent: bool) -> timedelta:
    """How long to wait after so many attempts: a minute, then twice as long each time, within reason."""
    most = timedelta(minutes=15) if urgent else timedelta(hours=4)
    return min(timedelta(minutes=2 ** min(attempts - 1, 10)), most)


def bring_what_was_missed(ctx: AppContext, accounts: Sequence[str]) -> None:
    """Urgent messages that lately found no address of these people leave by what there is now; done twice, once."""
    for start in range(0, len(accounts), BATCH):
        with ctx.directory.reading() as people:
            known = auth_repository.accounts(people, accounts[start : start + BATCH])
        with ctx.realm.writing() as session:
            for account in known.values():
                ways = ways_of(ctx, account, urgent=True)
                repository.revive(session, account.id, ways, since=ctx.now() - REVIVED, at=ctx.now())


# ---- what pages and commands ask ---------------------------------------------------------------------------------


def told_of(session: Session, case_id: str) -> tuple[NoticeLine, ...]:
    """Who was told by message of a case, in order; for who may see that case."""
    notices = repository.notices_of_case(session, case_id)
    lines = [
        NoticeLine(one.role, one.settled_at or one.at, one.channel, one.state)
        for one in notices
        if one.state != State.withheld and not is_taken_back(one)
    ]
    return tuple(sorted(lines, key=lambda line: line.at))


def told_since(_ctx: AppContext, session: Session, loaded: Loaded) -> tuple[NoticeLine, ...]:
    """The latest message to each role since the first danger that stands, delivered ones before those that wait."""
    since = min((life.raised_at for life in loaded.case.live_dangers()), default=None)
    found: dict[str, NoticeLine] = {}
    for line in told_of(session, loaded.case_id):
        if since is not None and line.at >= since and line.role in loaded.protocol.roles:
            known = found.get(line.role)
            if known is None or known.state != "delivered":
                found[line.role] = line
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many messages wait to be delivered, and how many active accounts have no mail address.

    `unwanted`: what can wait, for people who chose to get no message of it; not among the others.
    """

    mail: int
    sms: int
    without_address: int
    unwanted: int = 0


def see_waiting(ctx: AppContext) -> Waiting:
    """What an operator has to know of the post."""
    with ctx.directory.reading() as people:
        without, unwanting = auth_repository.without_address(people), repository.accounts(people, Every.urgent_only)
    with ctx.realm.reading() as session:
        found, unwanted = repository.waiting_notices(session), repository.waiting_calmly(session, unwanting)
    mail, sms = found.get(Channel.mail, 0), found.get(Channel.sms, 0)
    return Waiting(mail - unwanted, sms, without, unwanted)
