"""Service of invitations to teams: by mail with a link kept nowhere, or by printed slips for those without a way in."""

from __future__ import annotations

import logging
import re
import secrets
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from school_protocol.auth import permissions, sign_in_repository
from school_protocol.auth import repository as auth_repository
from school_protocol.auth.access_codes import GOOD_FOR, INVITATION, Slip, invite_by_slip
from school_protocol.auth.own_account import INVITED
from school_protocol.auth.repository import Account
from school_protocol.auth.service import BY_MAIL, IdentityRefused, hashed, refuse_if_apart
from school_protocol.auth.sign_in_repository import OneTimeCode
from school_protocol.context import REALM, AppContext, declared, today_for
from school_protocol.engine.definition import Protocol, Role
from school_protocol.engine.errors import BadInput, Unseen
from school_protocol.engine.visibility import Actor, Appointment, Permission, Unit, UnitKind
from school_protocol.mail import Carrier, Letter, Post, Undelivered, Unreachable, wording_of
from school_protocol.notifications.digests import shows_mails, ways_of
from school_protocol.people import import_repository, imports, repository
from school_protocol.people.repository import Certificate, Held
from school_protocol.people.service import (
    Done,
    Log,
    Problems,
    check_address,
    check_names,
    day_within,
    far,
    language_of,
    once_only,
)
from school_protocol.people.staff_list import Admin, Roles, admin_of, obstacles_to, place_within
from school_protocol.people.teams import Obstacle, TeamRefused
from school_protocol.storage import administration_log, work_queue
from school_protocol.storage.administration_log import Kind
from school_protocol.storage.engines import Session

# ---- who answers for schools invites into their teams, by mail, into roles that the definition says ----------------
# Such a role administers nothing, and the account is never their own. The link is made as the mail leaves, and stands
# nowhere else; who heads the school is told, and who oversees from above.

WITHDRAWN = "invitation_withdrawn"
OPEN_MOST = 200
"""So many open invitations are listed; narrowed to a school, all of its team fit."""
PLACES_MOST = 200
_STEM_MOST = 40


@dataclass(frozen=True, slots=True)
class Inviter:
    """Somebody who invites into the teams of the schools below their units."""

    actor: Actor
    posts: tuple[tuple[Appointment, Role], ...]
    roles: Roles

    @property
    def units(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(post.unit for post, _role in self.posts))

    def given_at(self, unit: Unit) -> tuple[str, ...]:
        """The roles into which they invite there, in the order of the definition: of schools strictly below alone."""
        if unit.kind is not UnitKind.school:
            return ()
        given = {key for post, role in self.posts if post.unit in unit.parents for key in role.invites}
        return tuple(key for key in self.roles if key in given)

    def may_settle(self, account: Account, posts: Sequence[Held], units: Mapping[str, Unit], today: date) -> bool:
        """Whether an invitation that is awaited is theirs: it opens only what they could give."""
        now = [post for post in posts if not post.is_over(today)]
        return (
            account.id != self.actor.id
            and bool(now)
            and all(post.role in self.given_at(units[post.unit]) for post in now)
        )

    @property
    def admin(self) -> Admin:
        """As one who gives a role, for what stands against giving it."""
        return Admin(self.actor, tuple(post for post, _role in self.posts), self.roles)


@dataclass(frozen=True, slots=True)
class OpenLine:
    """An invitation by which nobody came in yet. `until`: so long its link is good; None: none is out."""

    account: str
    name: str
    username: str
    email: str
    school: Unit
    roles: tuple[Role, ...]
    asked_at: datetime | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class InvitationsView:
    """Open invitations, of one school or of all; `sends`: whether this installation sends mail."""

    school: Unit | None
    lines: tuple[OpenLine, ...]
    schools: tuple[Unit, ...]
    """Where they are few; else a code is typed."""
    sends: bool


# ---- seeing --------------------------------------------------------------------------------------------------------


def inviter_of(ctx: AppContext, actor: Actor) -> Inviter:
    """This person as one who invites; raises Unseen."""
    known = declared(ctx)
    held = permissions.posts_with(ctx, actor, Permission.invite)
    posts = tuple((post, known[post.role][1]) for post in held)
    if not posts:
        raise Unseen("invitations")
    return Inviter(actor, posts, known)


def see_invitations(ctx: AppContext, actor: Actor, school: str = "") -> InvitationsView:
    """What was sent and not taken up, of one school of one's reach (by its code) or of all; raises Unseen."""
    inviter, today = inviter_of(ctx, actor), today_for(ctx)
    with ctx.directory.reading() as session:
        here = _school(session, inviter, school) if school else None
        places = [here.id] if here else inviter.units
        ids = repository.awaited(session, places, reason=BY_MAIL, limit=OPEN_MOST)
        lines = tuple(line for one in ids if (line := _line(session, ctx, inviter, one, today)) is not None)
        schools = _schools(session, inviter)
    return InvitationsView(here, lines, schools, _sends(ctx))


def schools_for(ctx: AppContext, actor: Actor) -> tuple[Unit, ...]:
    """The schools into whose teams this person invites, where they are few; else none: a code is typed."""
    with ctx.directory.reading() as session:
        return _schools(session, inviter_of(ctx, actor))


def roles_for(ctx: AppContext, actor: Actor) -> tuple[tuple[Protocol, Role], ...]:
    """The roles into which this person invites."""
    inviter = inviter_of(ctx, actor)
    given = {key for _post, role in inviter.posts for key in role.invites}
    return tuple(inviter.roles[key] for key in inviter.roles if key in given)


def _schools(session: Session, inviter: Inviter) -> tuple[Unit, ...]:
    ids = repository.places(session, inviter.units, limit=PLACES_MOST)
    found = auth_repository.find_units(session, ids).values() if len(ids) < PLACES_MOST else ()
    return tuple(sorted((one for one in found if inviter.given_at(one)), key=lambda one: one.code))


def _school(session: Session, inviter: Inviter, code: str) -> Unit:
    unit = auth_repository.unit_coded(session, code.strip().upper())
    if unit is None or not inviter.given_at(unit):
        raise Unseen(code)
    return unit


def _line(session: Session, ctx: AppContext, inviter: Inviter, account_id: str, today: date) -> OpenLine | None:
    found = _settled_by(session, inviter, account_id, today)
    if found is None:
        return None
    account, now, units = found
    code = sign_in_repository.waiting_code(session, account.id, INVITATION, now=ctx.now())
    asked = administration_log.about(session, account.id, kinds={Kind.invited}, limit=1)
    return OpenLine(
        account.id, account.name(inviter.actor.language), account.username, account.email or "", units[now[0].unit],
        tuple(inviter.roles[post.role][1] for post in now), asked[0].at if asked else None,
        code.expires_at if code else None,
    )  # fmt: skip


def _settled_by(
    session: Session, inviter: Inviter, account_id: str, today: date
) -> tuple[Account, tuple[Held, ...], Mapping[str, Unit]] | None:
    account = auth_repository.account(session, account_id)
    if not repository.is_awaited(session, account_id, reason=BY_MAIL):
        return None
    posts = repository.held(session, [account_id]).get(account_id, ())
    units = auth_repository.find_units(session, {post.unit for post in posts})
    if account is None or not inviter.may_settle(account, posts, units, today):
        return None
    return account, tuple(post for post in posts if not post.is_over(today)), units


def sends(ctx: AppContext, mail: Carrier | None) -> bool:
    """Whether a link can leave by mail: it says the site's address; a demo shows its mails on a page of the site."""
    return mail is not None and (bool(ctx.settings.address) or shows_mails(ctx))


def _sends(ctx: AppContext) -> bool:
    return sends(ctx, ways_of(ctx).mail)


# ---- inviting ------------------------------------------------------------------------------------------------------


def invite(
    ctx: AppContext,
    actor: Actor,
    *,
    unit: str | None,
    roles: Sequence[str] | None,
    name_fr: str | None,
    name_ar: str | None,
    email: str | None,
    language: str | None,
    certified_until: str | None,
    token: str,
) -> Done:
    """Somebody new in the team of a school of one's reach; the link leaves by mail. Pressed twice, done once.

    Raises BadInput, and TeamRefused with every reason why not.
    """
    inviter, today = inviter_of(ctx, actor), today_for(ctx)
    wanted = tuple(dict.fromkeys(roles or ()))

    def change(session: Session) -> Account:
        problems: Problems = {}
        place = _place(session, inviter, unit, problems)
        given = inviter.given_at(place) if place is not None else ()
        if not wanted or (place is not None and not set(wanted) <= set(given)):
            problems["roles"] = ("unknown_option" if wanted else "required",)
        names, known = check_names(name_fr, name_ar, problems), language_of(ctx, language, problems)
        mail, _tel = check_address(email, None, problems)
        if mail is None:
            problems.setdefault("email", ("required",))
        until = day_within(certified_until, "certified_until", problems, today, far(today)) if certified_until else None
        if problems or place is None or mail is None:
            raise BadInput(problems)
        _refuse_own(session, actor, mail)
        if repository.works_at(session, mail, place.id):
            raise BadInput({"email": ("works_there",)})
        if not _sends(ctx):
            raise TeamRefused(Obstacle("no_mail"))
        username = _username(session, mail)
        created = auth_repository.add_account(
            session, username=username, names=names, language=known, created_at=ctx.now(), email=mail
        )
        account = auth_repository.account(session, created)
        assert account is not None
        posts = _appoint(session, ctx, inviter, account, place, wanted, until)
        refuse_if_apart(session, ctx, actor, account.id)
        _write(session, ctx, inviter, account, place, posts, until)
        return account

    said = [unit, *sorted(wanted), name_fr, name_ar, email, language, certified_until]
    return once_only(ctx, actor, token, "invite", said, change)


def resend(ctx: AppContext, actor: Actor, account_id: str, *, token: str) -> Done:
    """Another link for somebody who hasn't come in yet; earlier ones are worth nothing. Raises Unseen, TeamRefused."""
    inviter, today = inviter_of(ctx, actor), today_for(ctx)

    def change(session: Session) -> Account:
        account, post = _own(session, inviter, account_id, today)
        if not _sends(ctx):
            raise TeamRefused(Obstacle("no_mail"))
        refuse_if_apart(session, ctx, actor, account_id)
        _inviting_log(session, ctx, inviter, post, account.id, BY_MAIL).write(Kind.invited)
        return account

    return once_only(ctx, actor, token, "invite-again", [account_id], change)


def withdraw(ctx: AppContext, actor: Actor, account_id: str, *, token: str) -> Done:
    """Nobody comes in by it any more: link, roles and account end. Raises Unseen once somebody did."""
    inviter, today = inviter_of(ctx, actor), today_for(ctx)

    def change(session: Session) -> Account:
        account, post = _own(session, inviter, account_id, today)
        sign_in_repository.drop_codes(session, account_id, INVITATION)
        for held in repository.held(session, [account_id]).get(account_id, ()):
            if not held.is_over(today):
                auth_repository.end_appointment(session, held.id, max(held.starts, today))
        auth_repository.set_active(session, account_id, False)
        sign_in_repository.close_web_sessions(session, account_id)
        _inviting_log(session, ctx, inviter, post, account.id, WITHDRAWN).write(Kind.account_closed)
        return account

    return once_only(ctx, actor, token, "invite-withdraw", [account_id], change)


def _own(session: Session, inviter: Inviter, account_id: str, today: date) -> tuple[Account, Held]:
    found = _settled_by(session, inviter, account_id, today)
    if found is None:
        raise Unseen(account_id)
    account, posts, _units = found
    return account, posts[0]


def _place(session: Session, inviter: Inviter, code: str | None, problems: Problems) -> Unit | None:
    if not (code or "").strip():
        problems["unit"] = ("required",)
        return None
    try:
        return _school(session, inviter, str(code))
    except Unseen:
        problems["unit"] = ("not_your_unit",)
        return None


def _refuse_own(session: Session, actor: Actor, mail: str) -> None:
    """Nobody invites themselves: the address is not where they are reached."""
    own = auth_repository.account(session, actor.id)
    if own is not None and (own.email or "").casefold() == mail.casefold():
        raise TeamRefused(Obstacle("own_rights"))


def _username(session: Session, mail: str) -> str:
    """A free user name out of the address: what stands before its @, with a number where it is taken."""
    plain = unicodedata.normalize("NFKD", mail.partition("@")[0]).encode("ascii", "ignore").decode().casefold()
    stem = re.sub(r"[^a-z0-9._-]+", "", plain).strip("._-")[:_STEM_MOST] or "membre"
    place = 1
    while auth_repository.account_named(session, name := stem if place == 1 else f"{stem}{place}") is not None:
        place += 1
    return name


def _appoint(
    session: Session, ctx: AppContext, inviter: Inviter, account: Account, place: Unit, roles: Sequence[str],
    until: date | None,
) -> tuple[Held, ...]:  # fmt: skip
    today = today_for(ctx)
    obstacles: dict[str, Obstacle] = {}
    for key in roles:
        role = inviter.roles[key][1]
        against = obstacles_to(
            session, inviter.admin, account, (), role, place, today, today, trained_until=until
        )  # fmt: skip
        obstacles |= {one.code: one for one in against}
    if obstacles:
        raise TeamRefused(*obstacles.values())
    for key in roles:
        auth_repository.appoint(session, account.id, role=key, unit=place.id, starts=today)
    return repository.held(session, [account.id])[account.id]


def _write(
    session: Session, ctx: AppContext, inviter: Inviter, account: Account, place: Unit, posts: Sequence[Held],
    until: date | None,
) -> None:  # fmt: skip
    first = _inviting_log(session, ctx, inviter, posts[0], account.id, INVITED)
    first.write(Kind.account_created)
    for post in posts:
        _inviting_log(session, ctx, inviter, post, account.id, INVITED).write(Kind.appointed, starts=post.starts)
    if until is not None:
        seen = Certificate(account.id, None, until, inviter.actor.id, ctx.now())
        repository.keep_certificates(session, [seen])
        first.write(Kind.certificate_seen, ends=until)
    _inviting_log(session, ctx, inviter, posts[0], account.id, BY_MAIL).write(Kind.invited)


def _inviting_log(session: Session, ctx: AppContext, inviter: Inviter, post: Held, account: str, reason: str) -> Log:
    return Log(session, ctx, inviter.admin, post.unit, account, post.role, post.id, reason, "")


def give_link(session: Session, account: str, by: str, hashed: bytes, now: datetime, until: datetime) -> None:
    """Keep the link that leaves by mail now; earlier ones are worth nothing."""
    sign_in_repository.keep_code(session, OneTimeCode(account, INVITATION, by, now, until), hashed)


OUTBOX = "invitation"
LATEST = timedelta(days=2)
"""What was asked for longer ago when a worker comes back doesn't leave any more: it is sent again from its page."""
OVERLAP = timedelta(minutes=2)
BATCH = 100
PATH = "/invited/"
_invitations_sent_log = logging.getLogger(__name__)


def send_invitations(ctx: AppContext, post: Post) -> int:
    """Send what was asked for and is still open; returns how many left. Cut off anywhere, it goes on."""
    if ctx.name != REALM or not sends(ctx, post.mail):
        return 0
    _collect(ctx)
    with ctx.realm.writing() as session:
        taken = work_queue.take_messages(session, ctx.now(), limit=BATCH, kind=OUTBOX)
    return sum(_deliver(ctx, post, message) for message in taken)


def _collect(ctx: AppContext) -> None:
    """From the log into the outbox, each row once; of several about one account the latest counts."""
    now = ctx.now()
    with ctx.realm.reading() as session:
        latest = work_queue.latest_message(session, OUTBOX)
    since = max(now - LATEST, (latest or now - LATEST) - OVERLAP)
    with ctx.directory.reading() as session:
        rows = administration_log.rows_since(session, since, until=now, kinds={Kind.invited})
    with ctx.realm.writing() as session:
        for row, change in rows:
            if change.reason == BY_MAIL:
                work_queue.put_once(
                    session, f"{OUTBOX}-{row}"[:40], OUTBOX, {"to": change.account, "by": change.actor}, at=change.at
                )


def _deliver(ctx: AppContext, post: Post, message: work_queue.Message) -> int:
    assert post.mail is not None
    to, now = str(message.payload["to"]), ctx.now()
    token = secrets.token_urlsafe(32)
    with ctx.directory.writing() as session:
        account = auth_repository.account(session, to)
        is_open = account is not None and bool(account.email) and repository.is_awaited(session, to, reason=BY_MAIL)
        if is_open:
            give_link(session, to, str(message.payload["by"]), hashed(ctx, "link", token), now, now + GOOD_FOR)
    left = 0
    if account is not None and account.email and is_open:
        try:
            post.mail.carry(account.email, _letter(ctx, account, message.id, token))
            left = 1
        except (Undelivered, Unreachable) as error:
            _invitations_sent_log.warning("an invitation was put off: %s", type(error).__name__)
            with ctx.directory.writing() as session:
                sign_in_repository.drop_codes(session, to, INVITATION)
            with ctx.realm.writing() as session:
                work_queue.put_off_after(session, [message], now)
            return 0
    with ctx.realm.writing() as session:
        work_queue.settle_messages(session, message.id, at=now)
    return left


def _letter(ctx: AppContext, account: Account, letter: str, token: str) -> Letter:
    """The link and the user name; nothing of a school, a case or a pupil."""
    w = wording_of(ctx.settings, account.language)
    lines = [
        w._("You are invited to use the tool in which your school follows up cyberharassment."),
        w._("Choose your password at this address, within 72 hours:"),
        f"{ctx.settings.address.rstrip('/')}{PATH}{token}",
        w._("Your user name is %(name)s.", name=account.username),
        w._("If you know nothing of it, leave it: without that link nobody comes in."),
        w._("A machine sent it: nobody reads an answer."),
    ]
    return Letter(letter, ctx.now(), w.html_language, w._("Your invitation"), "\n\n".join(lines) + "\n")


# ---- slips: one a person, to be cut out and handed over; each replaces the last one --------------------------------

MOST = 300
"""So many slips on one sheet, at most."""


def of_unit(ctx: AppContext, actor: Actor, code: str) -> tuple[Slip, ...]:
    """The slips of everybody who works in that unit or below and has no way in yet; raises Unseen."""
    admin = admin_of(ctx, actor)
    with ctx.directory.reading() as session:
        unit = place_within(session, admin, code)
        waiting = repository.without_way_in(session, [unit.id], limit=MOST)
    return tuple(_made(ctx, actor, waiting))


def of_list(ctx: AppContext, actor: Actor, batch: str) -> tuple[Slip, ...]:
    """The slips of those whom one's own list made and who have no way in yet; raises Unseen."""
    imports.see_import(ctx, actor, batch)
    with ctx.directory.reading() as session:
        made = import_repository.made_accounts(session, batch)
        found = auth_repository.accounts(session, made) if len(made) <= MOST * 10 else {}
    waiting = [one for one in made if one in found and found[one].password_hash is None and found[one].active]
    return tuple(_made(ctx, actor, waiting[:MOST]))


def _made(ctx: AppContext, actor: Actor, accounts: Iterable[str]) -> Iterator[Slip]:
    """Somebody who works elsewhere too, or has got a way in meanwhile, gets none."""
    for account in accounts:
        try:
            yield invite_by_slip(ctx, actor, account, ctx.now())
        except (IdentityRefused, Unseen):
            continue
