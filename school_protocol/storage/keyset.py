"""Paging by key: a page begins after the last row of the one before, so its cost doesn't grow with its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, literal, tuple_
from sqlalchemy.orm import InstrumentedAttribute

Columns = Sequence[InstrumentedAttribute[Any]]


def beyond(columns: Columns, values: Sequence[object]) -> ColumnElement[bool]:
    """Rows that come after `values` in the ascending order of `columns`."""
    found: ColumnElement[bool] = tuple_(*columns) > _typed(columns, values)
    return found


def before(columns: Columns, values: Sequence[object]) -> ColumnElement[bool]:
    """Rows that come after `values` in the descending order of `columns`."""
    found: ColumnElement[bool] = tuple_(*columns) < _typed(columns, values)
    return found


def _typed(columns: Columns, values: Sequence[object]) -> Any:
    pairs = zip(columns, values, strict=True)
    return tuple_(*(literal(value, column.type) for column, value in pairs))
