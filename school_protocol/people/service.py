"""Service of accounts and appointments: what whoever administers them changes, and what is known of an account anew."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from school_protocol.auth import repository as auth_repository
from school_protocol.auth import sign_in_repository
from school_protocol.auth.repository import Account
from school_protocol.auth.second_factor import end_if_unproven
from school_protocol.auth.service import HELPED, end_access
from school_protocol.cases import handing_over, lookup_repository
from school_protocol.cases.lookup_repository import OpenCase
from school_protocol.context import AppContext, today_for
from school_protocol.engine.errors import BadInput, Unseen
from school_protocol.engine.texts import is_address, is_phone, plain_phone
from school_protocol.engine.visibility import Actor, Unit
from school_protocol.people import repository
from school_protocol.people.repository import Certificate, Held
from school_protocol.people.staff_list import Admin, Standing, admin_of, obstacles_to, person_of, place_within, through
from school_protocol.people.teams import YEAR, Obstacle, TeamRefused, check_reason, name_in, plain
from school_protocol.storage import administration_log, idempotency
from school_protocol.storage.administration_log import Change, Kind
from school_protocol.storage.engines import Session


def keep_account(
    session: Session,
    ctx: AppContext,
    before: Account,
    *,
    names: Mapping[str, str],
    language: str,
    email: str | None,
    phone: str | None,
) -> tuple[Kind, ...]:
    """Keep this of an account; returns what is to be written down of it, nothing where nothing differs."""
    kinds = []
    if (dict(names), language) != (dict(before.names), before.language):
        kinds.append(Kind.account_changed)
    if (email, phone) != (before.email, before.phone):
        kinds.append(Kind.address_changed)
        sign_in_repository.keep_address(session, ctx.vault, before, at=ctx.now())
    if kinds:
        repository.change_account(session, before.id, names=names, language=language, email=email, phone=phone)
    return tuple(kinds)


def say_address_changed(ctx: AppContext, accounts: Sequence[str]) -> None:
    """To be called by whoever changes where messages reach these people, once it is kept."""
    for tell in ctx.wiring.address_changed:
        tell(ctx, accounts)


# ---- changes: each has its reason and stays written down; nobody is deleted ----------------------------------------

APPOINT_REASONS = ("takes_up", "replaces", "correction", "other")
END_REASONS = ("moved", "retired", "other_duties", "absence", "correction", "other")
CLOSE_REASONS = ("moved", "retired", "not_working", "unreachable", "correction", "other")
OPEN_REASONS = ("returned", "correction", "other")
FIRST_DAY = date(2000, 1, 1)
CERTIFICATE_YEARS = 10
NAME_MOST = 120
_USERNAME = re.compile(r"[a-z0-9](?:[a-z0-9._@-]{0,78}[a-z0-9])?")

Problems = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Done:
    """What a press did; `repeated` where an earlier press had done it."""

    account: str
    name: str
    repeated: bool = False


# ---- creating and appointing ---------------------------------------------------------------------------------------


def create(
    ctx: AppContext,
    actor: Actor,
    *,
    username: str | None,
    name_fr: str | None,
    name_ar: str | None,
    language: str | None,
    email: str | None,
    phone: str | None,
    role: str | None,
    unit: str | None,
    starts: str | None,
    ends: str | None,
    certified_until: str | None,
    reason: str | None,
    sentence: str | None,
    token: str,
) -> Done:
    """A new account with its first appointment; it has no way in before it is invited."""
    admin, today = admin_of(ctx, actor), today_for(ctx)
    said = [
        username,
        name_fr,
        name_ar,
        language,
        email,
        phone,
        role,
        unit,
        starts,
        ends,
        certified_until,
        reason,
        sentence,
    ]

    def change(session: Session) -> Account:
        problems: Problems = {}
        called = check_username(username, problems)
        names = check_names(name_fr, name_ar, problems)
        known = language_of(ctx, language, problems)
        mail, tel = check_address(email, phone, problems)
        place = _place(session, admin, unit, problems)
        first, last = _days(starts, ends, today, problems)
        until = day_within(certified_until, "certified_until", problems, today, far(today)) if certified_until else None
        check_reason(reason, sentence, APPOINT_REASONS, problems)
        _role(admin, role, problems)
        if called and "username" not in problems and auth_repository.account_named(session, called) is not None:
            problems["username"] = ("taken",)
        if problems or place is None or first is None:
            raise BadInput(problems)
        account = auth_repository.add_account(
            session, username=called, names=names, language=known, created_at=ctx.now(), email=mail, phone=tel
        )
        found = auth_repository.account(session, account)
        assert found is not None
        wanted = admin.roles[str(role)][1]
        obstacles = obstacles_to(session, admin, found, (), wanted, place, first, today, trained_until=until)
        if obstacles:
            raise TeamRefused(*obstacles)
        post = auth_repository.appoint(session, account, role=wanted.key, unit=place.id, starts=first, ends=last)
        log = Log(session, ctx, admin, place.id, account, wanted.key, post, reason, sentence)
        log.write(Kind.account_created)
        log.write(Kind.appointed, starts=first, ends=last)
        if until is not None:
            repository.keep_certificates(session, [Certificate(account, None, until, actor.id, ctx.now())])
            log.write(Kind.certificate_seen, ends=until)
        return found

    return once_only(ctx, actor, token, "account", said, change)


def appoint(
    ctx: AppContext,
    actor: Actor,
    account_id: str,
    *,
    role: str | None,
    unit: str | None,
    starts: str | None,
    ends: str | None,
    reason: str | None,
    sentence: str | None,
    token: str,
) -> Done:
    """Somebody within the reach holds one role more; raises TeamRefused with every reason why not."""
    admin, today = admin_of(ctx, actor), today_for(ctx)

    def change(session: Session) -> Account:
        account, posts, _standing = person_of(session, admin, account_id, today)
        problems: Problems = {}
        place = _place(session, admin, unit, problems)
        first, last = _days(starts, ends, today, problems)
        _role(admin, role, problems)
        check_reason(reason, sentence, APPOINT_REASONS, problems)
        if problems or place is None or first is None:
            raise BadInput(problems)
        wanted = admin.roles[str(role)][1]
        obstacles = obstacles_to(session, admin, account, posts, wanted, place, first, today)
        if obstacles:
            raise TeamRefused(*obstacles)
        post = auth_repository.appoint(session, account.id, role=wanted.key, unit=place.id, starts=first, ends=last)
        end_if_unproven(session, ctx, account.id, wanted.key)
        log = Log(session, ctx, admin, place.id, account.id, wanted.key, post, reason, sentence)
        log.write(Kind.appointed, starts=first, ends=last)
        return account

    return once_only(ctx, actor, token, "appoint", [account_id, role, unit, starts, ends, reason, sentence], change)


def end_membership(
    ctx: AppContext,
    actor: Actor,
    account_id: str,
    post: str,
    *,
    last_day: str | None,
    reason: str | None,
    sentence: str | None,
    token: str,
) -> Done:
    """An appointment ends, on a day or now; today, access ends at once and seats held there open nothing more."""
    admin, today = admin_of(ctx, actor), today_for(ctx)
    left: dict[date, tuple[OpenCase, ...]] = {}

    def change(session: Session) -> Account:
        account, posts, standing = person_of(session, admin, account_id, today)
        held = next((one for one in posts if one.id == post and not one.is_over(today)), None)
        if held is None or not repository.is_below(session, held.unit, admin.units):
            raise Unseen(post)
        problems: Problems = {}
        day = day_within(last_day, "last_day", problems, today, today + YEAR)
        check_reason(reason, sentence, END_REASONS, problems)
        if problems or day is None:
            raise BadInput(problems)
        if standing is Standing.own:
            raise TeamRefused(Obstacle("own_rights"))
        if held.ends is not None and day > held.ends and not _may_give(session, admin, held):
            raise TeamRefused(Obstacle("from_above"))
        auth_repository.end_appointment(session, held.id, max(held.starts, day))
        log = Log(session, ctx, admin, held.unit, account.id, held.role, held.id, reason, sentence)
        if day > today:
            log.write(Kind.appointment_ends, ends=day)
        else:
            log.write(Kind.appointment_ended, ends=today)
            sign_in_repository.close_web_sessions(session, account.id)
        left[day] = _left_by(ctx, log, posts, held, day)
        for case in left[day] if day <= today else ():
            log.write(Kind.orphaned, number=case.number)
        return account

    done = once_only(ctx, actor, token, "end", [account_id, post, last_day, reason, sentence], change)
    for day, found in left.items():
        handing_over.tell_of_leaving(ctx, found, on=None if day <= today else day)
    return done


def _may_give(session: Session, admin: Admin, held: Held) -> bool:
    role = admin.roles[held.role][1] if held.role in admin.roles else None
    return role is None or admin.may_give(role, auth_repository.unit(session, held.unit))


def _left_by(ctx: AppContext, log: Log, posts: tuple[Held, ...], held: Held, day: date) -> tuple[OpenCase, ...]:
    """The open cases of a unit where nothing is held any more after that day: seats open nothing from then on."""
    if any(post.id != held.id and post.unit == held.unit and not post.is_over(day) for post in posts):
        return ()
    with ctx.realm.reading() as cases:
        return lookup_repository.open_cases(cases, None, [held.unit], today=day, held_by=[log.account])


# ---- the account itself --------------------------------------------------------------------------------------------


def change_account(
    ctx: AppContext,
    actor: Actor,
    account_id: str,
    *,
    name_fr: str | None,
    name_ar: str | None,
    language: str | None,
    email: str | None,
    phone: str | None,
    token: str,
) -> Done:
    """How somebody is called, and where messages reach them; the address that stood before is told."""
    admin, today = admin_of(ctx, actor), today_for(ctx)

    def change(session: Session) -> Account:
        account, posts = _whole(session, admin, account_id, today)
        problems: Problems = {}
        names = check_names(name_fr, name_ar, problems)
        known = language_of(ctx, language, problems)
        mail, tel = check_address(email, phone, problems)
        if problems:
            raise BadInput(problems)
        kinds = keep_account(session, ctx, account, names=names, language=known, email=mail, phone=tel)
        log = log_for(session, ctx, admin, account.id, posts, today, "correction", "")
        for kind in kinds:
            log.write(kind)
        return account

    said = [account_id, name_fr, name_ar, language, email, phone]
    done = once_only(ctx, actor, token, "address", said, change)
    say_address_changed(ctx, [done.account])
    return done


def close_membership(
    ctx: AppContext, actor: Actor, account_id: str, *, reason: str | None, sentence: str | None, token: str
) -> Done:
    """Nobody comes in by this account any more, at once; what it wrote stays, under its name."""
    admin, today = admin_of(ctx, actor), today_for(ctx)

    def change(session: Session) -> Account:
        account, posts = _whole(session, admin, account_id, today)
        _reasoned(reason, sentence, CLOSE_REASONS)
        if not account.active:
            raise TeamRefused(Obstacle("closed", account.name(actor.language)))
        auth_repository.set_active(session, account.id, False)
        sign_in_repository.close_web_sessions(session, account.id)
        end_access(session, ctx, actor.id, account.id, HELPED)
        log_for(session, ctx, admin, account.id, posts, today, reason, sentence).write(Kind.account_closed)
        return account

    return once_only(ctx, actor, token, "close", [account_id, reason, sentence], change)


def open_again(
    ctx: AppContext, actor: Actor, account_id: str, *, reason: str | None, sentence: str | None, token: str
) -> Done:
    """A closed account lets somebody in again, with what they hold."""
    admin, today = admin_of(ctx, actor), today_for(ctx)

    def change(session: Session) -> Account:
        account, posts = _whole(session, admin, account_id, today)
        _reasoned(reason, sentence, OPEN_REASONS)
        if account.active:
            raise TeamRefused(Obstacle("not_closed", account.name(actor.language)))
        auth_repository.set_active(session, account.id, True)
        log_for(session, ctx, admin, account.id, posts, today, reason, sentence).write(Kind.account_opened)
        return account

    return once_only(ctx, actor, token, "open", [account_id, reason, sentence], change)


def certify(
    ctx: AppContext, actor: Actor, account_id: str, *, issued: str | None, until: str | None, token: str
) -> Done:
    """A certificate that this person has seen with their own eyes: from when, until when."""
    admin, today = admin_of(ctx, actor), today_for(ctx)

    def change(session: Session) -> Account:
        account, posts = _whole(session, admin, account_id, today)
        problems: Problems = {}
        first = day_within(issued, "issued", problems, FIRST_DAY, today)
        last = day_within(until, "until", problems, today, far(today))
        if problems or last is None:
            raise BadInput(problems)
        repository.keep_certificates(session, [Certificate(account.id, first, last, actor.id, ctx.now())])
        log = log_for(session, ctx, admin, account.id, posts, today, "certificate", "")
        log.write(Kind.certificate_seen, starts=first, ends=last)
        return account

    return once_only(ctx, actor, token, "certificate", [account_id, issued, until], change)


def _whole(session: Session, admin: Admin, account_id: str, today: date) -> tuple[Account, tuple[Held, ...]]:
    """An account that is wholly within the reach, and not one's own; raises Unseen, TeamRefused."""
    account, posts, standing = person_of(session, admin, account_id, today)
    if standing is Standing.own:
        raise TeamRefused(Obstacle("own_rights"))
    if standing is Standing.part:
        raise TeamRefused(Obstacle("works_elsewhere", account.name(admin.actor.language)))
    return account, posts


# ---- answers -------------------------------------------------------------------------------------------------------


def check_username(text: str | None, problems: Problems) -> str:
    """A user name as it is kept: Latin letters, digits, and marks that are typed without thinking."""
    called = auth_repository.plain_username(text or "")
    if not called:
        problems["username"] = ("required",)
    elif not _USERNAME.fullmatch(called):
        problems["username"] = ("not_a_username",)
    return called


def check_names(french: str | None, arabic: str | None, problems: Problems) -> dict[str, str]:
    """How somebody is called, in each script that was given: one is needed."""
    names = {key: tidy(text) for key, text in (("fr", french), ("ar", arabic)) if tidy(text)}
    if not names:
        problems["name_fr"] = ("required",)
    for key, text in names.items():
        if len(text) > NAME_MOST:
            problems[f"name_{key}"] = (f"too_long:{NAME_MOST}",)
    return names


def tidy(text: str | None) -> str:
    """One line in one form, without what no screen shows."""
    return plain(unicodedata.normalize("NFC", text or ""))


def check_address(email: str | None, phone: str | None, problems: Problems) -> tuple[str | None, str | None]:
    mail, tel = tidy(email) or None, plain_phone(tidy(phone)) or None
    if mail is not None and not is_address(mail):
        problems["email"] = ("not_an_address",)
    if tel is not None and not is_phone(tel):
        problems["phone"] = ("not_a_phone",)
    return mail, tel


def day_within(text: str | None, key: str, problems: Problems, first: date, last: date) -> date | None:
    """The day that was written, between two days; else None, and what is wrong with it."""
    if not (text or "").strip():
        problems[key] = ("required",)
        return None
    try:
        found = date.fromisoformat(str(text).strip())
    except ValueError:
        problems[key] = ("not_a_date",)
        return None
    if not first <= found <= last:
        problems[key] = (f"day_between:{first.isoformat()}:{last.isoformat()}",)
        return None
    return found


def _days(starts: str | None, ends: str | None, today: date, problems: Problems) -> tuple[date | None, date | None]:
    first = day_within(starts, "starts", problems, FIRST_DAY, today + YEAR)
    last = day_within(ends, "ends", problems, FIRST_DAY, far(today)) if (ends or "").strip() else None
    if first and last and last < first:
        problems["ends"] = ("ends_before_it_starts",)
    elif last and last < today:
        problems["ends"] = ("in_the_past",)
    return first, last


def far(today: date) -> date:
    """The last day that a certificate, or an appointment, can end on."""
    return today + YEAR * CERTIFICATE_YEARS


def _place(session: Session, admin: Admin, code: str | None, problems: Problems) -> Unit | None:
    if not (code or "").strip():
        problems["unit"] = ("required",)
        return None
    try:
        return place_within(session, admin, str(code).strip().upper())
    except Unseen:
        problems["unit"] = ("not_your_unit",)
        return None


def _role(admin: Admin, role: str | None, problems: Problems) -> None:
    if role not in admin.roles:
        problems["role"] = ("unknown_option" if role else "required",)


def language_of(ctx: AppContext, language: str | None, problems: Problems) -> str:
    """The language in which somebody is spoken to: as it was said, else that which all are given."""
    known = ctx.settings.languages
    if language and language not in known:
        problems["language"] = ("unknown_option",)
    return language if language in known else ctx.settings.default_language


def _reasoned(reason: str | None, sentence: str | None, reasons: tuple[str, ...]) -> None:
    problems: Problems = {}
    check_reason(reason, sentence, reasons, problems)
    if problems:
        raise BadInput(problems)


# ---- written down --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Log:
    """Writes rows about one person in one appointment."""

    session: Session
    ctx: AppContext
    admin: Admin
    unit: str
    account: str
    role: str
    post: str | None
    reason: str | None
    sentence: str | None

    def write(
        self, kind: Kind, *, starts: date | None = None, ends: date | None = None, number: str | None = None
    ) -> None:
        """One row of `administration`."""
        change = Change(
            at=self.ctx.now(), actor=self.admin.actor.id, kind=kind, unit=self.unit, account=self.account,
            role=self.role, appointment=None if number else self.post, reason=self.reason or "",
            sentence=plain(self.sentence), starts=starts, ends=ends, number=number,
        )  # fmt: skip
        administration_log.write_entry(self.session, change)


def log_for(
    session: Session,
    ctx: AppContext,
    admin: Admin,
    account: str,
    posts: tuple[Held, ...],
    today: date,
    reason: str | None,
    sentence: str | None,
) -> Log:
    """For what concerns the account as a whole: by the latest appointment that lies within the reach."""
    within = [post for post in posts if repository.is_below(session, post.unit, admin.units)]
    post = max(within, key=lambda one: (not one.is_over(today), one.starts, one.id))
    through(session, admin, post.unit)
    return Log(session, ctx, admin, post.unit, account, post.role, post.id, reason, sentence)


def once_only(
    ctx: AppContext, actor: Actor, token: str, what: str, said: object, change: Callable[[Session], Account]
) -> Done:
    """Make a change once, however often its form is sent; the directory and the form's token, or neither."""
    press = idempotency.press(ctx.vault, actor.id, token, f"staff-{what}", said)
    with ctx.realm.writing() as session:
        if (before := idempotency.spent(session, press)) is not None:
            return Done(before["account"], name_in(ctx, actor, str(before["account"])), repeated=True)
        with ctx.directory.writing() as kept:
            account = change(kept)
        idempotency.use(session, press, {"account": account.id}, at=ctx.now())
    return Done(account.id, account.name(actor.language))
