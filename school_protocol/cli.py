"""The `school-protocol` command: what the desk does, for scripts; and running an installation."""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from school_protocol.config import settings_from
from school_protocol.domain.errors import BadInput, Conflict, DefinitionError, Refused, SchoolProtocolError, Unseen

if TYPE_CHECKING:
    from school_protocol.domain.policy import Actor
    from school_protocol.domain.protocol import Protocol
    from school_protocol.domain.texts import Text
    from school_protocol.services.house import House
    from school_protocol.services.scripts import Played

REFUSED = 3


def _house() -> House:
    from school_protocol.services.house import SystemClock, open_house

    return open_house(settings_from(os.environ), SystemClock())


def _actor(house: House, username: str) -> Actor:
    from school_protocol.services.accounts import actor_named

    actor = actor_named(house, username)
    if actor is None:
        raise click.ClickException(f"no active account is called {username!r}")
    return actor


def _yaml(path: str) -> Any:
    import yaml

    try:
        return yaml.load(Path(path).read_text("utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - plain strings only
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise click.ClickException(f"{path}: {error}") from None


def _say(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


class _Commands(click.Group):
    """Turns the product's own errors into one line and the agreed exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Refused as refusal:
            for reason in refusal.reasons:
                click.echo(f"refused: {reason.need or reason.code}" + _who(reason.roles), err=True)
            sys.exit(REFUSED)
        except BadInput as bad:
            for path, codes in bad.problems.items():
                click.echo(f"refused: {path}: {_what(codes, bad.sentences)}", err=True)
            sys.exit(REFUSED)
        except Unseen as unseen:
            raise click.ClickException(f"not found: {unseen}") from None
        except Conflict as conflict:
            raise click.ClickException(f"somebody wrote first: {conflict}") from None
        except SchoolProtocolError as error:
            raise click.ClickException(str(error)) from None


def _what(codes: Iterable[str], sentences: Mapping[str, Text]) -> str:
    """Codes of problems; where a definition says what is wrong, its own sentence."""
    return ", ".join(sentences[code].in_language("en") if code in sentences else code for code in codes)


def _who(roles: tuple[str, ...]) -> str:
    return f" (can be lifted by: {', '.join(roles)})" if roles else ""


@click.group(cls=_Commands)
def main() -> None:
    """Carry cases of cyberharassment through the in-school handling protocol."""


# ---- definitions -------------------------------------------------------------------------------------------------


@main.group()
def definitions() -> None:
    """Check definitions, and play scripts on them."""


@definitions.command("check")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print faults as JSON.")
def definitions_check(files: tuple[str, ...], as_json: bool) -> None:
    """Print every fault of FILES as FILE:LINE: message; exit 1 if there is any."""
    from school_protocol.definitions import read_file

    faults: list[dict[str, Any]] = []
    for file in files:
        try:
            protocol = read_file(Path(file))
        except DefinitionError as error:
            faults += [{"file": file, "line": fault.line, "message": fault.message} for fault in error.faults]
        else:
            click.echo(f"{file}: {protocol.protocol} {protocol.version}: no fault found", err=True)
    if as_json:
        _say(faults)
    else:
        for fault in faults:
            click.echo(f"{fault['file']}:{fault['line']}: {fault['message']}")
    if faults:
        sys.exit(1)


@definitions.command("rehearse")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--script", required=True, type=click.Path(exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print events, refusals and dues as JSON.")
@click.option("--case-file", "case_file", type=click.Path(dir_okay=False), help="Write the case file at the end.")
@click.option("--language", default="fr", show_default=True)
def definitions_rehearse(file: str, script: str, as_json: bool, case_file: str | None, language: str) -> None:
    """Play a script on a definition in a throwaway realm; exit 1 where a step did not go as the script says."""
    from school_protocol.definitions import read
    from school_protocol.services import scripts

    content = Path(file).read_bytes()
    protocol = read(content, file)
    with scripts.throwaway(protocol, content, datetime(2000, 1, 1, tzinfo=UTC)) as player:
        played = player.play(_steps(script))
        if case_file is not None:
            Path(case_file).write_bytes(_rehearsed_file(player, protocol, language))
    click.echo(scripts.as_json(played) if as_json else "\n".join(_line(one) for one in played))
    if not as_json:
        effort = scripts.effort_of(protocol, played)
        click.echo(
            f"{effort.acts} acts, {effort.required} required answers ({effort.asked} given in all, "
            f"{effort.known} found filled in), "
            f"{effort.signatures} signatures, {effort.moves} moves"
        )
    if not all(one.went_as_said for one in played):
        sys.exit(1)


def _steps(script: str) -> list[Any]:
    steps = _yaml(script)
    if isinstance(steps, dict):
        steps = steps.get("steps")
    if not isinstance(steps, list):
        raise click.ClickException(f"{script}: a script is a list of steps")
    return steps


def _line(played: Played) -> str:
    outcome = "refused: " + ", ".join(played.refused) if played.refused else ", ".join(played.events)
    if played.problems:
        outcome = "; ".join(f"{path}: {_what(codes, played.sentences)}" for path, codes in played.problems.items())
    mark = "" if played.went_as_said else "   << not as the script says"
    when = f"{played.step:>3}  {played.at:%Y-%m-%d %H:%M}"
    return f"{when}  {played.actor:<18} {played.do:<24} {outcome}  [{played.state}]{mark}"


def _rehearsed_file(player: Any, protocol: Protocol, language: str) -> bytes:
    from school_protocol.services.papers import issue_case_file

    document = next(iter(protocol.documents.values()))
    profile = next(iter(document.profiles.values()))
    actor = player.actor(next(role for role in profile.for_ if role in protocol.roles))
    number = next(iter(player.numbers.values()))
    data: bytes = issue_case_file(player.house, actor, number, profile.key, language).data
    return data


# ---- one case ----------------------------------------------------------------------------------------------------

_AS = click.option("--as", "username", required=True, help="The account that acts.")
_EXPECTED = click.option("--expected", type=int, help="Number of the latest event that you know of.")


@main.group("case")
def one_case() -> None:
    """Open a case, record acts, make moves, see where it stands."""


@one_case.command("open")
@click.option("--definition", required=True, help="Key of the current definition.")
@click.option("--answers", required=True, type=click.Path(exists=True, dir_okay=False))
@click.option("--act", help="The act that opens it; the report unless named.")
@click.option("--school", help="GRESA code, where you hold a role in several schools.")
@_AS
def case_open(definition: str, answers: str, act: str | None, school: str | None, username: str) -> None:
    """Open a case by a report; prints its number."""
    from school_protocol.services.opening import open_case, see_opening

    house = _house()
    actor = _actor(house, username)
    form = see_opening(house, actor, act, protocol=definition)
    opened = open_case(
        house, actor, form.act.key, _yaml(answers), token=secrets.token_hex(8), unit=school, protocol_key=definition
    )
    _say({"number": opened.number, "report": opened.report, "raised": opened.raised})


@one_case.command("act")
@click.argument("number")
@click.argument("act")
@click.option("--answers", type=click.Path(exists=True, dir_okay=False))
@click.option("--password", envvar="SCHOOL_PROTOCOL_PASSWORD", help="Where the act asks for a signature.")
@_EXPECTED
@_AS
def case_act(
    number: str, act: str, answers: str | None, password: str | None, expected: int | None, username: str
) -> None:
    """Record an act (key or code)."""
    from school_protocol.services.recording import record_act

    house = _house()
    done = record_act(
        house, _actor(house, username), number, act, _yaml(answers) if answers else {},
        expected=expected, token=secrets.token_hex(8), password=password,
    )  # fmt: skip
    _say({"event": done.seq, "raised": done.raised})


@one_case.command("move")
@click.argument("number")
@click.argument("move")
@click.option("--reason", default="")
@click.option("--depart", multiple=True, help="A need to go on without; --reason says why.")
@_EXPECTED
@_AS
def case_move(
    number: str, move: str, reason: str, depart: tuple[str, ...], expected: int | None, username: str
) -> None:
    """Make a move (key or code)."""
    from school_protocol.services.recording import make_move

    house = _house()
    done = make_move(
        house, _actor(house, username), number, move, reason=reason, departures=dict.fromkeys(depart, reason),
        expected=expected, token=secrets.token_hex(8),
    )  # fmt: skip
    _say({"event": done.seq})


@one_case.command("undo")
@click.argument("number")
@click.argument("entry", type=int)
@_EXPECTED
@_AS
def case_undo(number: str, entry: int, expected: int | None, username: str) -> None:
    """Take back one's own entry, within the minutes that the definition gives."""
    from school_protocol.services.undoing import take_back

    house = _house()
    done = take_back(house, _actor(house, username), number, entry, expected=expected, token=secrets.token_hex(8))
    _say({"event": done.seq})


@one_case.command("available")
@click.argument("number")
@click.option("--json", "as_json", is_flag=True)
@_AS
def case_available(number: str, as_json: bool, username: str) -> None:
    """Every act and move with, where it isn't open, all the reasons."""
    from school_protocol.services.showing import see_choices

    house = _house()
    choices = see_choices(house, _actor(house, username), number)
    if as_json:
        _say(
            [
                {
                    "kind": one.kind,
                    "key": one.key,
                    "open": one.is_open,
                    "reasons": [
                        {"code": reason.code, "need": reason.need, "roles": reason.roles, "acts": reason.acts,
                         "may_depart": reason.may_depart, "from": reason.from_when}
                        for reason in one.reasons
                    ],
                }
                for one in choices
            ]
        )  # fmt: skip
        return
    for one in choices:
        why = "" if one.is_open else ": " + ", ".join(reason.need or reason.code for reason in one.reasons)
        click.echo(f"{'open  ' if one.is_open else 'closed'} {one.kind:<4} {one.key}{why}")


@one_case.command("show")
@click.argument("number")
@click.option("--json", "as_json", is_flag=True)
@_AS
def case_show(number: str, as_json: bool, username: str) -> None:
    """Where a case stands and what is due, in facts that identify nobody."""
    from school_protocol.services.showing import see_case

    house = _house()
    view = see_case(house, _actor(house, username), number)
    shown = {
        "number": view.head.number,
        "state": view.head.state.key,
        "stage": view.head.stage.key,
        "level": view.head.level.code if view.head.level else None,
        "event": view.head.seq,
        "dangers": [{"danger": line.danger.key, "state": line.state} for line in view.dangers],
        "due": [{"duty": line.duty.key, "by": line.due_at} for line in view.duties if line.state == "due"],
        "next": [line.move.key for line in view.next_moves if line.is_open],
    }
    if as_json:
        _say(shown)
        return
    for key, value in shown.items():
        click.echo(f"{key}: {value}")


@main.group("cases")
def many_cases() -> None:
    """Lists of cases: nothing personal in them."""


@many_cases.command("list")
@click.option("--filter", "chosen", default="open", type=click.Choice(["open", "late", "today", "ended"]))
@click.option("--after", help="Cursor of the page before.")
@click.option("--json", "as_json", is_flag=True)
@_AS
def cases_list(chosen: str, after: str | None, as_json: bool, username: str) -> None:
    """The cases that this account sees, by what is due next."""
    from school_protocol.services.desk import see_desk

    house = _house()
    desk = see_desk(house, _actor(house, username), filter=chosen, after=after)
    if as_json:
        _say(
            {
                "cases": [
                    {"number": line.number, "state": line.state.key, "level": line.level.code if line.level else None,
                     "due": line.due.key if line.due else None, "due_at": line.due_at, "school": line.unit.code}
                    for line in desk.lines
                ],
                "after": desk.after,
            }
        )  # fmt: skip
        return
    for line in desk.lines:
        click.echo(f"{line.number}  {line.unit.code}  {line.state.key:<24} {line.tone:<6} {line.due_at or ''}")
    if desk.after:
        click.echo(f"more: --after {desk.after}", err=True)


# ---- documents, journal ------------------------------------------------------------------------------------------


@main.group("case-file")
def case_files() -> None:
    """The case file as PDF."""


@case_files.command("issue")
@click.argument("number")
@click.option("--language", default="fr", show_default=True)
@click.option("--profile", default="supervisor", show_default=True)
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False))
@_AS
def case_file_issue(number: str, language: str, profile: str, output: str, username: str) -> None:
    """Issue a copy; the issuing is an event of the case."""
    from school_protocol.services.papers import issue_case_file

    house = _house()
    issued = issue_case_file(house, _actor(house, username), number, profile, language)
    Path(output).write_bytes(issued.data)
    click.echo(f"{output}: copy {issued.copy}, {len(issued.data)} bytes", err=True)


@main.group()
def journal() -> None:
    """The chain of every case."""


@journal.command("verify")
@click.option("--json", "as_json", is_flag=True)
def journal_verify(as_json: bool) -> None:
    """Check every chain; exit 1 and the first bad entry if something was touched."""
    from school_protocol.services.journal import verify_journal

    breaks = verify_journal(_house())
    if as_json:
        _say([{"case": one.case_id, "event": one.seq, "flaw": one.flaw.value} for one in breaks])
    for one in breaks[:1] if not as_json else ():
        click.echo(f"case {one.case_id}, event {one.seq}: {one.flaw.value}")
    if breaks:
        sys.exit(1)
    click.echo("every chain holds", err=True)


@main.group("index")
def index_group() -> None:
    """The deletable index of cases."""


@index_group.command("rebuild")
def index_rebuild() -> None:
    """Write every index row anew from the events."""
    from school_protocol.services.journal import rebuild_index

    with click.progressbar(length=1, label="cases", file=sys.stderr) as bar:

        def step(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        count = rebuild_index(_house(), step)
    click.echo(f"{count} cases", err=True)


# ---- words -------------------------------------------------------------------------------------------------------


@main.group()
def words() -> None:
    """Everything that is said to people."""


@words.command("sheet")
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Where to write it: .html or .csv.")
@click.option("--definition", "definitions", multiple=True, type=click.Path(exists=True, dir_okay=False))
@click.option("--language", default="fr", show_default=True, help="Of the sheet's own headings.")
@click.option("--missing", is_flag=True, help="Print what lacks something; exit 1 if anything does.")
def words_sheet(output: str | None, definitions: tuple[str, ...], language: str, missing: bool) -> None:
    """Write every text, its languages side by side: of pages, papers and these definitions (else those shipped)."""
    from school_protocol.documents.word_sheet import word_sheet_csv, word_sheet_html
    from school_protocol.services.sheet import word_sheet
    from school_protocol.wording import Wording

    writers = {".html": word_sheet_html, ".csv": word_sheet_csv}
    if output is None and not missing:
        raise click.UsageError("say where to write it (-o), or ask what is --missing")
    if output is not None and Path(output).suffix not in writers:
        raise click.UsageError("a sheet is written as .html or .csv")
    sheet = word_sheet([Path(one) for one in definitions])
    if output is not None:
        Path(output).write_text(writers[Path(output).suffix](sheet, Wording(language)), "utf-8")
    click.echo(f"{len(sheet.rows)} texts, {len(sheet.gaps)} lack something", err=True)
    for row in sheet.gaps if missing else ():
        found = (f"{mark.language}: {mark.kind} {mark.detail}".strip() for mark in row.gaps)
        click.echo(f"{row.source}: {'; '.join(found)}")
    if missing and sheet.gaps:
        sys.exit(1)


# ---- running -----------------------------------------------------------------------------------------------------


@main.group()
def demo() -> None:
    """The demo: two academies, four schools, every role, cases in every stage."""


@demo.command("prepare")
@click.option("--reset", is_flag=True, help="Start afresh.")
def demo_prepare(reset: bool) -> None:
    """Make the demo's data where there is none yet, and print its accounts."""
    from school_protocol.services.demo import prepare

    accounts = prepare(
        settings_from(os.environ),
        reset=reset,
        password=os.environ.get("SCHOOL_PROTOCOL_DEMO_PASSWORD"),
        say=lambda line: click.echo(line, err=True),
    )
    click.echo(accounts.table())


@main.group()
def users() -> None:
    """Accounts."""


@users.command("address")
@click.argument("username")
@click.option("--email", help="Where mail reaches them; nothing between the quotes takes it away.")
@click.option("--phone", help="Where urgent short messages reach them.")
def users_address(username: str, email: str | None, phone: str | None) -> None:
    """Say where messages reach an account; prints what is kept."""
    from school_protocol.services.notices import keep_address

    kept = keep_address(_house(), username, email=email, phone=phone)
    _say({"username": kept.username, "email": kept.email, "phone": kept.phone})


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=5000, show_default=True)
@click.option("--no-worker", is_flag=True, help="Leave messages to `school-protocol worker`.")
def serve(host: str, port: int, no_worker: bool) -> None:
    """Serve the site, and deliver its messages."""
    import waitress

    from school_protocol import jobs
    from school_protocol.web import create_app

    house = _house()
    queue = jobs.queue_of(house)
    app = create_app(house, ring=queue.ring)
    with nullcontext() if no_worker else jobs.working(queue):
        click.echo(f"http://{host}:{port}/")
        waitress.serve(app, host=host, port=port, threads=8, ident=None)


@main.command()
def worker() -> None:
    """Deliver messages and climb the steps of deadlines, without serving the site."""
    from school_protocol import jobs

    jobs.work(_house())


@main.command()
def doctor() -> None:
    """Say what this installation has, and what it lacks."""
    from school_protocol.documents import rendering
    from school_protocol.services.directory import schools_without_calendar

    house = _house()
    click.echo(f"data: {house.settings.data}")
    for protocol in house.library.every():
        click.echo(f"definition: {protocol.protocol} {protocol.version} ({protocol.digest[:12]})")
    click.echo(f"documents: {rendering.missing() or 'can be made'}")
    for code in schools_without_calendar(house):
        click.echo(f"no calendar: school {code}, nor anything above it: nothing can be reported there", err=True)
    _say_post(house)


def _say_post(house: House) -> None:
    """How messages leave the house, and what waits."""
    from school_protocol.post import PostMisconfigured, post_of
    from school_protocol.services.notices import see_waiting

    waiting = see_waiting(house)
    try:
        post = post_of(house.settings)
    except PostMisconfigured as wrong:
        click.echo(f"post: {wrong}", err=True)
    else:
        for name, way, count, setting in (
            ("mail", post.mail, waiting.mail, "SCHOOL_PROTOCOL_SMTP"),
            ("short messages", post.sms, waiting.sms, "SCHOOL_PROTOCOL_SMS_HOOK"),
        ):
            how = "goes out" if way else f"no way out: set {setting}"
            click.echo(f"{name}: {how}; {count} waiting", err=way is None)
    if not house.settings.address:
        click.echo("messages don't say where the desk is: set SCHOOL_PROTOCOL_ADDRESS", err=True)
    if waiting.without_address:
        click.echo(f"{waiting.without_address} active accounts have no mail address: see users address", err=True)


if __name__ == "__main__":
    main()
