"""No real case before the list is signed; nothing that has begun is ever shut; no door is forgotten."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import pytest
from engine.telling import REPORT
from signing_off import another, asked, make_ready, prove, sign_all
from sqlalchemy import func, select

from school_protocol.cases import intake, opening_gate
from school_protocol.cases.opening_gate import ITEMS, KEYS, LACKS
from school_protocol.config import Settings, settings_from
from school_protocol.engine.errors import BadInput, NotOpenYet, Unseen
from school_protocol.engine.visibility import Actor
from school_protocol.notifications import repository as notifications_repository
from school_protocol.ops import going_live
from school_protocol.people.teams import TeamRefused
from school_protocol.storage import administration_log
from school_protocol.storage.administration_log import Kind
from school_protocol.storage.models import AdministrationLinkRow
from school_protocol.training.room_store import open_laptop, settings_of
from services.conftest import School
from services.telling_school import Told
from services.tokening import administrator

CODE = Path(intake.__file__).parents[1]


@pytest.fixture
def new(school: School) -> School:
    """An installation without any case, which asks for the list."""
    school.player.ctx = asked(school.ctx)
    return school


@pytest.fixture
def chief(new: School) -> Actor:
    return administrator(new.player)


def opens(school: School) -> bool:
    try:
        school.report()
    except NotOpenYet:
        return False
    return True


# ---- the gate --------------------------------------------------------------------------------------------------------


def test_settings_of_an_environment_always_ask_and_no_variable_says_otherwise() -> None:
    assert settings_from({}).keeps_shut
    assert not Settings(data=Path("x")).keeps_shut, "installations of tests and rooms are not asked"
    assert settings_from({f"SCHOOL_PROTOCOL_{name}": "0" for name in ("KEEPS" + "_SHUT", "GO" + "_LIVE")}).keeps_shut


def test_nothing_else_in_the_program_lifts_it() -> None:
    found = [path for path in CODE.rglob("*.py") if "keeps_shut" in path.read_text("utf-8")]
    assert {str(path.relative_to(CODE)) for path in found} == {"config.py", "cases/opening_gate.py"}


@pytest.mark.exhaustive
def test_a_case_is_opened_once_every_item_is_signed_and_not_before(new: School, chief: Actor) -> None:
    other = another(new.ctx, chief)
    assert not opens(new)
    sign_all(new.ctx, chief, other, without=KEYS[-1])
    assert not opens(new), "one is missing"
    going_live.sign(new.ctx, chief, KEYS[-1], "n° 12")
    assert not opens(new), "one person signs nothing alone"
    going_live.sign(new.ctx, other, KEYS[-1], "vu")
    going_live.withdraw(new.ctx, chief, KEYS[0], "expirée")
    assert not opens(new), "what was taken back is missing again"
    for who in (chief, other):
        going_live.sign(new.ctx, who, KEYS[0], "n° 13")
    assert opens(new)


def test_where_it_is_not_asked_everything_opens(school: School) -> None:
    """The control of all that is refused here."""
    assert opens(school)


@pytest.mark.exhaustive
def test_what_has_begun_goes_on_whatever_is_missing(school: School) -> None:
    """An installation from before the list: no child is shut out."""
    assert opens(school)
    school.player.ctx = asked(school.ctx)
    assert opens(school)
    assert not opening_gate.is_shut(school.ctx)
    found = going_live.standing(school.ctx)
    assert found is not None
    assert (found.missing, found.is_shut) == (len(ITEMS), False)


@pytest.mark.exhaustive
def test_a_signature_taken_back_shuts_nothing_that_has_begun(new: School, chief: Actor) -> None:
    sign_all(new.ctx, chief)
    assert opens(new)
    going_live.withdraw(new.ctx, chief, "cndp", "retirée")
    assert opens(new)


@pytest.mark.exhaustive
def test_a_public_report_from_before_is_a_beginning_too(school: School) -> None:
    Told(school).send()
    school.player.ctx = asked(school.ctx)
    assert opens(school)


@pytest.mark.exhaustive
def test_demos_laptops_and_workshops_are_never_asked(new: School, tmp_path: Path) -> None:
    assert opening_gate.is_shut(new.ctx), "the control"
    assert not opening_gate.is_shut(replace(new.ctx, name="workshop-1"))
    laptop = open_laptop(new.ctx.settings, new.ctx.clock)
    assert not opening_gate.is_shut(laptop)
    laptop.close()
    assert not settings_of(new.ctx.settings).keeps_shut
    with new.ctx.directory.writing() as session:
        notifications_repository.mark_as_demo(session, at=new.ctx.now())
    assert not opening_gate.is_shut(new.ctx)
    assert going_live.standing(new.ctx) is None
    assert opens(new)


@pytest.mark.exhaustive
def test_once_begun_nothing_is_asked_of_the_stores(new: School, chief: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_all(new.ctx, chief)
    assert opens(new)
    opening_gate.refuse_unopened(new.ctx)
    monkeypatch.setattr(type(new.ctx.realm), "reading", None)
    opening_gate.refuse_unopened(new.ctx)


# ---- who signs -------------------------------------------------------------------------------------------------------


def test_only_who_administers_accounts_at_the_top_signs(new: School, chief: Actor) -> None:
    below = administrator(new.player, "below", new.player.school)
    for actor in (below, new.person("head"), new.person("academy"), new.person("team_coordinator")):
        assert not going_live.may_sign(new.ctx, actor)
        with pytest.raises(Unseen):
            going_live.see_list(new.ctx, actor)
        for act in (going_live.sign, going_live.withdraw):
            with pytest.raises(Unseen):
                act(new.ctx, actor, "cndp", "n° 1")
    assert going_live.may_sign(new.ctx, chief)
    with pytest.raises(TeamRefused) as refused:
        going_live.sign(new.ctx, chief, "cndp", "n° 1")
    assert [one.code for one in refused.value.obstacles] == ["no_second_step"], "by a password alone nobody signs"
    make_ready(new.ctx, chief)
    going_live.sign(new.ctx, chief, "cndp", "n° 1")
    assert [title.in_language("en") for title, _place in going_live.signers(new.ctx, "en")] == [
        "Technical administrator"
    ]


def test_what_is_signed_is_said_with_who_when_and_what(new: School, chief: Actor) -> None:
    make_ready(new.ctx, chief)
    going_live.sign(new.ctx, chief, "cndp", "  D-W-412/2026\n du 3 mars ")
    new.wait(days=1)
    going_live.withdraw(new.ctx, administrator(new.player, "second"), "cndp", "mauvais numéro")
    (line,) = [one for one in going_live.see_list(new.ctx, chief).lines if one.item.key == "cndp"]
    assert line.signed == ()
    assert [(one.signs, one.username, one.reference) for one in line.entries] == [
        (False, "second", "mauvais numéro"), (True, "chief", "D-W-412/2026 du 3 mars"),
    ]  # fmt: skip


@pytest.mark.parametrize(("words", "code"), [("", "required"), (" \n", "required"), ("x" * 201, "too_long:200")])
def test_a_reference_is_one_sentence(new: School, chief: Actor, words: str, code: str) -> None:
    with pytest.raises(BadInput) as caught:
        going_live.sign(new.ctx, chief, "cndp", words)
    assert caught.value.problems == {"reference": (code,)}
    with pytest.raises(Unseen):
        going_live.sign(new.ctx, chief, "nothing", "n° 1")


def test_nothing_is_signed_or_taken_back_twice(new: School, chief: Actor) -> None:
    with pytest.raises(TeamRefused):
        going_live.withdraw(new.ctx, chief, "cndp", "x")
    others = [another(new.ctx, chief, name) for name in ("second", "third")]
    make_ready(new.ctx, chief, *others)
    going_live.sign(new.ctx, chief, "cndp", "n° 1")
    with pytest.raises(TeamRefused):
        going_live.sign(new.ctx, chief, "cndp", "n° 1")
    going_live.sign(new.ctx, others[0], "cndp", "vu")
    with pytest.raises(TeamRefused):
        going_live.sign(new.ctx, others[1], "cndp", "un de trop")
    with new.ctx.directory.reading() as session:
        assert len(administration_log.of_draft(session, opening_gate.LIST)) == 2


# ---- what the program sees for itself --------------------------------------------------------------------------------


def refused_for(school: School, actor: Actor, item: str) -> list[str]:
    try:
        going_live.sign(school.ctx, actor, item, "test x")
    except TeamRefused as refused:
        return [one.code for one in refused.obstacles]
    return []


SEEN = {
    "recovery": "no_recovery", "drill": "no_drill", "second": "no_second", "contacts": "not_called",
    "retention": "no_data_officer",
}  # fmt: skip


@pytest.mark.parametrize("item", SEEN)
def test_what_is_not_so_is_not_signed_whatever_is_written(new: School, chief: Actor, item: str) -> None:
    with new.ctx.directory.writing() as session:
        prove(new.ctx, session, chief)
    assert refused_for(new, chief, item) == [SEEN[item]]
    make_ready(new.ctx, chief, another(new.ctx, chief))
    assert refused_for(new, chief, item) == []


def test_an_exercise_of_long_ago_is_none(new: School, chief: Actor) -> None:
    make_ready(new.ctx, chief)
    new.wait(days=36)
    assert refused_for(new, chief, "drill") == ["no_drill"]


def test_each_lack_is_said_and_every_other_item_is_for_people_alone(new: School, chief: Actor) -> None:
    assert {*SEEN.values(), "no_second_step"} == set(LACKS)
    lines = {one.item.key: one.lack for one in going_live.see_list(new.ctx, chief).lines}
    assert {key: lack for key, lack in lines.items() if lack} == SEEN


def test_entries_keep_their_order_when_a_clock_went_back(new: School, chief: Actor) -> None:
    make_ready(new.ctx, chief)
    going_live.sign(new.ctx, chief, "cndp", "n° 1")
    new.wait(hours=-5)
    going_live.withdraw(new.ctx, chief, "cndp", "x")
    assert signed_for(new, "cndp") == []
    new.wait(hours=-5)
    going_live.sign(new.ctx, chief, "cndp", "n° 2")
    assert signed_for(new, "cndp") == ["n° 2"]


def signed_for(school: School, item: str) -> list[str]:
    (line,) = [one for one in going_live.list_of(school.ctx, "fr").lines if one.item.key == item]
    return [entry.reference for entry in line.signed]


def test_each_entry_is_in_the_chain_of_administration_and_in_no_team(new: School, chief: Actor) -> None:
    other = another(new.ctx, chief)
    make_ready(new.ctx, chief, other)
    before = _links(new)
    sign_all(new.ctx, chief, other)
    assert _links(new) == before + 2 * len(KEYS)
    assert {Kind.go_live_signed, Kind.go_live_withdrawn} == administration_log.OF_GOING_LIVE
    others = (
        administration_log.OF_PEOPLE
        | administration_log.OF_STAFF
        | administration_log.OF_IDENTITY
        | administration_log.OF_SYSTEMS
    )
    assert not administration_log.OF_GOING_LIVE & others


def _links(school: School) -> int:
    with school.ctx.directory.reading() as session:
        return session.scalar(select(func.count()).select_from(AdministrationLinkRow)) or 0


# ---- every door ------------------------------------------------------------------------------------------------------


def _staff(school: School) -> None:
    school.report()


def _rehearsed(school: School) -> None:
    intake.rehearse_opening(school.ctx, school.person("team_member"), "report", REPORT)


def _danger(school: School) -> None:
    answers = {"which_danger": "self_harm"}
    intake.open_case(school.ctx, school.person("team_member"), "raise_danger", answers, token=school.token())


def _form(school: School) -> None:
    intake.see_opening(school.ctx, school.person("team_member"))


def _public(school: School) -> None:
    Told(school).send()


DOORS: dict[str, Callable[[School], None]] = {
    "report": _staff, "rehearsed": _rehearsed, "danger": _danger, "form": _form, "public": _public,
}  # fmt: skip


@pytest.mark.parametrize("door", DOORS)
def test_each_door_is_shut(new: School, door: str) -> None:
    with pytest.raises(NotOpenYet):
        DOORS[door](new)


@pytest.mark.parametrize("door", DOORS)
def test_each_door_opens_where_nothing_is_asked(school: School, door: str) -> None:
    """The control: it is the list that shuts it, and nothing else."""
    DOORS[door](school)


ROOTS = {
    "cases/intake.py::_open": "cases/intake.py::_open_once",
    "cases/sharing.py::open_elsewhere": "a case that is there already opens it",
    "reports/service.py::receive": "reports/service.py::receive",
}
"""Each function that writes a new case or report → where it is asked, or why it need not be."""
WRITES = {
    ("school_protocol.cases.repository", "open_case"),
    ("school_protocol.reports.repository", "keep_public_report"),
}
ELSEWHERE = {"cases/sharing.py::hand_over", "cases/sharing.py::open_contribution"}
"""Who opens a case at another school: both are given the case that does."""
ROWS = {
    "cases/repository.py::open_case", "reports/repository.py::keep_public_report", "ops/repository.py::add",
}  # fmt: skip


@lru_cache
def functions(folder: Path) -> list[tuple[str, ast.FunctionDef]]:
    """Every function below a folder, with its file and name; each file is parsed once."""
    return [
        (f"{path.relative_to(folder)}::{node.name}", node)
        for path in sorted(folder.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef)
    ]


@lru_cache
def calls(folder: Path) -> list[tuple[str, ast.Call]]:
    """Each call, with the function that it stands in."""
    found = ((name, one) for name, node in functions(folder) for one in ast.walk(node))
    return [(name, one) for name, one in found if isinstance(one, ast.Call)]


@lru_cache
def imported(file: Path) -> dict[str, str]:
    """What a file calls the modules that it imports → their full names."""
    lines = [one for one in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(one, ast.ImportFrom)]
    return {one.asname or one.name: f"{line.module}.{one.name}" for line in lines for one in line.names}


def writers(folder: Path) -> set[str]:
    """The functions that record a new case, or keep a report, by the module of the rows."""
    return {
        name
        for name, call in calls(folder)
        if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name)
        and (imported(folder / name.partition("::")[0]).get(call.func.value.id), call.func.attr) in WRITES
    }  # fmt: skip


def callers(folder: Path, called: str) -> set[str]:
    return {
        name
        for name, call in calls(folder)
        if (call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")) == called
    }


def row_makers(folder: Path) -> set[str]:
    rows = ("CaseRecordRow", "PublicReportRow")
    return {
        name
        for name, call in calls(folder)
        if (isinstance(call.func, ast.Name) and call.func.id in rows)
        or (isinstance(call.func, ast.Name) and call.func.id == "insert"
            and any(isinstance(one, ast.Name) and one.id in rows for one in call.args))
    }  # fmt: skip


@pytest.mark.exhaustive
def test_whoever_opens_a_case_or_takes_a_report_is_known_and_asks() -> None:
    assert writers(CODE) == set(ROOTS)
    found = dict(functions(CODE))
    for name, asks in ROOTS.items():
        if asks in found:
            assert "refuse_unopened" in ast.dump(found[asks]), name
    assert callers(CODE, "_open") >= {"cases/intake.py::_open_once"}
    assert {one for one in callers(CODE, "_open") if one.startswith("cases/intake")} == {"cases/intake.py::_open_once"}
    assert callers(CODE, "open_elsewhere") == ELSEWHERE
    for name in ELSEWHERE:
        assert "loaded" in {one.arg for one in found[name].args.args}, "a case is at hand"
    assert row_makers(CODE) == ROWS


def test_a_door_that_somebody_adds_is_found(tmp_path: Path) -> None:
    """The control of the one above."""
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "new.py").write_text(
        "from school_protocol.cases import repository as cases\n"
        "def by_fax(session):\n    cases.open_case(session)\n"
        "\ndef by_row(session):\n    session.add(CaseRecordRow(id=1))\n"
        "\ndef by_insert(session):\n    session.execute(insert(PublicReportRow), [])\n"
    )
    assert writers(tmp_path) == {"services/new.py::by_fax"}
    assert row_makers(tmp_path) == {"services/new.py::by_row", "services/new.py::by_insert"}
