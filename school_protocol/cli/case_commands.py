"""Commands `case`, `cases`, `evidence`, `figures` and `report`: what the desk does, for scripts."""

from __future__ import annotations

import secrets
import sys
from typing import TYPE_CHECKING

import click

from school_protocol.cli.group import (
    REFUSED,
    actor_called,
    context_and_actor,
    main,
    open_context_once,
    read_yaml,
    say,
    write_copy,
)
from school_protocol.config import known_languages

if TYPE_CHECKING:
    from collections.abc import Iterable

    from school_protocol.cases.on_paper import OnPaper
    from school_protocol.context import AppContext
    from school_protocol.publishing.move_case import CaseLine

_AS = click.option("--as", "username", required=True, help="The account that acts.")
_WRITTEN_AT = click.option(
    "--written-at", help="When it was written on paper first, as ISO date and time; without a zone, the schools' own."
)
_WRITTEN_BY = click.option("--written-by", help="The account that wrote it on paper; the one that acts unless named.")
_EXPECTED = click.option("--expected", type=int, help="Number of the latest event that you know of.")


def _paper(ctx: AppContext, written_at: str | None, written_by: str | None) -> OnPaper | None:
    """What the options say of a paper form that is typed in."""
    from school_protocol.cases.on_paper import OnPaper

    if written_at is None and written_by is None:
        return None
    return OnPaper(written_at or "", actor_called(ctx, written_by).id if written_by else "")


@main.group("case")
def one_case() -> None:
    """Open a case, record acts, make moves, see where it stands."""


@one_case.command("open")
@click.option("--definition", required=True, help="Key of the current definition.")
@click.option("--answers", required=True, type=click.Path(exists=True, dir_okay=False))
@click.option("--act", help="The act that opens it; the report unless named.")
@click.option("--school", help="GRESA code, where you hold a role in several schools.")
@_WRITTEN_AT
@_WRITTEN_BY
@_AS
def case_open(
    definition: str,
    answers: str,
    act: str | None,
    school: str | None,
    written_at: str | None,
    written_by: str | None,
    username: str,
) -> None:
    """Open a case by a report; prints its number."""
    from school_protocol.cases.intake import open_case, see_opening

    ctx, actor = context_and_actor(username)
    form = see_opening(ctx, actor, act, protocol=definition)
    opened = open_case(
        ctx, actor, form.act.key, read_yaml(answers), token=secrets.token_hex(8), unit=school,
        protocol_key=definition, paper=_paper(ctx, written_at, written_by),
    )  # fmt: skip
    say({"number": opened.number, "report": opened.report, "raised": opened.raised})


@one_case.command("act")
@click.argument("number")
@click.argument("act")
@click.option("--answers", type=click.Path(exists=True, dir_okay=False))
@click.option("--password", envvar="SCHOOL_PROTOCOL_PASSWORD", help="Where the act asks for a signature.")
@_WRITTEN_AT
@_WRITTEN_BY
@_EXPECTED
@_AS
def case_act(
    number: str,
    act: str,
    answers: str | None,
    password: str | None,
    written_at: str | None,
    written_by: str | None,
    expected: int | None,
    username: str,
) -> None:
    """Record an act (key or code), or type one in that was written on paper."""
    from school_protocol.cases.service import record_act

    ctx, actor = context_and_actor(username)
    done = record_act(
        ctx, actor, number, act, read_yaml(answers) if answers else {},
        expected=expected, token=secrets.token_hex(8), password=password, paper=_paper(ctx, written_at, written_by),
    )  # fmt: skip
    say({"event": done.seq, "raised": done.raised})


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
    from school_protocol.cases.service import make_move

    ctx, actor = context_and_actor(username)
    done = make_move(
        ctx, actor, number, move, reason=reason, departures=dict.fromkeys(depart, reason),
        expected=expected, token=secrets.token_hex(8),
    )  # fmt: skip
    say({"event": done.seq})


@one_case.command("undo")
@click.argument("number")
@click.argument("entry", type=int)
@_EXPECTED
@_AS
def case_undo(number: str, entry: int, expected: int | None, username: str) -> None:
    """Take back one's own entry, within the minutes that the definition gives."""
    from school_protocol.cases.service import take_back

    ctx, actor = context_and_actor(username)
    done = take_back(ctx, actor, number, entry, expected=expected, token=secrets.token_hex(8))
    say({"event": done.seq})


@one_case.command("available")
@click.argument("number")
@click.option("--json", "as_json", is_flag=True)
@_AS
def case_available(number: str, as_json: bool, username: str) -> None:
    """Every act and move with, where it isn't open, all the reasons."""
    from school_protocol.cases.showing import see_choices

    ctx, actor = context_and_actor(username)
    choices = see_choices(ctx, actor, number)
    if as_json:
        say(
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
    from school_protocol.cases.showing import see_case
    from school_protocol.cases.view_models import StoredDebriefLine
    from school_protocol.privacy.retention import limit_line_of

    ctx, actor = context_and_actor(username)
    view = see_case(ctx, actor, number, {"kept": limit_line_of})
    kept = view.beside["kept"]
    shown = {
        "number": view.head.number,
        "state": view.head.state.key,
        "stage": view.head.stage.key,
        "level": view.head.level.code if view.head.level else None,
        "event": view.head.seq,
        "dangers": [{"danger": line.danger.key, "state": line.state} for line in view.dangers],
        "due": [{"duty": line.duty.key, "by": line.due_at} for line in view.duties if line.state == "due"],
        "next": [line.move.key for line in view.next_moves if line.is_open],
        "kept": {"erased_from": kept.erase_on, "suspended": kept.suspended}
        if isinstance(kept, StoredDebriefLine)
        else None,
    }
    if as_json:
        say(shown)
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
    from school_protocol.cases.lists import see_desk

    ctx, actor = context_and_actor(username)
    desk = see_desk(ctx, actor, filter=chosen, after=after)
    if as_json:
        say(
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


@many_cases.command("move-version")
@click.option("--definition", required=True, help="Key of the protocol.")
@click.option("--to", "version", required=True, type=int, help="The published version to follow from now on.")
@click.option("--number", default="", help="The case; without one, all open ones of earlier versions are listed.")
@click.option("--decided", multiple=True, help="A reason (its code) for a decision, and you have decided: it moves.")
@click.option("--reason", default="", help="Why; it is kept in the case.")
@click.option("--dry-run", is_flag=True, help="Say what would become of it, and don't move it.")
@click.option("--language", default="fr", show_default=True, type=click.Choice(known_languages()))
@click.option("--json", "as_json", is_flag=True)
@_AS
def cases_move_version(
    definition: str,
    version: int,
    number: str,
    decided: tuple[str, ...],
    reason: str,
    dry_run: bool,
    language: str,
    as_json: bool,
    username: str,
) -> None:
    """Let one open case follow another version, by an event. Exit 3 where it did not, with the reasons."""
    from school_protocol.language import Wording
    from school_protocol.publishing import move_case
    from school_protocol.publishing.move_case import code_label, outcome_label

    ctx, actor = context_and_actor(username)
    refused = False
    lines: Iterable[CaseLine]
    if not number:
        lines = move_case.list_open_cases(ctx, actor, definition, version)
    elif dry_run:
        lines = [move_case.see_case(ctx, actor, definition, version, number).line]
    else:
        done = move_case.move_case(
            ctx, actor, definition, version, number, reason=reason, accepts=decided, token=secrets.token_hex(8)
        )
        lines, refused = [done.line], not done.line.is_moved
    if as_json:
        say(
            [
                {"number": one.number, "outcome": one.outcome, "moved": one.is_moved, "reasons": one.codes}
                for one in lines
            ]
        )
    else:
        w = Wording(language)
        for one in lines:
            why = " ".join(f"{code_label(w, code)} ({code})" for code in ([] if one.is_moved else one.codes))
            click.echo(f"{one.number}  {outcome_label(w, one)}" + (f": {why}" if why else ""))
    if refused:
        sys.exit(REFUSED)


# ---- `evidence`: files compared with what the database says of them ------------------------------------------------


@main.group()
def evidence() -> None:
    """Files put to pieces of evidence."""


@evidence.command("check")
def evidence_check() -> None:
    """Read every sealed file and compare it; remove what no row names. Exits with 1 if a file is missing or altered."""
    from school_protocol.privacy.evidence import file_alarms, sweep_files

    ctx = open_context_once()
    found = sweep_files(ctx)
    for alarm in file_alarms(ctx):
        click.echo(f"{alarm.at:%Y-%m-%d %H:%M}Z: {alarm.what}: {alarm.place} (case id {alarm.case_id})")
    click.echo(f"{found.lost} files missing or altered, {found.strays} left-over files removed", err=True)
    sys.exit(1 if found.lost else 0)


# ---- `figures`: the counters from which the academy's figures are told ---------------------------------------------


@main.group("figures")
def figures() -> None:
    """Figures of schools, provinces and regions, which identify nobody."""


@figures.command("rebuild")
@click.option("--json", "as_json", is_flag=True)
def rebuild(as_json: bool) -> None:
    """Count anew: open cases from their events, erased ones from what they left."""
    from school_protocol.statistics.counts import rebuild as again

    done = again(open_context_once())
    if as_json:
        say(done.as_data())
        return
    click.echo(
        f"{done.cases} cases and {done.erased} erased ones counted, {done.shares_changed} of them otherwise than "
        f"before; {done.counters} counters, {done.counters_changed} of them otherwise"
    )


# ---- `report`: what is told of a school as a whole -----------------------------------------------------------------


@main.group("report")
def reports() -> None:
    """Reports of a school, in figures that identify nobody."""


@reports.command("yearly")
@click.option("--school", required=True, help="The school's GRESA code.")
@click.option("--year", required=True, type=int, help="The calendar year in which the school year begins.")
@click.option("--language", default="fr", show_default=True)
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False))
@click.option("--as", "username", required=True, help="The account that acts.")
def report_yearly(school: str, year: int, language: str, output: str, username: str) -> None:
    """Issue a copy of a school's yearly report (PDF); it is numbered and written down."""
    from school_protocol.statistics.yearly_report import issue_yearly

    ctx, actor = context_and_actor(username)
    write_copy(output, lambda: issue_yearly(ctx, actor, school, year, language))
