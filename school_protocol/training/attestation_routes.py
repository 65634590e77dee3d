"""Routes after a workshop: who attended and passed, certificates, the register; a trainer's own scenarios."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from flask import Response, current_app, flash, make_response, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue

from school_protocol.context import today_for
from school_protocol.engine.errors import BadInput, SentBefore, Unseen
from school_protocol.engine.visibility import Permission
from school_protocol.language import ZONE
from school_protocol.pdf.presenters import error_message
from school_protocol.pdf.rendering import missing
from school_protocol.pdf.verdicts import SealingError
from school_protocol.people import presenters as people_presenters
from school_protocol.people import spreadsheets
from school_protocol.people.spreadsheets import Unreadable
from school_protocol.people.teams import TeamRefused
from school_protocol.storage.case_numbers import format_number
from school_protocol.training import attestation_service, certificates, routes, scenario_library, scenario_presenters
from school_protocol.training.attestation_service import FIELDS, HEADINGS, RESULTS, AttestView, Typed
from school_protocol.training.certificates import RegisterLine
from school_protocol.training.repository import UploadState
from school_protocol.training.room_store import is_laptop
from school_protocol.training.scenario_reader import LARGEST
from school_protocol.ui import sessions
from school_protocol.ui.forms import new_token, one_for_each
from school_protocol.ui.rendering import wording
from school_protocol.ui.routing import Pages

attesting_blueprint = Pages("workshops", __name__, part="attesting", asks=Permission.train, url_prefix="/workshops")

CSV = "text/csv; charset=utf-8"
ROWS = 5
"""So many empty lines stand in the form."""
ROWS_MOST = 60
CURSOR_MOST = 80
LINES_BYTES = 400_000
_Problems = Mapping[str, tuple[str, ...]]


# ---- entering ----------------------------------------------------------------------------------------------------


@attesting_blueprint.route("/<workshop>/attest", methods=["GET", "POST"], is_long=True)
def attest(workshop: str) -> ResponseReturnValue:
    """Who was entered, and the form; sent, what would become of each line."""
    view = attestation_service.see_attest(sessions.ctx(), sessions.actor(), workshop)
    if request.method != "POST":
        return _page(view)
    try:
        if request.form.get("do") == "edit":
            return _page(view, _kept_lines())
        return _preview_page(view, _sent_lines())
    except Unreadable as error:
        return _page(view, unreadable=scenario_presenters.unreadable(wording(), error)), 422
    except BadInput as error:
        return _page(view, _form_lines(), problems=error.problems), 422
    except TeamRefused as error:
        return _page(view, obstacles=_obstacles(error)), 409


def _sent_lines() -> tuple[Typed, ...]:
    """The people of the file that was sent, else of the form. Raises Unreadable."""
    sent = request.files.get("file")
    if sent is not None and sent.filename:
        return attestation_service.from_csv(sent.stream.read(spreadsheets.LARGEST + 1))
    return _form_lines()


def _form_lines() -> tuple[Typed, ...]:
    form = request.form
    cells = ("name", "username", "result")
    return attestation_service.typed_lines(
        {cell: form.get(f"{cell}-{place}", "") for cell in cells} for place in range(1, ROWS_MOST + 1)
    )


def _kept_lines() -> tuple[Typed, ...]:
    """The lines that the preview carries. Raises BadInput."""
    text = request.form.get("lines", "")
    try:
        told = json.loads(text) if len(text) <= LINES_BYTES else None
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, list) or len(told) > attestation_service.LINES_MOST:
        raise BadInput({"lines": ("required",)})
    lines = [one for one in told if isinstance(one, list) and len(one) == 4 and all(isinstance(x, str) for x in one)]
    return attestation_service.typed_lines(
        dict(zip(("line", "name", "username", "result"), one, strict=True)) for one in lines
    )


def _page(
    view: AttestView, lines: Sequence[Typed] = (), *, problems: _Problems | None = None, unreadable: str = "",
    obstacles: Sequence[str] = (), unsealed: str = "", before: int | None = None,
) -> str:  # fmt: skip
    rows = max(ROWS, min(len(lines) + 2, ROWS_MOST))
    return render_template(
        "training/attest.html", view=view, lines=lines, rows=range(1, rows + 1), results=RESULTS,
        result_label=lambda key: scenario_presenters.result(wording(), key),
        result_of=lambda one: scenario_presenters.result_of(wording(), one),
        reason_said=lambda code: people_presenters.reason(wording(), code), problems=problems or {},
        unreadable=unreadable, obstacles=obstacles, unsealed=unsealed, before=before, token=new_token(),
        fields=FIELDS, headings=HEADINGS, most=attestation_service.LINES_MOST, minutes=attestation_service.MINUTES,
        held_on=request.form.get("held_on") or view.day.isoformat(),
        lasted=request.form.get("minutes") or str(view.minutes), missing=missing(),
        today=today_for(sessions.ctx()),
    )  # fmt: skip


def _preview_page(view: AttestView, lines: Sequence[Typed], obstacles: Sequence[str] = ()) -> str:
    held_on, minutes = request.form.get("held_on", "")[:20], request.form.get("minutes", "")[:8]
    shown = attestation_service.preview(sessions.ctx(), sessions.actor(), view.workshop.id, lines, held_on, minutes)
    w = wording()
    carried = json.dumps([[str(one.line), one.name, one.username, one.result] for one in lines], ensure_ascii=False)
    return render_template(
        "training/attest_preview.html", view=view, shown=shown, carried=carried, token=new_token(),
        obstacles=obstacles, problems_said=lambda one: scenario_presenters.problems(w, one),
        result_label=lambda key: scenario_presenters.result(w, key),
    )  # fmt: skip


@attesting_blueprint.post("/<workshop>/attest/confirm", is_long=True)
def confirm(workshop: str) -> ResponseReturnValue:
    """Enter what the page showed, by its digest."""
    ctx, actor = sessions.ctx(), sessions.actor()
    view = attestation_service.see_attest(ctx, actor, workshop)
    lines: tuple[Typed, ...] = ()
    try:
        lines = _kept_lines()
        done = attestation_service.attest(
            ctx, actor, workshop, lines, request.form.get("held_on", "")[:20], request.form.get("minutes", "")[:8],
            request.form.get("digest", "")[:64], token=request.form.get("token", "")[:100] or new_token(),
        )  # fmt: skip
    except BadInput as error:
        return _page(view, problems=error.problems), 422
    except TeamRefused as error:
        return _preview_page(view, lines, _obstacles(error)), 409
    except SentBefore:
        return _page(view, obstacles=[wording()._("This form was recorded already.")]), 409
    w = wording()
    flash(w.ngettext("One person was entered.", "%(num)d people were entered.", done.entered), "ok")
    return redirect(url_for("workshops.attest", workshop=workshop), 303)


def _obstacles(error: TeamRefused) -> list[str]:
    return [scenario_presenters.obstacle(wording(), one) for one in error.obstacles]


# ---- one that was entered ----------------------------------------------------------------------------------------


@attesting_blueprint.post("/<workshop>/attest/<attestation>/certificate")
def certificate(workshop: str, attestation: str) -> ResponseReturnValue:
    """One copy of a certificate."""
    ctx, actor = sessions.ctx(), sessions.actor()
    view = attestation_service.see_attest(ctx, actor, workshop)
    if missing():
        return _page(view), 503
    language = request.form.get("language", "")[:8]
    token = one_for_each(f"{attestation}.{language}")
    try:
        name, data = certificates.issue(ctx, actor, workshop, attestation, language, token=token)
    except SentBefore as error:
        return _page(view, before=error.outcome["copy"]), 409
    except SealingError as error:
        current_app.logger.exception("a certificate could not be sealed")
        return _page(view, unsealed=error_message(wording(), error)), 503
    return send_file(BytesIO(data), "application/pdf", as_attachment=True, download_name=name)


@attesting_blueprint.route("/<workshop>/attest/<attestation>/withdraw", methods=["GET", "POST"])
def withdraw(workshop: str, attestation: str) -> ResponseReturnValue:
    """Why it counts no more."""
    ctx, actor = sessions.ctx(), sessions.actor()
    view = attestation_service.see_attest(ctx, actor, workshop)
    line = next((one for one in view.lines if one.attestation.id == attestation), None)
    if line is None:
        raise Unseen(attestation)
    known: dict[str, Any] = {"view": view, "line": line, "reasons": attestation_service.WITHDRAW_REASONS}
    known["reason_said"] = lambda code: people_presenters.reason(wording(), code)
    problems: _Problems = {}
    obstacles: list[str] = []
    if request.method == "POST":
        try:
            attestation_service.withdraw(
                ctx, actor, workshop, attestation, reason=request.form.get("reason", "")[:40],
                sentence=request.form.get("sentence", "")[:1000],
                token=request.form.get("token", "")[:100] or new_token(),
            )  # fmt: skip
        except BadInput as error:
            problems = error.problems
        except TeamRefused as error:
            obstacles = _obstacles(error)
        except SentBefore:
            obstacles = [wording()._("This form was recorded already.")]
        else:
            flash(wording()._("It was withdrawn. Whoever checks the certificate is told so."), "ok")
            return redirect(url_for("workshops.attest", workshop=workshop), 303)
    page = render_template(
        "training/attest_withdraw.html", **known, problems=problems, obstacles=obstacles, token=new_token()
    )
    return page, 422 if problems else 409 if obstacles else 200


# ---- the register ------------------------------------------------------------------------------------------------


@attesting_blueprint.get("/register", asks=Permission.see_certificates)
def register() -> ResponseReturnValue:
    """What the trainers of one's academy attested."""
    after = request.args.get("after", "")
    if len(after) > CURSOR_MOST:
        raise Unseen("register")
    view = certificates.see_register(sessions.ctx(), sessions.actor(), ending=_is_ending(), after=after)
    w = wording()
    return render_template(
        "training/register.html", view=view, result_of=lambda one: scenario_presenters.result_of(w, one)
    )


@attesting_blueprint.get("/register.csv", asks=Permission.see_certificates)
def register_list() -> ResponseReturnValue:
    """The same, whole, for a spreadsheet."""
    w = wording()
    head = [
        w._("Certificate no."), w._("Name"), w._("Held on"), w._("Workshop"), w._("Result"), w._("Valid until"),
        w._("Trainer"), w._("Withdrawn on"),
    ]  # fmt: skip

    def say(line: RegisterLine) -> Sequence[str]:
        one = line.attestation
        return [
            format_number(one.number), one.name or w._("(can’t be read)"), one.held_on.isoformat(),
            w.text(one.titles[attestation_service.SCENARIO_TITLE]), scenario_presenters.result_of(w, one),
            one.valid_until.isoformat() if one.valid_until else "", line.trainer,
            one.withdrawn.at.astimezone(ZONE).date().isoformat() if one.withdrawn else "",
        ]  # fmt: skip

    found = certificates.register_list(sessions.ctx(), sessions.actor(), head, say, ending=_is_ending())
    return Response(found, content_type=CSV, headers={"Content-Disposition": 'attachment; filename="register.csv"'})


def _is_ending() -> bool:
    return request.args.get("show") == "ending"


# ---- a trainer's scenarios: the file, how checking it goes, its faults, what can be done with it -------------------

own_scenarios_blueprint = Pages(
    "workshops", __name__, part="own_scenarios", asks=Permission.train, url_prefix="/workshops"
)

YAML = "application/yaml"


@own_scenarios_blueprint.route("/scenarios", endpoint="scenarios", methods=["GET", "POST"], is_long=True)
def _index() -> ResponseReturnValue:
    """What one brought, and where another file is chosen."""
    if request.method != "POST":
        return _list_page()
    sent = request.files.get("file")
    content = sent.stream.read(LARGEST + 1) if sent is not None else b""
    name = (sent.filename or "") if sent is not None else ""
    try:
        upload = scenario_library.bring(sessions.ctx(), routes.trainer(), content, name)
    except BadInput as error:
        return _list_page(problem=error.problems["file"][0], is_empty=bool(name)), 422
    sessions.ring()
    return redirect(url_for("workshops.scenario", upload=upload), 303)


def _list_page(*, problem: str = "", is_empty: bool = False) -> str:
    return render_template(
        "training/scenarios.html", uploads=scenario_library.see_own(sessions.ctx(), routes.trainer()),
        who=scenario_library.name_of(sessions.ctx(), routes.trainer()), problem=problem,
        is_empty=is_empty, most=LARGEST // 1024, can_print=missing() is None,
    )  # fmt: skip


@own_scenarios_blueprint.get("/scenarios/<upload>", endpoint="scenario")
def _show(upload: str) -> ResponseReturnValue:
    """One file: being checked, its faults, or the scenario that it is. While it is checked the page comes again."""
    view = scenario_library.see_upload(sessions.ctx(), routes.trainer(), upload, wording().language)
    waits = view.upload.state == UploadState.waiting
    page = render_template(
        "training/scenario.html", view=view, most=LARGEST // 1024, can_print=missing() is None,
        who=scenario_library.name_of(sessions.ctx(), routes.trainer()),
    )  # fmt: skip
    response = make_response(page)
    if waits:
        response.headers["Refresh"] = routes.UNDER_WAY
        if is_laptop(sessions.ctx()):
            sessions.ring()
    return response


@own_scenarios_blueprint.get("/scenarios/<upload>/file", endpoint="scenario_file")
def _file(upload: str) -> ResponseReturnValue:
    """The file as it was brought."""
    found = scenario_library.file_of(sessions.ctx(), routes.trainer(), upload)
    return send_file(BytesIO(found.content), YAML, as_attachment=True, download_name=found.file)


@own_scenarios_blueprint.post("/scenarios/<upload>/withdraw", endpoint="scenario_withdraw")
def _withdraw(upload: str) -> ResponseReturnValue:
    """It is offered no more."""
    if scenario_library.withdraw(sessions.ctx(), routes.trainer(), upload):
        flash(wording()._("Withdrawn: no new workshop can be made of it. Rooms that play it go on."), "ok")
    return redirect(url_for("workshops.scenario", upload=upload))
