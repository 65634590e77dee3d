"""What all packages add to the app context stands in one list, and what is missing from it is noticed."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from types import ModuleType

import pytest
from sqlalchemy import Table
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

import school_protocol
from school_protocol.services.house import NotWired
from school_protocol.wiring import MODELS, WIRING
from services.conftest import School


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
    assert school.house.wiring is WIRING
    with pytest.raises(NotWired, match="MODELS is no Wiring"):
        _ = replace(
            school.house, settings=replace(school.house.settings, wiring="school_protocol.wiring:MODELS")
        ).wiring
