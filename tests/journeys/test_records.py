"""The record of a copy: pages are derived from it alone, and it says all that they say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from handing import hand_out_as

from school_protocol.case_files.content import CaseFile
from school_protocol.case_files.pages import case_file_html
from school_protocol.case_files.record import (
    RecordFault,
    Versions,
    decoded,
    encoded,
    record_of,
    sources_of,
    view_of,
    whole_schema,
)
from school_protocol.engine.case_summary import ExcuseLine
from school_protocol.language import Wording

from .test_stories import STORIES
from .test_supervisor_copies import LANGUAGES, definition_of, issuable, issued, played

Caught = list[tuple[CaseFile, str]]


@pytest.fixture(scope="module")
def until() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def caught(monkeypatch: pytest.MonkeyPatch) -> Caught:
    """The views of copies that are issued, in place of their pages."""
    found: Caught = []

    def page(view: CaseFile, wording: Wording) -> bytes:
        found.append((view, wording.language))
        return b""

    hand_out_as(monkeypatch, page)
    return found


@pytest.mark.exhaustive(but=("fr-phare/autre_reponse",))
@pytest.mark.parametrize("name", STORIES)
def test_the_pages_are_derived_from_the_record_alone(until: ExitStack, caught: Caught, name: str) -> None:
    protocol, content = definition_of(name)
    player = played(protocol, name, until, content)
    profiles = [one for document in protocol.documents.values() for one in document.profiles.values()]
    possible = [
        (number, profile)
        for number in player.numbers.values()
        for profile in profiles
        if next(issuable(player, number, profile), None) is not None
    ]
    assert len(possible) >= 2 * len(player.numbers), "the school's copy and the supervisor's, of every case"
    for number, profile in possible:
        for language in LANGUAGES:
            issued(player, number, profile, language)
    assert len(caught) == len(possible) * len(LANGUAGES)
    from jsonschema import validate  # a second to load: for those who ask

    versions: Versions = {protocol.version: protocol}
    sources = {protocol.version: content.decode()}
    for view, language in caught:
        wording = Wording(language)
        record = record_of(view, versions, sources, wording)
        validate(record, whole_schema())
        read = decoded(encoded(record))
        assert sources_of(read) == sources
        again = view_of(read, versions)
        assert case_file_html(again, wording) == case_file_html(view, wording)


def _set(*path: str | int) -> Callable[[Any], None]:
    """Another word at that place of a record."""

    def change(record: Any) -> None:
        for step in path[:-1]:
            record = record[step]
        record[path[-1]] = "another"

    return change


def _first_said(record: Any) -> Any:
    return record["case"]["records"][0]["answers"]


def _first_field(record: Any) -> str:
    return str(record["case"]["records"][0]["said"][0]["field"])


@pytest.mark.exhaustive
def test_a_record_names_services_only_where_somebody_said_which(until: ExitStack, caught: Caught) -> None:
    """One in which nobody could be named yet is the same to the letter."""
    protocol, content = definition_of("sc3")
    player = played(protocol, "sc3", until, content)
    profile = next(iter(protocol.documents["case_file"].profiles.values()))
    for number in player.numbers.values():
        issued(player, number, profile, "fr")
    view, language = next(one for one in caught if one[0].referrals)
    versions = {protocol.version: protocol}
    for whom in ({}, {"fr": "Brigade"}):
        said = replace(view, referrals=tuple(replace(one, whom=whom) for one in view.referrals))
        record = record_of(said, versions, {protocol.version: content.decode()}, Wording(language))
        assert ["whom" in one for one in record["case"]["referrals"]] == [bool(whom)] * len(view.referrals)
        assert [one.whom for one in view_of(decoded(encoded(record)), versions).referrals] == [whom] * len(
            said.referrals
        )


@pytest.mark.exhaustive
def test_a_record_tells_of_excused_duties_only_where_there_are_any(until: ExitStack, caught: Caught) -> None:
    protocol, content = definition_of("sc3")
    player = played(protocol, "sc3", until, content)
    profile = next(iter(protocol.documents["case_file"].profiles.values()))
    for number in player.numbers.values():
        issued(player, number, profile, "fr")
    view, language = next(one for one in caught if not any(line.whom for line in one[0].referrals))
    versions = {protocol.version: protocol}
    excuse = ExcuseLine(next(iter(protocol.duties)), "Motif", 3, view.as_of, "", "head", protocol)
    for excuses in ((), (excuse,)):
        said = replace(view, conformance=replace(view.conformance, excuses=excuses))
        record = record_of(said, versions, {protocol.version: content.decode()}, Wording(language))
        assert ("excuses" in record["case"]["conformance"]) == bool(excuses)
        assert view_of(decoded(encoded(record)), versions).conformance.excuses == excuses


ALTERED: tuple[tuple[str, Callable[[Any], None]], ...] = (
    ("another state", _set("case", "head", "state", "key")),
    ("other words beside a key", _set("case", "head", "state", "words")),
    ("an answer to no question", _set("case", "records", 0, "answers", "nothing")),
    ("another answer", lambda record: _first_said(record).update({_first_field(record): "another"})),
    ("another answer beside what was answered", _set("case", "records", 0, "said", 0, "said")),
    ("another title", _set("protocol", "title")),
    ("a key that nobody knows", lambda record: record["case"].update(more=1)),
    ("a key less", lambda record: record["case"].pop("people")),
    ("a text for a number", _set("case", "content_seq")),
    ("no object", _set("case", "head")),
    ("another profile", lambda record: record.update(profile="nobody")),
    ("another definition", lambda record: record["versions"][0].update(definition="stages: {}")),
    ("no definition", lambda record: record["versions"].clear()),
)


def test_a_record_that_contradicts_itself_is_told(until: ExitStack, caught: Caught) -> None:
    protocol, content = definition_of("joining")
    player = played(protocol, "joining", until, content)
    issued(
        player, next(iter(player.numbers.values())), next(iter(protocol.documents["case_file"].profiles.values())), "fr"
    )
    view, language = caught[0]
    sources = {protocol.version: content.decode()}
    whole = encoded(record_of(view, {protocol.version: protocol}, sources, Wording(language)))
    assert view_of(decoded(whole), {protocol.version: protocol})
    unnoticed = []
    for what, change in ALTERED:
        record = decoded(whole)
        change(record)
        try:
            view_of(record, {protocol.version: protocol})
        except RecordFault:
            continue
        unnoticed.append(what)
    assert unnoticed == []


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"[" * 100_000, b'{"schema": "another"}', b"\xff\xfe"])
def test_what_is_no_record_is_told(data: bytes) -> None:
    with pytest.raises(RecordFault):
        decoded(data)
