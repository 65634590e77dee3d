"""The files inside: a second one beside the first, and all of them read, never more than they may hold."""

from __future__ import annotations

import contextlib
import hashlib
import json
import tracemalloc
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from school_protocol.pdf.assemble import assembled
from school_protocol.pdf.embedding import TooMuch, Unread, attached, bounded, files_in
from school_protocol.pdf.verdicts import COPY as COPY_NAME
from school_protocol.pdf.verdicts import RECORD, Copy, CopyUnreadable, FileExists, NotSealable, read_copy

from .sealed import COPY, NOW, RECORD_BYTES, drawn, findings_of_pdfa, opened, prepared, saved

TOLD = COPY.as_json()


def with_copy(pdf: bytes) -> bytes:
    return attached(pdf, COPY_NAME, TOLD, description="What belongs to this copy", moment=NOW)


# ---- a second file -------------------------------------------------------------------------------------------------


def test_the_second_stands_beside_the_first() -> None:
    with opened(prepared()) as was, opened(with_copy(prepared())) as now:
        assert sorted(now.attachments) == [COPY_NAME, RECORD]
        assert [str(file.AFRelationship) for file in now.Root.AF] == ["/Data", "/Data"]
        assert [str(file.UF) for file in now.Root.AF] == [RECORD, COPY_NAME]
        first, same = (document.attachments[RECORD].obj for document in (was, now))
        assert same.EF.F.read_raw_bytes() == first.EF.F.read_raw_bytes()
        assert {key: str(value) for key, value in same.items() if key != "/EF"} == {
            key: str(value) for key, value in first.items() if key != "/EF"
        }
        second = now.attachments[COPY_NAME].obj
        assert second.EF.F.read_bytes() == TOLD
        assert str(second.EF.F.Subtype) == "/application/json"
        assert str(second.EF.F.Params.ModDate) == "D:20261125094100Z"
        assert int(second.EF.F.Params.Size) == len(TOLD)
        assert bytes(second.EF.F.Params.CheckSum) == hashlib.md5(TOLD).digest()
        assert now.Root.Metadata.read_bytes() == was.Root.Metadata.read_bytes()


def test_it_stays_an_archive(tmp_path: Path) -> None:
    assert findings_of_pdfa(with_copy(prepared()), tmp_path) == findings_of_pdfa(prepared(), tmp_path)


def test_the_same_file_gives_the_same_bytes() -> None:
    assert with_copy(prepared()) == with_copy(prepared())
    assert assembled(prepared(), drawn(), COPY) == assembled(prepared(), drawn(), COPY)
    assert assembled(prepared(), drawn(), COPY) != assembled(prepared(), drawn(), replace(COPY, number=4))


def test_no_name_is_given_twice() -> None:
    with pytest.raises(FileExists):
        with_copy(with_copy(prepared()))
    with pytest.raises(FileExists):
        attached(prepared(), RECORD, b"{}", description="", moment=NOW)


def test_a_document_without_any_file_gets_its_first() -> None:
    with pikepdf.new() as document:
        document.add_blank_page()
        plain = saved(document)
    with opened(with_copy(plain)) as document:
        assert [file.name for file in files_in(document)] == [COPY_NAME]
        assert len(document.Root.AF) == 1


def test_a_copy_names_the_record_that_is_inside() -> None:
    with opened(assembled(prepared(), drawn(), COPY)) as document:
        told = read_copy(document.attachments[COPY_NAME].get_file().read_bytes())
    assert told == replace(COPY, record_digest=hashlib.sha256(RECORD_BYTES).hexdigest())


def test_a_copy_of_nothing_is_not_made() -> None:
    with opened(prepared()) as document:
        del document.attachments[RECORD]
        bare = saved(document)
    with pytest.raises(NotSealable, match="records"):
        assembled(bare, drawn(), COPY)


# ---- reading -------------------------------------------------------------------------------------------------------


def test_every_file_is_found_once_listed_or_not() -> None:
    with opened(with_copy(prepared())) as document:
        assert sorted(file.name for file in files_in(document)) == [COPY_NAME, RECORD]
        hidden = document.make_indirect(
            pikepdf.Dictionary(
                Type=pikepdf.Name.Filespec, UF="run.exe", EF=pikepdf.Dictionary(F=document.make_stream(b"MZ"))
            )
        )
        note = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.FileAttachment, FS=hidden)
        document.pages[0].obj.Annots = pikepdf.Array([note])
        data = saved(document)
    with opened(data) as document:
        assert sorted(file.name for file in files_in(document)) == [COPY_NAME, RECORD, "run.exe"]


def test_two_names_or_two_streams_are_two_files() -> None:
    with opened(with_copy(prepared())) as document:
        spec = document.attachments[COPY_NAME].obj
        spec.EF.F = document.make_stream(b"what others show")
        document.Root.Other = pikepdf.Dictionary(UF="other.json", EF=pikepdf.Dictionary(F=spec.EF.UF))
        data = saved(document)
    with opened(data) as document:
        assert sorted(file.name for file in files_in(document)) == [COPY_NAME, COPY_NAME, "other.json", RECORD]


def stream(raw: bytes, **keys: pikepdf.Object) -> pikepdf.Stream:
    document = pikepdf.new()
    made = document.make_stream(b"")
    made.write(raw, filter=keys.get("Filter"), decode_parms=keys.get("DecodeParms"))
    KEPT.append(document)
    return made


KEPT: list[pikepdf.Pdf] = []


def test_a_file_within_its_bound_is_read() -> None:
    flate = pikepdf.Name.FlateDecode
    assert bounded(stream(b"x" * 100), 100) == b"x" * 100
    assert bounded(stream(zlib.compress(b"x" * 100), Filter=flate), 100) == b"x" * 100
    assert bounded(stream(zlib.compress(b"x"), Filter=pikepdf.Array([flate])), 100) == b"x"


@pytest.mark.exhaustive
def test_a_file_beyond_its_bound_is_never_unpacked() -> None:
    packed = zlib.compress(bytes(300 * 1024 * 1024), 9)
    bomb = stream(packed, Filter=pikepdf.Name.FlateDecode)
    tracemalloc.start()
    with pytest.raises(TooMuch):
        bounded(bomb, 64 * 1024)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 4 * 1024 * 1024
    with pytest.raises(TooMuch):
        bounded(stream(b"x" * 101), 100)


@pytest.mark.parametrize(
    ("raw", "keys"),
    [
        (b"no flate at all", {"Filter": pikepdf.Name.FlateDecode}),
        (zlib.compress(b"x" * 1000)[:-6], {"Filter": pikepdf.Name.FlateDecode}),
        (b"78>", {"Filter": pikepdf.Name.ASCIIHexDecode}),
        (zlib.compress(zlib.compress(b"x")), {"Filter": pikepdf.Array([pikepdf.Name.FlateDecode] * 2)}),
        (
            zlib.compress(b"x"),
            {"Filter": pikepdf.Name.FlateDecode, "DecodeParms": pikepdf.Dictionary(Predictor=15)},
        ),
    ],
)
def test_a_file_packed_in_another_way_or_damaged_is_not_read(raw: bytes, keys: dict[str, pikepdf.Object]) -> None:
    with pytest.raises(Unread):
        bounded(stream(raw, **keys), 10_000)


# ---- copy.json -----------------------------------------------------------------------------------------------------


def test_copy_json_is_canonical_and_holds_what_it_must() -> None:
    assert json.dumps(json.loads(TOLD), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() == TOLD
    assert json.loads(replace(COPY, record_digest="ab" * 32).as_json()) == {
        "format": "school-protocol/copy",
        "version": 1,
        "number": 3,
        "reader": "M. Alaoui, AREF",
        "moment": "2026-11-25T09:41:00Z",
        "journal": {"head": "b7e1c0d2" * 8, "number": 9},
        "record": {"name": "record.json", "sha256": "ab" * 32},
    }


readable = st.characters(exclude_categories=("Cs",))


@given(
    st.builds(
        Copy,
        number=st.integers(1, 10**9),
        reader=st.text(readable, max_size=80),
        moment=st.integers(0, 2**35).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
        journal_head=st.text("0123456789abcdef", max_size=64),
        journal_number=st.integers(0, 10**9),
        record_digest=st.one_of(st.just(""), st.text("0123456789abcdef", min_size=64, max_size=64)),
    )
)
def test_what_is_written_is_what_is_read_back(copy: Copy) -> None:
    assert read_copy(copy.as_json()) == copy


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.exhaustive
@settings(max_examples=200)
@given(
    st.one_of(
        st.binary(max_size=200),
        json_values.map(lambda value: json.dumps(value).encode()),
        st.tuples(st.sampled_from(sorted(json.loads(TOLD))), json_values).map(
            lambda pair: json.dumps({**json.loads(TOLD), pair[0]: pair[1]}).encode()
        ),
    )
)
def test_whatever_else_it_holds_is_told(data: bytes) -> None:
    with contextlib.suppress(CopyUnreadable):
        assert isinstance(read_copy(data), Copy)


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"format": "other"},
        {"number": "3"},
        {"number": True},
        {"moment": "yesterday"},
        {"journal": None},
        {"record": {"name": "other.json", "sha256": "ab" * 32}},
        {"record": {"name": "record.json", "sha256": "AB" * 32}},
        {"record": {"name": "record.json", "sha256": ""}},
    ],
)
def test_each_of_these_is_no_copy(changes: dict[str, object]) -> None:
    with pytest.raises(CopyUnreadable):
        read_copy(json.dumps({**json.loads(TOLD), **changes}).encode())


def test_brackets_without_end_are_no_copy() -> None:
    with pytest.raises(CopyUnreadable):
        read_copy(b"[" * 60_000)
