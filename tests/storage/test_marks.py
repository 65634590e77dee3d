"""Marks on tables and columns, by which storage finds rows of packages that it doesn't know: here they are by name."""

from collections.abc import Mapping

import pytest
from sqlalchemy import Column, MetaData, Table

from school_protocol.storage.models import (
    FORGET_ON_RESTORE,
    LAST_SEQ,
    MADE_OF_CASE,
    NAMES_FILE,
    NEEDS_KEYS,
    DirectoryBase,
    RealmBase,
    marked_columns,
    marked_tables,
)

BASES = (DirectoryBase, RealmBase)


@pytest.mark.parametrize(
    ("mark", "names"),
    [
        (NEEDS_KEYS, {"account", "administration_link", "event"}),
        (MADE_OF_CASE, {"prepared_paper", "handed_paper", "paper_look"}),
        (FORGET_ON_RESTORE, {"web_session", "one_time_code", "calendar_feed"}),
    ],
)
def test_which_tables_are_marked(mark: Mapping[str, bool], names: set[str]) -> None:
    assert {one.name for base in BASES for one in marked_tables(base.metadata, mark)} == names


@pytest.mark.parametrize(
    ("mark", "names"),
    [
        (NAMES_FILE, {"kept_file.place", "handed_paper.place", "prepared_paper.place"}),
        (LAST_SEQ, {"case_index.last_seq"}),
    ],
)
def test_which_columns_are_marked(mark: Mapping[str, bool], names: set[str]) -> None:
    assert {str(one) for base in BASES for one in marked_columns(base.metadata, mark)} == names


def test_no_mark_is_taken_for_another() -> None:
    table = Table("one", MetaData(), Column("place", info=LAST_SEQ), info=NEEDS_KEYS)
    assert list(marked_tables(table.metadata, NEEDS_KEYS)) == [table]
    assert not [*marked_tables(table.metadata, FORGET_ON_RESTORE), *marked_columns(table.metadata, NAMES_FILE)]
