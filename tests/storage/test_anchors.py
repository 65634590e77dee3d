"""Anchors: small, never written twice, checked with the key and without it, taken again where one broke off."""

from __future__ import annotations

import gzip
import json
import shutil
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from services.journaling import Kept, entry, new_case, told
from sqlalchemy import delete, select

from school_protocol.ops.journal_checks import verify
from school_protocol.storage import anchors, chain_checks
from school_protocol.storage.anchors import AnchorsBusy, AnchorUnreadable
from school_protocol.storage.journal import Break, Chain, Flaw
from school_protocol.storage.models import AnchoredHeadRow, AnchorTakenRow
from storage.test_journal import NOW


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    found = told(tmp_path / "data")
    yield found
    found.close()


def folder_of(kept: Kept) -> Path:
    return kept.ctx.settings.anchors_folder


def heads_of(kept: Kept, number: int) -> dict[str, int]:
    anchor = anchors.read(folder_of(kept), number, vault=kept.ctx.vault)
    names = {case_id: name for name, case_id in kept.cases.items()}
    return {names[head.case_id]: head.seq for head in anchors.read_heads(folder_of(kept), anchor)}


@pytest.mark.exhaustive
def test_an_anchor_holds_the_heads_that_moved_and_counts_all(kept: Kept) -> None:
    assert heads_of(kept, 1) == {"a": 3, "b": 3, "words": 3, "gone": 3}
    assert heads_of(kept, 2) == {"a": 5, "b": 4}
    assert heads_of(kept, 3) == {"a": 6}
    said = anchors.read(folder_of(kept), 3, vault=kept.ctx.vault).said
    assert said["cases"] == {"count": 4, "events": 16, "erased": 1, "tombstones": 2}
    assert (said["access"]["seq"], said["access"]["last"], said["administration"]["seq"]) == (3, 12, 5)
    assert said["erased"]["count"] == 1
    text = anchors.file_of(folder_of(kept), 3).read_text()
    assert not any(case_id in text for case_id in kept.cases.values()), "the statement itself names no case"


@pytest.mark.exhaustive
def test_nobody_without_the_key_has_a_case_left_out(kept: Kept) -> None:
    """Marks of what was anchored are keyed: a forged one only makes the next anchor larger."""
    with kept.ctx.realm.writing() as session:
        mark = session.get_one(AnchoredHeadRow, kept.case("b"))
        mark.keyed = b"x" * 32
    kept.append("words", entry())
    kept.anchor()
    assert heads_of(kept, 4) == {"b": 4, "words": 4}


@pytest.mark.exhaustive
def test_without_its_marks_an_anchor_is_larger_and_no_weaker(kept: Kept) -> None:
    with kept.ctx.realm.writing() as session:
        session.execute(delete(AnchoredHeadRow))
    kept.anchor()
    assert set(heads_of(kept, 4)) == {"a", "b", "words", "gone"}
    assert verify(kept.ctx).holds


@pytest.mark.exhaustive
def test_what_broke_off_after_the_file_is_made_up_for(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is there, the database doesn't know of it: it is adopted, and the chain of anchors goes on."""

    def broken(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(chain_checks, "_keep", broken)
        with pytest.raises(KeyboardInterrupt):
            kept.anchor()
    kept.append("b", entry())
    assert kept.anchor() == 5
    with kept.ctx.realm.reading() as session:
        assert session.scalars(select(AnchorTakenRow.seq).order_by(AnchorTakenRow.seq)).all() == [1, 2, 3, 4, 5]
    assert verify(kept.ctx).holds


@pytest.mark.exhaustive
def test_what_broke_off_before_the_statement_counts_as_nothing(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyboardInterrupt

    kept.append("b", entry())
    with monkeypatch.context() as patched:
        patched.setattr(anchors, "write", broken)
        with pytest.raises(KeyboardInterrupt):
            kept.anchor()
    assert sorted(anchors.numbers(folder_of(kept))) == [1, 2, 3]
    assert kept.anchor() == 4
    assert heads_of(kept, 4) == {"b": 5}
    assert verify(kept.ctx).holds


def test_an_anchor_is_never_written_over(kept: Kept) -> None:
    said = anchors.read(folder_of(kept), 2, vault=kept.ctx.vault).said
    before = anchors.file_of(folder_of(kept), 2).read_bytes()
    with pytest.raises(FileExistsError):
        anchors.write(folder_of(kept), kept.ctx.vault, {**said, "at": "2030-01-01T00:00:00+00:00"})
    assert anchors.file_of(folder_of(kept), 2).read_bytes() == before


@pytest.fixture
def linkless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A volume that refuses hard links, as shares and FAT do."""

    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refused)


@pytest.mark.exhaustive
def test_where_links_are_refused_anchors_are_written_all_the_same_and_never_over(kept: Kept, linkless: None) -> None:
    kept.append("b", entry())
    assert kept.anchor() == 4
    assert heads_of(kept, 4) == {"b": 5}
    assert verify(kept.ctx).holds
    test_an_anchor_is_never_written_over(kept)
    assert not list(folder_of(kept).glob("*.new"))


@pytest.mark.exhaustive
def test_a_name_taken_and_not_filled_is_taken_over(kept: Kept, linkless: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(anchors, "sync", killed)
        with pytest.raises(KeyboardInterrupt):
            kept.anchor()
    assert anchors.file_of(folder_of(kept), 4).read_bytes() == b""
    assert kept.anchor() == 4
    assert verify(kept.ctx).holds
    monkeypatch.undo()
    anchors.file_of(folder_of(kept), 5).touch()
    assert kept.anchor() == 5, "nor is it in the way where links are taken again"


@pytest.mark.exhaustive
def test_of_two_at_once_one_is_told_so(kept: Kept) -> None:
    held, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with anchors.held(folder_of(kept)):
            held.set()
            go_on.wait(10)

    other = threading.Thread(target=hold)
    other.start()
    held.wait(10)
    with pytest.raises(AnchorsBusy):
        kept.anchor()
    go_on.set()
    other.join()
    assert kept.anchor() == 4


def test_whoever_has_the_public_key_checks_them_and_makes_none(kept: Kept) -> None:
    public = anchors.public_key(kept.ctx.vault)
    found = anchors.check(folder_of(kept), public=public)
    assert ([one.number for one in found.sound], found.breaks) == ([1, 2, 3], ())
    other = anchors.check(folder_of(kept), public="ab" * 32)
    assert [one.flaw for one in other.breaks] == [Flaw.altered] * 3
    path = anchors.file_of(folder_of(kept), 2)
    said = json.loads(path.read_text())
    said["statement"]["cases"]["count"] = 9
    path.write_text(json.dumps(said))
    assert anchors.check(folder_of(kept), public=public).breaks == (Break("", 2, Flaw.altered, Chain.anchors),)


@pytest.mark.exhaustive(
    but=(
        "lines0",
        "",
    )
)
@pytest.mark.parametrize("lines", [
    b"a" * 10_000_000, b"x 1 zz\n", b"", "é 1 \n".encode(), b"x 1 " + b"0" * 64 + b"\n" * 90_000,
])  # fmt: skip
def test_heads_that_were_never_ours_are_refused(kept: Kept, lines: bytes) -> None:
    """However large they become when unpacked: reading stops at the first line that can't be."""
    anchors.heads_file_of(folder_of(kept), 1).write_bytes(gzip.compress(lines))
    anchor = anchors.read(folder_of(kept), 1, vault=kept.ctx.vault)
    with pytest.raises(AnchorUnreadable):
        list(anchors.read_heads(folder_of(kept), anchor))


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", "{" * 9000, '{"statement":1,"keyed":"","signature":""}', "\ufeff"]
)
def test_files_that_are_no_anchors_are_refused(kept: Kept, text: str) -> None:
    anchors.file_of(folder_of(kept), 2).write_text(text)
    with pytest.raises(AnchorUnreadable):
        anchors.read(folder_of(kept), 2, vault=kept.ctx.vault)


@pytest.mark.exhaustive
def test_a_planted_name_far_away_costs_nothing(kept: Kept) -> None:
    (folder_of(kept) / "anchor-999999999.json").write_text("{}")
    found = anchors.check(folder_of(kept), vault=kept.ctx.vault)
    assert found.breaks[-1] == Break("", 999999999, Flaw.altered, Chain.anchors)
    assert len(found.breaks) <= 1001
    assert kept.anchor() == 4


@pytest.mark.exhaustive
def test_anchors_go_on_over_one_that_was_damaged(kept: Kept) -> None:
    """It is named ever after; the next one holds the heads that only it held."""
    anchors.file_of(folder_of(kept), 3).write_bytes(b"")
    assert kept.anchor() == 4
    assert set(heads_of(kept, 4)) == {"a", "b", "words", "gone"}
    assert verify(kept.ctx).breaks == [Break("", 3, Flaw.altered, Chain.anchors)]


@pytest.mark.exhaustive
@pytest.mark.files
def test_after_a_restored_backup_it_says_why_it_is_older(kept: Kept, tmp_path: Path) -> None:
    """The older database alone: what came since is cut off, until an anchor says why, and from then on it holds."""
    kept.close()
    aside = tmp_path / "aside"
    shutil.copytree(kept.ctx.settings.data, aside)
    kept.append("a", entry())
    kept.read("b")
    kept.administer("sixth")
    kept.anchor()
    kept.close()
    for name in ("realm", "directory"):
        shutil.copy(aside / f"{name}.sqlite", kept.ctx.settings.data / f"{name}.sqlite")
        for tail in ("-wal", "-shm"):
            (kept.ctx.settings.data / f"{name}.sqlite{tail}").unlink(missing_ok=True)
    assert {(one.chain, one.flaw) for one in verify(kept.ctx).breaks} == {
        (Chain.case, Flaw.cut_off), (Chain.access_batch, Flaw.cut_off), (Chain.administration, Flaw.cut_off),
    }  # fmt: skip
    number = kept.anchor(resumes="backup of the 25th restored")
    verdict = verify(kept.ctx)
    assert verdict.breaks == []
    assert verdict.seen.resumed is not None
    assert (verdict.seen.resumed.number, verdict.seen.resumed.resumes) == (number, "backup of the 25th restored")
    new_case(kept, "later")
    kept.anchor()
    assert verify(kept.ctx).holds


@pytest.mark.exhaustive
@pytest.mark.files
def test_an_erased_case_that_is_back_is_named(kept: Kept, tmp_path: Path) -> None:
    kept.close()
    aside = tmp_path / "realm.sqlite"
    shutil.copy(kept.ctx.settings.data / "realm.sqlite", aside)
    kept.erase("b")
    kept.anchor()
    kept.close()
    shutil.copy(aside, kept.ctx.settings.data / "realm.sqlite")
    assert Break(kept.case("b"), 0, Flaw.came_back) in verify(kept.ctx).breaks
    assert kept.clock.now() > NOW + timedelta(days=1)
