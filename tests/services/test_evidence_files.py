"""Files of evidence: taken by content, cleaned, sealed, opened for a reason, and never kept where they must not be."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pikepdf
import pytest
from PIL import Image
from sqlalchemy import select

from school_protocol.cases.case_view import Seeing
from school_protocol.cases.loading import load
from school_protocol.cases.service import record_act, take_back
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import BadInput, Refused, SentBefore, Unseen
from school_protocol.engine.events import FileHandled, FileOpened, FileStep
from school_protocol.engine.evidence_pieces import FileLost, FileRefused, Format, Refusal
from school_protocol.language import ZONE
from school_protocol.privacy import evidence_files
from school_protocol.privacy import repository as privacy_repository
from school_protocol.privacy.evidence import (
    Handed,
    OpenedBefore,
    Swept,
    file_alarms,
    open_file,
    raise_alarm,
    see_register,
    sweep_files,
    sweep_on,
)
from school_protocol.privacy.evidence_files import attach_file, piece_at
from school_protocol.privacy.models import EvidenceFileRow
from school_protocol.storage import access_log
from school_protocol.storage.blobs import new_name
from school_protocol.storage.store_errors import StorageFull
from services import evidence_made as made
from services.conftest import School
from services.evidence_made import SCREENSHOT, everywhere, files_in, filing, on_disk, there


@pytest.fixture
def school(request: pytest.FixtureRequest, tmp_path: Path, moroccan: Protocol) -> Iterator[School]:
    with filing(tmp_path, moroccan, **files_in(request)) as found:
        yield found


@pytest.fixture
def piece(school: School) -> int:
    return school.act("team_member", "evidence", SCREENSHOT).seq


def attach(school: School, entry: int, data: bytes, who: str = "team_member", **more: Any) -> Any:
    said = {"is_attested": True, "token": school.token(), **more}
    return attach_file(school.ctx, school.person(who), school.number, entry, data, **said)


def opened(school: School, entry: int, who: str = "team_member", **more: Any) -> Handed:
    said = {"original": False, "purpose": "understand", "reason": "Préparer l’écoute", "token": school.token(), **more}
    return open_file(school.ctx, school.person(who), school.number, entry, **said)


def refused(school: School, entry: int, data: bytes, **more: Any) -> Refusal:
    with pytest.raises(FileRefused) as found:
        attach(school, entry, data, **more)
    return found.value.code


def events(school: School, kind: type) -> list[Any]:
    with school.ctx.realm.reading() as session:
        loaded = load(school.ctx, session, school.person("head"), school.number)
    return [event for event in loaded.events if isinstance(event, kind)]


# ---- kept, cleaned, sealed -------------------------------------------------------------------------------------------


@pytest.mark.exhaustive(but=("rows", "bucket"))
@everywhere
def test_a_photograph_is_kept_sealed_and_handed_out_without_its_notes(school: School, piece: int) -> None:
    data = made.jpeg()
    attach(school, piece, data)
    (kept,) = events(school, FileHandled)
    assert (kept.step, kept.sha256, kept.size) == (FileStep.kept, hashlib.sha256(data).hexdigest(), len(data))
    assert made.MAKER.encode() in data, "the control: the notes were there"
    found = opened(school, piece)
    assert found.format is Format.jpeg
    assert found.data.startswith(b"\xff\xd8\xff")
    picture = Image.open(BytesIO(found.data))
    assert made.MAKER.encode() not in found.data
    assert not picture.getexif()
    assert picture.size == (60, 40)
    assert opened(school, piece, "head", original=True, purpose="authority").data == data


@pytest.mark.exhaustive
def test_nothing_on_the_disk_can_be_read(school: School, piece: int) -> None:
    data = made.png(Comment=made.MAKER)
    attach(school, piece, data)
    lying = on_disk(school)
    assert len(lying) == 2
    assert all(path.stat().st_mode & 0o077 == 0 for path in lying)
    for path in school.ctx.settings.data.rglob("*"):
        if path.is_file():
            bytes_ = path.read_bytes()
            assert not [mark for mark in (made.MAKER.encode(), b"IHDR", data[:64]) if mark in bytes_], path


@pytest.mark.exhaustive
def test_a_text_and_a_pdf(school: School, piece: int) -> None:
    attach(school, piece, "\ufeffمرحبا\u202e\r\nbonjour".encode())
    assert opened(school, piece).data.decode() == "مرحبا\nbonjour"
    second = school.act("team_member", "evidence", {**SCREENSHOT, "kind": "message_export"}).seq
    data = made.pdf()
    attach(school, second, data)
    with pytest.raises(Unseen):
        opened(school, second)
    found = opened(school, second, "team_coordinator", original=True)
    assert (found.format, found.data) == (Format.pdf, data)


@pytest.mark.exhaustive
@everywhere
def test_pressed_twice_it_is_kept_once_and_other_bytes_are_told(school: School, piece: int) -> None:
    first = attach(school, piece, made.png(), token="one")
    again = attach(school, piece, made.png(), token="one")
    assert again.repeated
    assert again.seq == first.seq
    assert len(there(school).names()) == 2
    with pytest.raises(SentBefore):
        attach(school, piece, made.png(61), token="one")
    assert refused(school, piece, made.png()) is Refusal.has_file


MALFORMED = {
    "empty": (b"", Refusal.empty),
    "gif": (b"GIF89a\1\0\1\0\0\0\0;", Refusal.unknown_format),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", Refusal.mixed),
    "html": (b"<!DOCTYPE html><html><script>alert(1)</script>", Refusal.mixed),
    "zip": (made.zip_file(), Refusal.unknown_format),
    "exe": (b"MZ\x90\0\3\0\0\0", Refusal.unknown_format),
    "mp4": (b"\0\0\0\x18ftypmp42\0\0\0\0", Refusal.moving),
    "gigapixels": (made.ten_gigapixels(), Refusal.too_many_pixels),
    "text bomb": (made.text_bomb(), Refusal.broken),
    "moving png": (made.with_chunk(made.png(), b"acTL", b"\0\0\0\2\0\0\0\0"), Refusal.moving),
    "php after a picture": (made.png() + b"<?php system($_GET[0]); ?>", Refusal.mixed),
    "php in the notes": (made.png(Comment="<?php 1 ?>"), Refusal.mixed),
    "zip after a picture": (made.jpeg() + made.zip_file(), Refusal.mixed),
    "something after a picture": (made.jpeg() + b"and more", Refusal.mixed),
    "video after a picture": (made.jpeg() + b"\0\0\0\x18ftypmp42", Refusal.moving),
    "cut off": (made.png()[:-20], Refusal.broken),
    "points cut off": (made.jpeg()[:-60], Refusal.broken),
    "a pdf that runs something": (
        made.pdf(OpenAction={"/S": pikepdf.Name("/JavaScript"), "/JS": "app.alert(1)"}), Refusal.active),
    "a pdf with a file in it": (made.pdf_with_a_file(), Refusal.active),
    "a pdf that is locked": (made.encrypted_pdf(), Refusal.encrypted),
    "a pdf with a tail": (made.pdf() + made.zip_file(), Refusal.mixed),
    "no pdf": (b"%PDF-1.7\nnothing", Refusal.broken),
    "controls": (b"a\0b", Refusal.unknown_format),
    "latin": (b"caf\xe9", Refusal.unknown_format),
}  # fmt: skip


@pytest.mark.exhaustive
def test_what_is_refused_is_said_and_leaves_nothing(school: School, piece: int) -> None:
    found = {name: refused(school, piece, data) for name, (data, _why) in MALFORMED.items()}
    assert found == {name: why for name, (_data, why) in MALFORMED.items()}
    assert on_disk(school) == []
    assert events(school, FileHandled) == []


@pytest.mark.exhaustive
def test_the_cap_and_the_attestation(tmp_path: Path, moroccan: Protocol) -> None:
    with filing(tmp_path, moroccan, evidence_megabytes=1) as school:
        entry = school.act("team_member", "evidence", SCREENSHOT).seq
        assert refused(school, entry, b"a" * (1024 * 1024 + 1)) is Refusal.too_large
        assert refused(school, entry, made.png(), is_attested=False) is Refusal.not_attested
        attach(school, entry, b"a " * 1000)


# ---- the scanner -----------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_the_scanner_is_asked_over_a_socket_and_over_tcp(tmp_path: Path, moroccan: Protocol) -> None:
    with TemporaryDirectory() as near:  # the name of a socket has little room
        _asked_over(tmp_path, moroccan, None, Path(near) / "clamd.sock")


def _asked_over(tmp_path: Path, moroccan: Protocol, *paths: Path | None) -> None:
    for path in paths:
        with made.scanner(path=path) as address, filing(tmp_path / str(bool(path)), moroccan, clamav=address) as school:
            entry = school.act("team_member", "evidence", SCREENSHOT).seq
            assert refused(school, entry, made.EICAR) is Refusal.unclean
            assert on_disk(school) == []
            attach(school, entry, made.png())


@pytest.mark.parametrize(
    ("answer", "most"), [(b"", 1 << 30), (b"stream: OK", 10), (b"INSTREAM size limit exceeded. ERROR\0", 1 << 30),
                         (b"PONG\0", 1 << 30), (b"x" * 9000, 1 << 30)],
)  # fmt: skip
def test_whatever_is_no_clean_bill_is_refused(tmp_path: Path, moroccan: Protocol, answer: bytes, most: int) -> None:
    with made.scanner(answer, most=most) as address, filing(tmp_path, moroccan, clamav=address) as school:
        entry = school.act("team_member", "evidence", SCREENSHOT).seq
        assert refused(school, entry, made.png()) is Refusal.not_scanned


@pytest.mark.exhaustive
def test_a_scanner_that_is_away_lets_nothing_through(tmp_path: Path, moroccan: Protocol) -> None:
    for address in ("127.0.0.1:1", str(tmp_path / "nobody.sock"), "no port:x"):
        with filing(tmp_path / address.replace("/", "_"), moroccan, clamav=address) as school:
            entry = school.act("team_member", "evidence", SCREENSHOT).seq
            assert refused(school, entry, made.png()) is Refusal.not_scanned


# ---- where no file may be --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", ["yes", "doubt"])
def test_sexual_or_intimate_or_in_doubt_nothing_is_taken(
    school: School, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = school.act("team_member", "evidence", {**SCREENSHOT, "sexual_or_intimate": said}).seq
    looked: list[bytes] = []
    monkeypatch.setattr(evidence_files, "_examined", lambda ctx, data: looked.append(data))
    assert refused(school, entry, made.png()) is Refusal.intimate
    assert looked == []
    assert not school.ctx.settings.files.exists()


def test_where_nobody_has_said_it_nothing_is_taken(school: School) -> None:
    entry = school.act("team_member", "evidence", {"kind": "none_found"}).seq
    assert refused(school, entry, made.png()) is Refusal.not_said


@pytest.mark.exhaustive
def test_a_danger_forbids_files_and_locks_those_that_are_there(school: School, piece: int) -> None:
    attach(school, piece, made.png())
    second = school.act("team_member", "evidence", SCREENSHOT).seq
    school.act("team_member", "raise_danger", {"which_danger": "intimate_image"})
    assert refused(school, second, made.png()) is Refusal.danger
    with pytest.raises(FileRefused) as found:
        opened(school, piece)
    assert found.value.code is Refusal.danger
    with pytest.raises(FileRefused):
        opened(school, piece, "head", original=True)
    line = see_register(school.ctx, school.person("head"), school.number).piece(piece)
    assert line.file is not None
    assert line.file.locked is Refusal.danger


@pytest.mark.exhaustive
def test_a_correction_locks_what_is_there(school: School, piece: int) -> None:
    attach(school, piece, made.png())
    correct(school, piece, "doubt")
    with pytest.raises(FileRefused) as found:
        opened(school, piece)
    assert found.value.code is Refusal.intimate
    assert opened_at_all(school) == []


def correct(school: School, entry: int, said: str) -> None:
    record_act(
        school.ctx, school.person("team_member"), school.number, "correction",
        {"record": str(entry), "what_changes": "x", "reason": "x"}, expected=None, token=school.token(), proven=True,
        changes={**SCREENSHOT, "sexual_or_intimate": said},
    )  # fmt: skip


def opened_at_all(school: School) -> list[Any]:
    return events(school, FileOpened)


@pytest.mark.exhaustive
@everywhere
@pytest.mark.parametrize("by", ["danger", "correction"])
def test_what_is_forbidden_while_the_file_is_examined_never_reaches_the_disk(
    school: School, piece: int, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """A second tab raises a danger, or says that the content is intimate, between the look and the keeping."""
    plain, wrote = evidence_files._examined, []

    def meanwhile(ctx: Any, data: bytes) -> Any:
        if by == "danger":
            school.act("team_coordinator", "raise_danger", {"which_danger": "intimate_image"})
        else:
            correct(school, piece, "yes")
        return plain(ctx, data)

    monkeypatch.setattr(evidence_files, "_examined", meanwhile)
    monkeypatch.setattr(type(school.ctx.blobs), "put", lambda self, *said: wrote.append(said))
    assert refused(school, piece, made.png()) in (Refusal.danger, Refusal.intimate)
    assert wrote == []
    assert there(school).names() == []


@pytest.mark.exhaustive
def test_the_control_without_the_check_a_file_is_kept(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = school.act("team_member", "evidence", {**SCREENSHOT, "sexual_or_intimate": "yes"}).seq
    monkeypatch.setattr("school_protocol.privacy.evidence_files.evidence_pieces.against_files", lambda *_: None)
    attach(school, entry, made.png())
    assert len(on_disk(school)) == 2


def test_files_are_off_unless_an_installation_turns_them_on(school: School, piece: int) -> None:
    object.__setattr__(school.ctx, "settings", type(school.ctx.settings)(data=school.ctx.settings.data))
    assert refused(school, piece, made.png()) is Refusal.off


# ---- who opens it ----------------------------------------------------------------------------------------------------


def test_each_opening_is_an_event_with_its_reason_and_an_access(school: School, piece: int) -> None:
    attach(school, piece, made.png())
    opened(school, piece, reason="Préparer la rencontre", token="o")
    opened(school, piece, reason="Préparer la rencontre", token="o")
    (one,) = opened_at_all(school)
    assert (one.purpose, one.reason, one.original) == ("understand", "Préparer la rencontre", False)
    with school.ctx.realm.reading() as session:
        case_id = load(school.ctx, session, school.person("head"), school.number).case_id
        noted = [
            found for found in access_log.access_of_case(session, case_id, limit=50) if found.what == "file.derivative"
        ]
    assert [found.reason for found in noted] == [str(one.seq)] * 2, "each handing out, the echo of a press too"


def test_a_form_opens_a_file_for_two_minutes_and_is_then_asked_anew(school: School, piece: int) -> None:
    attach(school, piece, made.png())
    opened(school, piece, token="o")
    school.wait(minutes=2)
    opened(school, piece, token="o")
    school.wait(seconds=1)
    with pytest.raises(OpenedBefore):
        opened(school, piece, token="o")
    opened(school, piece, token="another")
    assert len(opened_at_all(school)) == 2


@pytest.mark.exhaustive
def test_what_is_no_piece_says_nothing_of_the_form(school: School, piece: int) -> None:
    attach(school, piece, made.png())
    for entry, who in ((99_999, "head"), (piece, "directorate")):
        with pytest.raises(Unseen):
            opened(school, entry, who, purpose="", reason="")


@pytest.mark.exhaustive
@pytest.mark.parametrize("said", [{"reason": " "}, {"purpose": ""}, {"purpose": "curiosity"}, {"reason": "x" * 501}])
def test_no_opening_without_a_reason(school: School, piece: int, said: dict[str, str]) -> None:
    attach(school, piece, made.png())
    with pytest.raises(BadInput):
        opened(school, piece, **said)
    assert opened_at_all(school) == []


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("who", "original"),
    [("team_member", True), ("directorate", False), ("directorate", True), ("academy", False), ("reporter", False),
     ("data_officer", False), ("psychosocial", False), ("technical_admin", False)],
)  # fmt: skip
def test_it_is_opened_by_those_alone_who_may(school: School, piece: int, who: str, original: bool) -> None:
    attach(school, piece, made.png())
    with pytest.raises(Unseen):
        opened(school, piece, who, original=original)


@pytest.mark.exhaustive
def test_who_reads_pseudonyms_puts_no_file_there(school: School, piece: int) -> None:
    for who in ("directorate", "reporter", "data_officer"):
        with pytest.raises(Unseen):
            attach(school, piece, made.png(), who)


def test_whoever_only_knows_that_the_case_is_there_is_shown_no_piece(school: School, piece: int) -> None:
    with school.ctx.realm.reading() as session:
        loaded = load(school.ctx, session, school.person("data_officer"), school.number)
    with pytest.raises(Unseen):
        piece_at(loaded, Seeing(loaded, {}), piece)


# ---- missing, altered, left over -------------------------------------------------------------------------------------


@everywhere
def test_an_altered_and_a_missing_file_are_handed_to_nobody_and_told(school: School, piece: int) -> None:
    attach(school, piece, made.png())
    lying = there(school)
    for name in lying.names():
        data = bytearray(lying.get(name) or b"")
        data[len(data) // 2] ^= 1
        lying.alter(name, bytes(data))
    with pytest.raises(FileLost):
        opened(school, piece)
    assert [one.what for one in file_alarms(school.ctx)] == ["altered"]
    for name in lying.names():
        lying.lose(name)
    with pytest.raises(FileLost):
        opened(school, piece, "head", original=True)
    assert sorted(one.what for one in file_alarms(school.ctx)) == ["altered", "missing"]
    assert opened_at_all(school) == []


@pytest.mark.exhaustive
@everywhere
def test_a_file_swapped_with_its_sister_is_noticed(school: School, piece: int) -> None:
    attach(school, piece, made.png())
    lying = there(school)
    one, other = lying.names()
    left, right = lying.get(one), lying.get(other)
    lying.alter(one, right or b"")
    lying.alter(other, left or b"")
    with pytest.raises(FileLost):
        opened(school, piece)


@pytest.mark.exhaustive
@everywhere
def test_the_sweep_tells_what_is_lost_once_and_removes_what_no_row_names(school: School, piece: int) -> None:
    attach(school, piece, made.png())
    assert sweep_files(school.ctx) == Swept(0, 0, 0)
    lying, stray = there(school), new_name()
    with school.ctx.realm.reading() as session:
        case_id = load(school.ctx, session, school.person("head"), school.number).case_id
    lying.put(stray, b"left over", case_id)
    if lying.realm is None:
        assert sweep_files(school.ctx).strays == 0, "its transaction may be under way"
    school.wait(hours=24 * 400)
    assert sweep_files(school.ctx).strays == 1
    assert lying.get(stray) is None
    lying.lose(lying.names()[0])
    assert (sweep_files(school.ctx).fresh, sweep_files(school.ctx).fresh) == (1, 0)


@pytest.mark.exhaustive(but=("folder",))
@everywhere
def test_a_full_disk_leaves_nothing_and_says_so(school: School, piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, calls = type(school.ctx.blobs), []
    plain = kind.put

    def second_fails(self: Any, *said: Any) -> None:
        calls.append(said)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "no room")
        plain(self, *said)

    monkeypatch.setattr(kind, "put", second_fails)
    with pytest.raises(StorageFull):
        attach(school, piece, made.png())
    assert there(school).names() == []
    assert events(school, FileHandled) == []
    monkeypatch.setattr(kind, "put", plain)
    attach(school, piece, made.png())


@pytest.mark.exhaustive
def test_a_piece_with_a_file_is_not_taken_back(school: School, piece: int) -> None:
    attach(school, piece, made.png())
    with pytest.raises(Refused, match="undo_rested_on"):
        take_back(school.ctx, school.person("team_member"), school.number, piece, expected=None, token="back")


@pytest.mark.exhaustive(but=("folder",))
@everywhere
def test_a_file_destroyed_in_order_while_the_sweep_reads_is_no_alarm(
    school: School, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    attach(school, piece, made.png())
    ctx, places = school.ctx, set(there(school).names())
    with ctx.realm.reading() as session:
        (row, *_more) = session.scalars(select(EvidenceFileRow)).all()
    kind = type(ctx.blobs)
    plain = kind.get

    def get(self: Any, session: Any, name: str) -> bytes | None:
        if there(school).names():
            with ctx.realm.writing() as writing:
                gone = privacy_repository.destroy(writing, row.case_id, row.file_id)
            self.delete(gone)
        return plain(self, session, name)

    monkeypatch.setattr(kind, "get", get)
    assert sweep_files(ctx) == Swept(0, 0, 0)
    assert file_alarms(ctx) == ()
    assert not raise_alarm(ctx, privacy_repository.Fault(row.case_id, places.pop(), "missing")), (
        "nor between two transactions"
    )
    assert file_alarms(ctx) == ()


@pytest.mark.exhaustive
def test_each_night_is_looked_at_once_and_one_that_was_missed_is_made_up_for(school: School) -> None:
    def done_at(hours: float) -> bool:
        school.wait(hours=hours)
        return sweep_on(school.ctx) is not None

    assert done_at(0), "never before"
    assert not done_at(1)
    local = school.ctx.now().astimezone(ZONE)
    assert not done_at(24 + 3 - local.hour - local.minute / 60), "it is not time"
    assert done_at(5), "nobody rang at the time itself"
    assert not done_at(1)
    assert done_at(24 * 40), "a clock that leapt ahead"
    school.wait(hours=-24 * 40)
    assert sweep_on(school.ctx) is not None, "and was set right: once more"
    assert sweep_on(school.ctx) is None
