"""What all packages add to the app context stands in one list, and what is missing from it is noticed."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import fields, replace
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import Table
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

import school_protocol
from school_protocol import wiring
from school_protocol.auth.own_account import end_everywhere
from school_protocol.context import NotWired, Projection
from school_protocol.notifications import repository as notifications_repository
from school_protocol.statistics.counts import uncounted
from school_protocol.wiring import MODELS, WIRING
from services.conftest import School
from services.retaining import Keeping


def declaring(modules: Iterator[ModuleType]) -> set[str]:
    """Those of these modules that declare a table."""
    return {
        module.__name__
        for module in modules
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, DeclarativeBase) and one.__module__ == module.__name__
        if isinstance(getattr(one, "__table__", None), Table)
    }


def product() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(school_protocol.__path__, "school_protocol."):
        if not found.name.endswith("__main__"):
            yield import_module(found.name)


def test_every_module_that_declares_tables_is_listed_once() -> None:
    listed = [module.__name__ for module in MODELS]
    assert declaring(product()) == set(listed)
    assert len(set(listed)) == len(listed)


def test_one_that_is_not_listed_would_be_found() -> None:
    class OtherBase(DeclarativeBase): ...

    class OtherRow(OtherBase):
        __tablename__ = "other"
        id: Mapped[str] = mapped_column(primary_key=True)

    planted = ModuleType(OtherRow.__module__)
    planted.__dict__["OtherRow"] = OtherRow
    assert declaring(iter([planted])) == {__name__}


def test_what_the_settings_name_is_what_a_house_goes_by(school: School) -> None:
    assert school.ctx.wiring is WIRING
    with pytest.raises(NotWired, match="MODELS is no Wiring"):
        _ = replace(school.ctx, settings=replace(school.ctx.settings, wiring="school_protocol.wiring:MODELS")).wiring


# ---- what packages keep of a case ----------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", WIRING.projections, ids=lambda one: one.__module__)
def test_no_case_is_written_where_a_projection_is_missing(
    school: School, missing: Projection, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = tuple(one for one in WIRING.projections if one is not missing)
    with monkeypatch.context() as planted:
        planted.setattr(wiring, "WIRING", replace(WIRING, projections=left))
        with pytest.raises(NotWired, match="beside an index row stand"):
            school.report()
    school.report()


def test_none_says_what_another_says(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    def again(*given: object) -> object:
        return WIRING.projections[0](*given)

    monkeypatch.setattr(wiring, "WIRING", replace(WIRING, projections=(*WIRING.projections, again)))
    with pytest.raises(NotWired, match="beside an index row stand"):
        school.report()


@pytest.mark.parametrize("kind", [one.name for one in fields(WIRING) if one.name != "tables"])
def test_of_each_kind_something_is_registered_and_nothing_twice(kind: str) -> None:
    registered = getattr(WIRING, kind)
    for listed in ((), (*registered, registered[0])):
        with pytest.raises(NotWired, match=kind):
            replace(WIRING, **{kind: listed})


def plant(monkeypatch: pytest.MonkeyPatch, **instead: Callable[..., object]) -> None:
    """In place of all that is registered of a kind, something that does nothing."""
    others: Any = {kind: (one,) for kind, one in instead.items()}
    monkeypatch.setattr(wiring, "WIRING", replace(WIRING, **others))


@pytest.mark.parametrize("is_planted", [False, True])
def test_each_case_is_counted_as_it_is_written(
    school: School, is_planted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_planted:
        plant(monkeypatch, following=lambda *_given: None)
    school.report()
    assert uncounted(school.ctx) == is_planted


@pytest.mark.parametrize("is_planted", [False, True])
def test_how_long_an_ended_case_is_kept_is_written_with_what_is_decided_of_it(
    school: School, is_planted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeping = Keeping(school)
    keeping.ended("no_further_action")
    assert keeping.standing() is None, "written by no decision"
    if is_planted:
        plant(monkeypatch, endings=lambda *_given: nullcontext())
    answers = {"stage": "asked", "request": "access", "requester": "La mère", "identity_checked": "yes"}
    school.act("head", "rights_request", answers)
    assert (keeping.standing() is None) == is_planted


@pytest.mark.parametrize("is_planted", [False, True])
def test_an_address_that_reads_due_dates_ends_with_all_sessions(
    school: School, is_planted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = school.person("head")
    with school.ctx.directory.writing() as session:
        notifications_repository.make_feed(session, head.id, at=school.ctx.now())
    if is_planted:
        plant(monkeypatch, access_ended=lambda *_given: None)
    end_everywhere(school.ctx, head)
    with school.ctx.directory.reading() as session:
        assert (notifications_repository.feed_of(session, head.id) is not None) == is_planted
