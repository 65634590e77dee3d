"""Commands of a first day and of people: `found`, `calendar`, `go-live`, `sample`; `users`, `tokens`."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from school_protocol.cli.group import (
    REFUSED,
    actor_called,
    bar,
    bars,
    context_and_actor,
    main,
    open_context_once,
    read_yaml,
    say,
)
from school_protocol.config import settings_from

if TYPE_CHECKING:
    from school_protocol.auth.access_codes import Slip
    from school_protocol.auth.service import IdentityRefused
    from school_protocol.context import AppContext
    from school_protocol.engine.visibility import Actor
    from school_protocol.ops.going_live import Entry, ListView
    from school_protocol.people.staff_list import PersonLine

# Commands `users` and `tokens`: people imported, let in, certified and helped; what other systems
# read by token.

# ---- `tokens`: made by two people, ended at once -------------------------------------------------------------------

AS_OVERSEER = click.option(
    "--as", "username", required=True, help="User name of whoever acts: administers or oversees it."
)


@main.group("tokens")
def tokens() -> None:
    """Tokens by which other systems read."""


@tokens.command("create")
@click.argument("name")
@click.option("--unit", required=True, help="Code of the province or region that is read.")
@click.option(
    "--right", "rights", multiple=True, required=True, help="cases:read or figures:read; both, if said twice."
)
@click.option(
    "--until", "ends", required=True, help="Last day on which it is good, as YYYY-MM-DD; a year ahead at most."
)
@click.option("--purpose", required=True, help="What for, in one sentence; it is kept.")
@click.option("--as", "username", required=True, help="User name of whoever asks: administers accounts there.")
@click.option("--agreed-by", "second", required=True, help="User name of whoever agrees: oversees that place.")
def create(name: str, unit: str, rights: tuple[str, ...], ends: str, purpose: str, username: str, second: str) -> None:
    """Make a token for the system NAME, as two people; prints it this once."""
    import secrets

    from school_protocol.api import tokens as kept

    ctx, asking = context_and_actor(username)
    agreeing = actor_called(ctx, second)
    asked = kept.ask_token(
        ctx, asking, name=name, unit=unit, rights=rights, ends=ends, purpose=purpose, token=secrets.token_hex(16)
    )
    try:
        kept.agree(ctx, agreeing, asked.token)
    except Exception:
        kept.end_token(ctx, asking, asked.token)
        raise
    click.echo(kept.draw_token(ctx, asking, asked.token))


@tokens.command("list")
@click.option("--over", is_flag=True, help="Those that are over or ended.")
@click.option("--after", default="", help="The last id of the page before.")
@click.option("--json", "as_json", is_flag=True)
@AS_OVERSEER
def list_tokens(over: bool, after: str, as_json: bool, username: str) -> None:
    """The tokens of one's places, newest first, a page at a time."""
    from school_protocol.api.tokens import see_tokens

    ctx, actor = context_and_actor(username)
    view = see_tokens(ctx, actor, are_over=over, after=after)
    found = [(line.token, line.unit, line.standing) for line in view.lines]
    if as_json:
        lines = [
            {
                "id": one.id, "name": one.name, "unit": unit.code, "rights": sorted(one.granted), "until": one.ends,
                "state": standing, "read_at": one.read_at,
            }
            for one, unit, standing in found
        ]  # fmt: skip
        say({"tokens": lines, "after": view.after or None})
        return
    for one, unit, standing in found:
        read = f"last read {one.read_at:%Y-%m-%d %H:%M}" if one.read_at else "never read"
        click.echo(
            f"{one.id}  {unit.code}  {standing}, until {one.ends}, {read}  {', '.join(sorted(one.granted))}  {one.name}"
        )
    if view.after:
        click.echo(f"more follow: --after {view.after}")


@tokens.command("revoke")
@click.argument("token")
@AS_OVERSEER
def revoke(token: str, username: str) -> None:
    """End a token, by its id (`tokens list`): nothing is read by it from this moment on."""
    from school_protocol.api.tokens import end_token

    ctx, actor = context_and_actor(username)
    end_token(ctx, actor, token)
    click.echo("ended: nothing is read by it any more")


# ---- `users`: letting people in, and helping those who lost what they prove themselves with ------------------------

_BY_COMMAND = {
    "no_such_account": "no active account without a password has this user name",
    "not_the_first": "somebody who administers can sign in already: they invite (--as)",
}
"""What no page refuses."""


class _Accounts(click.Group):
    """Says in words what is refused about how somebody proves who they are."""

    def invoke(self, ctx: click.Context) -> Any:
        from school_protocol.auth.service import IdentityRefused

        try:
            return super().invoke(ctx)
        except IdentityRefused as refusal:
            click.echo(f"refused: {_why(refusal)}", err=True)
            sys.exit(REFUSED)


def _why(refusal: IdentityRefused) -> str:
    from school_protocol.auth import presenters as auth_presenters
    from school_protocol.language import Wording

    return _BY_COMMAND.get(refusal.code) or auth_presenters.refusal(Wording("en"), refusal.code, refusal.ends)


@main.group(cls=_Accounts)
def users() -> None:
    """Accounts."""


@users.command("address")
@click.argument("username")
@click.option("--email", help="Where mail reaches them; nothing between the quotes takes it away.")
@click.option("--phone", help="Where urgent short messages reach them.")
def users_address(username: str, email: str | None, phone: str | None) -> None:
    """Say where messages reach an account; prints what is kept."""
    from school_protocol.notifications.receivers import keep_address

    kept = keep_address(open_context_once(), username, email=email, phone=phone)
    say({"username": kept.username, "email": kept.email, "phone": kept.phone})


@users.command("invite")
@click.argument("username")
@click.option("--as", "by", help="User name of whoever administers that account.")
@click.option("--slip", is_flag=True, help="A code of digits to hand over, in place of a link.")
@click.option("--first", is_flag=True, help="The first administrator of an installation, for whom nobody can act yet.")
def users_invite(username: str, by: str | None, slip: bool, first: bool) -> None:
    """Let somebody in who has no password yet; prints the link (or the code), which is good once, for 72 hours."""
    from school_protocol.auth import access_codes

    ctx = open_context_once()
    if first == bool(by):
        raise click.UsageError("say who invites (--as), or that it is the --first administrator")
    if first:
        say_link(ctx, access_codes.invite_the_first(ctx, username, ctx.now()))
        return
    actor, account = _whom(ctx, str(by), username)
    if slip:
        _say_slip(access_codes.invite_by_slip(ctx, actor, account, ctx.now()))
    else:
        say_link(ctx, access_codes.invite(ctx, actor, account, ctx.now()))


@users.command("new-password")
@click.argument("username")
@click.option("--as", "by", required=True, help="User name of whoever administers that account.")
def users_new_password(username: str, by: str) -> None:
    """Print a code with which somebody who forgot the password chooses another one: good once, for 72 hours."""
    from school_protocol.auth.access_codes import new_password_slip

    ctx = open_context_once()
    actor, account = _whom(ctx, by, username)
    _say_slip(new_password_slip(ctx, actor, account, ctx.now()))


@users.command("restore-factor")
@click.argument("username")
@click.option("--as", "by", required=True, help="User name of whoever administers that account.")
@click.option("--agree", is_flag=True, help="Agree to what somebody else asked, and print the code.")
@click.option("--withdraw", is_flag=True, help="It isn't asked for any more.")
def users_restore_factor(username: str, by: str, agree: bool, withdraw: bool) -> None:
    """Ask that a lost second factor be set anew; a second person agrees to it, and gets the code to hand over."""
    from school_protocol.auth import access_codes

    ctx = open_context_once()
    actor, account = _whom(ctx, by, username)
    if agree and withdraw:
        raise click.UsageError("either --agree or --withdraw")
    if agree:
        _say_slip(access_codes.agree(ctx, actor, account))
    elif withdraw:
        access_codes.withdraw(ctx, actor, account)
    else:
        access_codes.ask_restoring(ctx, actor, account)
        click.echo("asked: somebody else who administers this account must agree (--agree)", err=True)


def _whom(ctx: AppContext, by: str, username: str) -> tuple[Actor, str]:
    """Who helps, and the account that is helped; raises Unseen where it isn't theirs."""
    from school_protocol.auth.access_codes import find_helped

    actor = actor_called(ctx, by)
    return actor, find_helped(ctx, actor, username)


def say_link(ctx: AppContext, token: str) -> None:
    click.echo(f"{ctx.settings.address.rstrip('/')}/invited/{token}")


def _say_slip(slip: Slip) -> None:
    say({"username": slip.username, "code": slip.code, "purpose": slip.purpose, "until": slip.expires_at.isoformat()})


AS_STAFF = click.option(
    "--as", "username", required=True, help="The account that acts: it administers those of its units."
)


@users.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--preview", is_flag=True, help="Only say what would become of each line.")
@click.option("--results", type=click.Path(dir_okay=False), help="Write every line with what became of it, as CSV.")
@click.option("--language", default="en", show_default=True)
@AS_STAFF
def users_import(file: str, preview: bool, results: str | None, language: str, username: str) -> None:
    """Bring in places and people from a CSV, all or nothing; exit 3, with nothing applied, where a line is refused."""
    from school_protocol.language import Wording
    from school_protocol.people import imports
    from school_protocol.people import presenters as people_presenters
    from school_protocol.people.spreadsheets import Unreadable
    from school_protocol.people.staff_list import admin_of

    ctx, w = open_context_once(), Wording(language)
    actor = actor_called(ctx, username)
    try:
        batch = imports.bring(ctx, actor, Path(file).read_bytes(), Path(file).name, hold=True, by_command=True)
    except Unreadable as error:
        raise click.ClickException(f"{file}: {people_presenters.unreadable(w, error)}") from None
    if batch.state.value == "reading":
        with bar("lines") as step:
            imports.read_import(ctx, actor, batch.id, step, by_command=True)
    view = imports.see_import(ctx, actor, batch.id)
    _say_lines(ctx, actor, batch.id, w)
    if results:
        roles = admin_of(ctx, actor).roles
        found = imports.results(
            ctx, actor, batch.id, lambda one: people_presenters.as_text(w, roles, one), ["line", "outcome"]
        )
        Path(results).write_bytes(b"".join(found))
    counts = view.counts
    if preview or not counts.to_apply:
        imports.withdraw(ctx, actor, batch.id)
    else:
        imports.confirm(ctx, actor, batch.id, view.batch.digest, by_command=True)
        if not imports.apply(ctx, actor, batch.id, by_command=True):
            raise click.ClickException("the directory changed meanwhile: nothing was applied, run it again")
    click.echo(
        f"{counts.new} new, {counts.changed} changed, {counts.unchanged} unchanged, {counts.refused} refused"
        + (": nothing was applied" if preview or not counts.to_apply else ""),
        err=True,
    )
    if counts.refused:
        sys.exit(REFUSED)


def _say_lines(ctx: AppContext, actor: Actor, batch: str, w: Any) -> None:
    """Every line that isn't as it was."""
    from school_protocol.people import imports
    from school_protocol.people import presenters as people_presenters
    from school_protocol.people.staff_list import admin_of

    roles = admin_of(ctx, actor).roles
    for verdict in ("new", "changed", "refused"):
        after = 0
        while True:
            view = imports.see_import(ctx, actor, batch, verdict=verdict, after=after)
            for line in view.lines:
                key = line.cells.get("username") or line.cells.get("code") or ""
                click.echo(f"{line.line}\t{key}\t{people_presenters.as_text(w, roles, line)}")
            if not view.after:
                break
            after = view.after


@users.command("list")
@click.option("--unit", default="", help="Code of a school, province or region: it and all below.")
@click.option("--after", default="", help="The last user name of the page before.")
@click.option("--ending", is_flag=True, help="Those whose certificate ends within 60 days.")
@click.option("--json", "as_json", is_flag=True)
@AS_STAFF
def users_list(unit: str, after: str, ending: bool, as_json: bool, username: str) -> None:
    """List the people of one's units, by user name, a page at a time."""
    from school_protocol.people import staff_list

    ctx, actor = context_and_actor(username)
    view: Any = (
        staff_list.see_ending(ctx, actor, after=after)
        if ending
        else staff_list.see_people(ctx, actor, unit=unit, after=after)
    )
    lines = [_plain_person(one) for one in view.people]
    if as_json:
        say({"people": lines, "after": view.after or None})
        return
    for one in lines:
        roles = ", ".join(f"{post['role']}@{post['unit']}" for post in one["roles"])
        state = "" if one["active"] else " (closed)"
        click.echo(f"{one['username']}{state}\t{one['name']}\t{roles}\t{one['certified_until'] or ''}")
    if view.after:
        click.echo(f"more: --after {view.after!r}", err=True)


def _plain_person(one: PersonLine) -> dict[str, Any]:
    roles = [
        {"role": post.role, "unit": post.unit.code, "starts": post.starts, "ends": post.ends} for post in one.posts
    ]
    return {
        "username": one.username, "name": one.name, "active": one.is_active, "roles": roles,
        "certified_until": one.trained_until,
    }  # fmt: skip


@users.command("close")
@click.argument("whose")
@click.option("--reason", required=True, help="moved, retired, not_working, unreachable, correction or other.")
@click.option("--sentence", default="", help="In a few words; needed where the reason is `other`.")
@AS_STAFF
def users_close(whose: str, reason: str, sentence: str, username: str) -> None:
    """Close an account: every session ends at once; nothing is deleted."""
    from school_protocol.people import service as people_service

    _changed(
        whose, username, lambda ctx, actor, account: people_service.close_membership(
            ctx, actor, account, reason=reason, sentence=sentence, token=secrets.token_urlsafe(24)
        ),
    )  # fmt: skip


@users.command("certify")
@click.argument("whose")
@click.option("--issued", required=True, help="Day of issue, as YYYY-MM-DD.")
@click.option("--until", required=True, help="Last day on which it is good, as YYYY-MM-DD.")
@AS_STAFF
def users_certify(whose: str, issued: str, until: str, username: str) -> None:
    """Note a training certificate that one has seen."""
    from school_protocol.people import service as people_service

    _changed(
        whose, username, lambda ctx, actor, account: people_service.certify(
            ctx, actor, account, issued=issued, until=until, token=secrets.token_urlsafe(24)
        ),
    )  # fmt: skip


def _changed(whose: str, username: str, change: Callable[[AppContext, Actor, str], Any]) -> None:
    """Make a change to the account called `whose`; refused, every sentence and exit code 3."""
    from school_protocol.auth import repository as auth_repository
    from school_protocol.language import Wording
    from school_protocol.people import presenters as people_presenters
    from school_protocol.people.teams import TeamRefused

    ctx, actor = context_and_actor(username)
    with ctx.directory.reading() as session:
        account = auth_repository.account_named(session, whose)
    try:
        done = change(ctx, actor, account.id if account else whose)
    except TeamRefused as error:
        for one in error.obstacles:
            click.echo(f"refused: {people_presenters.staff_obstacle(Wording('en'), one)}", err=True)
        sys.exit(REFUSED)
    say({"username": whose, "name": done.name, "on": date.isoformat(ctx.now().date())})


@main.command("found")
@click.option("--administrator", required=True, help="User name of whoever lets all others in.")
@click.option("--name", required=True, help="What they are called, in French.")
@click.option("--name-ar", default="", help="The same in Arabic.")
@click.option("--code", default="MA", show_default=True, help="The country's, above all academies.")
@click.option("--country", default="Maroc", show_default=True)
@click.option("--country-ar", default="المغرب", show_default=True)
@click.option("--definition", type=click.Path(exists=True, dir_okay=False), help="Another protocol than the Moroccan.")
def found(
    administrator: str, name: str, name_ar: str, code: str, country: str, country_ar: str, definition: str | None
) -> None:
    """Begin an empty installation: the country, a school year, the protocol, and its first administrator's link."""
    from school_protocol.auth import access_codes
    from school_protocol.ops import setup

    ctx = open_context_once()
    code = code.strip().upper()
    content = Path(definition).read_bytes() if definition else None
    protocol = setup.found(ctx, administrator, (name, name_ar), code, (country, country_ar), content)
    click.echo(f"{code} is founded, {protocol.protocol} {protocol.version} is published", err=True)
    click.echo(f"schools open as in the usual year: `school-protocol calendar show {code}`", err=True)
    click.echo(f"{administrator} comes in by this link, once, within 72 hours:", err=True)
    say_link(ctx, access_codes.invite_the_first(ctx, administrator, ctx.now()))


@main.group()
def calendar() -> None:
    """When schools are open: days that count towards what is due."""


@calendar.command("show")
@click.argument("code")
def calendar_show(code: str) -> None:
    """Print the calendar that holds at CODE (a school, province, academy, the country), as `set` takes it."""
    import yaml

    from school_protocol.people.school_time import calendar_at, written

    said = written(calendar_at(open_context_once(), code))
    click.echo(yaml.safe_dump(said, allow_unicode=True, sort_keys=False), nl=False)


@calendar.command("set")
@click.argument("code")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--as", "username", required=True, help="Who administers the accounts of that place.")
def calendar_set(code: str, file: str, username: str) -> None:
    """Say by FILE when schools are open at CODE and below; what is due already stays due."""
    from school_protocol.people.school_time import keep, read

    ctx, actor = context_and_actor(username)
    said: Any = read_yaml(file)
    keep(ctx, actor, code, read(said))
    click.echo(f"from now on it holds at {code}, and below where no calendar of their own holds", err=True)


# ---- `go-live`: what must be so before real cases ------------------------------------------------------------------
# Shown and taken back here; two people sign on the page.

_AS = click.option("--as", "username", required=True, help="User name of whoever takes it back: administers accounts.")
_JSON = click.option("--json", "as_json", is_flag=True)
_ITEM = click.argument("item")


@main.group("go-live")
def go_live() -> None:
    """What must be so before a real pupil's case is opened."""


@go_live.command("show")
@_JSON
def show(as_json: bool) -> None:
    """The list: what is signed, by whom, with what reference, and what is missing."""
    from school_protocol.ops.going_live import list_of

    _say(list_of(open_context_once(), "en"), as_json=as_json)


@go_live.command("withdraw")
@_ITEM
@click.option("--reference", required=True, help="Why: one sentence, 200 characters; kept for good.")
@_AS
@_JSON
def withdraw(item: str, reference: str, username: str, as_json: bool) -> None:
    """Take the signature of ITEM back; both entries stay."""
    from school_protocol.ops import going_live

    ctx, actor = context_and_actor(username)
    going_live.withdraw(ctx, actor, item, reference)
    _say(going_live.list_of(ctx, "en"), as_json=as_json)


def _say(view: ListView, *, as_json: bool) -> None:
    from school_protocol.cases.opening_gate import LACKS, PEOPLE

    if as_json:
        lines = [
            {"item": line.item.key, "title": line.item.title, "stands": line.stands, "lack": line.lack,
             "signed": [_plain(entry) for entry in line.signed], "log": [_plain(entry) for entry in line.entries]}
            for line in view.lines
        ]  # fmt: skip
        say({"open": not view.is_shut, "has_cases": view.has_begun, "demo": view.is_demo,
             "missing": [item.key for item in view.missing], "items": lines})  # fmt: skip
        return
    for line in view.lines:
        click.echo(f"{line.item.key}: {line.item.title}")
        for said in line.signed:
            click.echo(f"    signed {said.at:%Y-%m-%d %H:%M} UTC by {said.username}: {said.reference}")
        if not line.stands:
            wants = f"WANTS {PEOPLE - len(line.signed)} MORE" if line.signed else "NOT SIGNED"
            click.echo(f"    {wants}; asks for: {line.item.asks}")
        if line.lack:
            click.echo(f"    {LACKS[line.lack]}")
    click.echo(_standing(view), err=True)


def _plain(entry: Entry) -> dict[str, Any]:
    return {"signs": entry.signs, "at": entry.at, "by": entry.username, "reference": entry.reference}


def _standing(view: ListView) -> str:
    if view.is_demo:
        return "a demo: nothing is kept out"
    if not view.missing:
        return "all is signed: cases can be opened"
    shut = "no case is opened, no report taken" if view.is_shut else "cases go on all the same, as they had begun"
    return f"{len(view.missing)} not signed: {shut}"


# ---- `sample`: made-up cases in any number -------------------------------------------------------------------------


@main.command("sample")
@click.option("--cases", required=True, type=click.IntRange(1, 10_000_000), help="How many more there are to be.")
@click.option(
    "--schools", type=click.IntRange(1, 49_999), help="In how many schools; without it, as many as such cases need."
)
@click.option("--seed", default=1, show_default=True, help="The same cases for the same seed.")
@click.option("--json", "as_json", is_flag=True)
def sample(cases: int, schools: int | None, seed: int, as_json: bool) -> None:
    """Fill a demo with made-up cases, played by the engine; where nothing is yet, found one.

    They happen at academies and schools of their own. The password is that of the demo's accounts.
    """
    from school_protocol.ops.demo import prepare
    from school_protocol.ops.fixture_copy import sample as fill

    password = os.environ.get("SCHOOL_PROTOCOL_DEMO_PASSWORD")
    settings = settings_from(os.environ)
    accounts = prepare(
        settings, reset=False, password=password, say=lambda line: click.echo(line, err=True), told=False
    )
    with bars() as step:
        done = fill(open_context_once(), cases, seed=seed, password=accounts.password, progress=step, places=schools)
    if as_json:
        say({"cases": done.cases, "events": done.events, "schools": done.schools, "histories": done.histories})
        return
    click.echo(
        f"{done.cases} cases of {done.events} events in {done.schools} schools, out of {done.histories} histories; "
        f"sign in as 50000s-team-member, 50000s-head, esp-01-…, es-01-… with the password {accounts.password}"
    )
