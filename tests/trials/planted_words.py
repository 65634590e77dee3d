"""Words typed by every door, then sought in whatever was kept: in no file, in no spelling, does one stand in clear."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
import shutil
import sqlite3
import tempfile
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

from engine.telling import MOROCCAN, NOW
from services import test_every_field as every_field
from services.conftest import School
from services.lettering import issue, refer, told
from sqlalchemy import event, select

from school_protocol.auth.models import AccountRow
from school_protocol.case_files.service import issue_case_file
from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import AppContext, open_context
from school_protocol.engine.events import Remark, RemarkKind
from school_protocol.mail import Letter, Post
from school_protocol.notifications import service as notifications_service
from school_protocol.ops import backup_service, worker
from school_protocol.privacy import evidence_files
from school_protocol.privacy.evidence_scan import examined
from school_protocol.protocol.reader import read
from school_protocol.supervision.remarks import attach_remarks
from school_protocol.ui import forms as ui_forms
from trials.frame import Outcome, Size, Trial
from trials.walked import browser_of, site_of

FIELD, ARABIC = "zqsemé", "مزروعةق"
NAME, NAME_IN_ARABIC, MASSAR, PHONE = "Zaynabqa Ouhssaïnqa", "زينبق الوهسينق", "G908172635", "0661908172"
DRAFT, SOUGHT, REMARK, REASON, FILE, SUMMARY, BROKEN = (
    "zqbrouillé", "zqcherchée", "zqremarquée", "zqmotivée", "zqfichiée", "zqrésumée", "zqcassée",
)  # fmt: skip
PLANTED = (
    FIELD, ARABIC, NAME, NAME_IN_ARABIC, MASSAR, PHONE, DRAFT, SOUGHT, REMARK, REASON, FILE, SUMMARY, BROKEN,
)  # fmt: skip
IN_SHORT = (FIELD, NAME_IN_ARABIC, MASSAR, DRAFT)
CONTROL = "zqtémoinق"


# ---- how a word may stand in bytes -----------------------------------------------------------------------------------


def forms_of(word: str) -> dict[bytes, str]:
    """Every way in which a word may stand in a file → its name."""
    found: dict[bytes, str] = {}
    spelt = {
        unicodedata.normalize(form, cased)
        for form in ("NFC", "NFD")
        for cased in (word, word.casefold(), word.upper(), " ".join(reversed(word.split())))
    }
    for text in sorted(spelt):
        for encoding in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le"):
            data = text.encode(encoding)
            found.setdefault(data, encoding)
            found.setdefault(data.hex().encode(), f"hex of {encoding}")
            found.setdefault(data.hex().upper().encode(), f"hex of {encoding}")
            found |= dict.fromkeys(_in_base64(data), f"base64 of {encoding}")
        found.setdefault(quote(text).encode(), "percent-encoded")
        found.setdefault(quote(text).lower().encode(), "percent-encoded")
        found.setdefault(json.dumps(text)[1:-1].encode(), "escaped as JSON")
        for name in ("sha256", "sha1", "md5"):
            digest = hashlib.new(name, text.encode(), usedforsecurity=False)
            found.setdefault(digest.digest(), f"{name} without a key")
            found.setdefault(digest.hexdigest().encode(), f"{name} without a key")
    return found


def _in_base64(data: bytes) -> Iterator[bytes]:
    """What stands there wherever in a longer text the word begins: three alignments, both alphabets."""
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + data)
        first = -(-before * 8 // 6)
        core = whole[first : (before + len(data)) * 8 // 6]
        yield core
        yield core.translate(bytes.maketrans(b"+/", b"-_"))


FORMS = {word: forms_of(word) for word in (*PLANTED, CONTROL)}


def found_in(folder: Path, words: tuple[str, ...] = PLANTED) -> Iterator[tuple[str, str, str]]:
    """The path, the word and its form, wherever one stands in a file's bytes or in its name."""
    for path in sorted(folder.rglob("*")):
        data = path.name.encode() + b"\0" + (path.read_bytes() if path.is_file() else b"")
        for word in words:
            for form, name in FORMS[word].items():
                if form in data:
                    yield path.relative_to(folder).as_posix(), word, name


# ---- planting --------------------------------------------------------------------------------------------------------


class Kept:
    """Where all that leaves a trace is caught: the data, logs, mails, backups, and what is left of temporary files."""

    def __init__(self, folder: Path) -> None:
        self.data, self.backups = folder / "var", folder / "backups"
        self.log, self.mails, self.temporary = folder / "log", folder / "mails", folder / "tmp"
        for path in (self.log, self.mails, self.temporary):
            path.mkdir(parents=True)

    @contextmanager
    def catching(self) -> Iterator[None]:
        """Everything is logged into a file, and temporary files have a folder of their own."""
        handler = logging.FileHandler(self.log / "all.log")
        root, level, formerly = logging.getLogger(), logging.getLogger().level, tempfile.tempdir
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        tempfile.tempdir = str(self.temporary)
        os.environ["TMPDIR"] = str(self.temporary)
        try:
            yield
        finally:
            root.removeHandler(handler)
            root.setLevel(level)
            handler.close()
            tempfile.tempdir = formerly
            os.environ.pop("TMPDIR")

    def carry(self, to: str, letter: Letter) -> None:
        """The post of this installation: what would leave lies in a folder."""
        number = len(list(self.mails.iterdir()))
        (self.mails / f"{number}.txt").write_text(f"{to}\n{letter.subject}\n{letter.text}\n{letter.id}")


def plant(kept: Kept, size: Size) -> int:
    """Type the words by every door; returns how many doors were tried."""
    clock = TurnableClock(NOW)
    with closing(open_context(Settings(data=kept.data, evidence_files=True, address="http://localhost"), clock)) as ctx:
        content = MOROCCAN.read_bytes()
        player = prepared(ctx, clock, read(content, MOROCCAN.name), content)
        school = School(player, count(1))
        doors = _by_services(school) + _by_pages(school, 2 if size is Size.short else 1)
        if size is Size.whole:
            doors += _by_papers(school) + _by_every_field(player)
        _give_addresses(ctx)
        worker.queue_of(ctx, Post(mail=kept)).ring()
        for _day in range(3):
            notifications_service.sweep(ctx, Post(mail=kept, sms=kept))
            clock.advance(timedelta(days=1))
        backup_service.create(ctx, kept.backups)
        _copy_while_open(kept)
        return doors


def _copy_while_open(kept: Kept) -> None:
    """Write-ahead log and shared memory go when the last connection does: they are looked at as they are now."""
    for path in kept.data.glob("*.sqlite*"):
        shutil.copyfile(path, kept.data / f"while-open-{path.name}")


def _give_addresses(ctx: AppContext) -> None:
    with ctx.directory.writing() as session:
        for number, row in enumerate(session.scalars(select(AccountRow))):
            row.email, row.phone = f"{number}@exemple.invalid", f"+2126000000{number:02}"


def _by_services(school: School) -> int:
    """A report, acts, people, reasons, a file, a draft."""
    told(school)
    people: list[dict[str, Any]] = [
        {"slot": "witness", "name": NAME, "massar": MASSAR},
        {"slot": "guardian", "name": NAME_IN_ARABIC, "phone": PHONE},
    ]
    school.act("team_member", "add_person", persons=people)
    school.act("team_member", "note", text=f"{FIELD} {ARABIC}")
    school.act("team_coordinator", "others_not_heard", reason="left", words=f"{FIELD} {ARABIC}")
    school.act("head", "name_seat", seat="lead", account=school.account("team_member"), reason=REASON)
    refer(school, "prosecutor")
    _attach(school)
    ctx = school.ctx
    ui_forms.keep_draft(ctx, school.account("team_member"), f"/cases/{school.number}/acts/note", {"text": DRAFT})
    return 9


def _by_papers(school: School) -> int:
    """Letters, copies, remarks on them."""
    ctx = school.ctx
    issue(school, "head", "marsad_sheet", "case")
    issue_case_file(ctx, school.person("team_coordinator"), school.number, "school", "fr", token=school.token())
    directorate = school.person("directorate")
    issued = issue_case_file(ctx, directorate, school.number, "supervisor", "ar", token=school.token())
    remark = Remark(kind=RemarkKind.information, text=REMARK, entry=1)
    attach_remarks(ctx, directorate, school.number, issued.copy, (remark,), token=school.token())
    return 4


def _attach(school: School) -> None:
    answers = {
        "platform": "whatsapp", "content_type": "group", "captured_by_role": "targeted_pupil", "source": "pupil",
        "still_online": "yes", "content_status": "online", "kind": "screenshot", "sexual_or_intimate": "no",
        "description": SUMMARY,
    }  # fmt: skip
    piece = school.act("team_member", "evidence", answers)
    examine = evidence_files.examined_apart
    evidence_files.examined_apart = examined  # type: ignore[assignment] - in this process: it is not what is tried here
    try:
        evidence_files.attach_file(
            school.ctx, school.person("team_member"), school.number, piece.seq, f"{FILE}\n".encode() * 50,
            is_attested=True, token=school.token(),
        )  # fmt: skip
    finally:
        evidence_files.examined_apart = examine


def _by_pages(school: School, step: int) -> int:
    """A search, a form that is not understood, one that breaks on the way, one whose token is no more."""
    app = site_of(school.ctx)
    client = browser_of(app, school.ctx, school.account("team_coordinator"))
    address = f"/cases/{school.number}/acts/note"
    csrf = _csrf(client.get(address).text)
    sent: list[tuple[str, Mapping[str, str]]] = [
        ("/search", {"q": NAME}), ("/search", {"q": SOUGHT}), ("/search", {"q": MASSAR}),
        (address, {"a-text": DRAFT, "token": "stale"}), (f"{address}?next=/cases", {"a-text": "", "a-other": DRAFT}),
        (f"/cases/{school.number}/moves/qualify", {"reason": REASON}), ("/reports/new", {"a-what_happened": FIELD}),
        ("/verify", {"file": FILE}),
    ]  # fmt: skip
    for path, fields in sent[::step]:
        client.post(path, data={**fields, "csrf_token": csrf})
        client.post(path, data=fields)
    with _breaking(school.ctx):
        client.post(address, data={"a-text": BROKEN, "csrf_token": csrf, "token": "x"})
    return len(sent[::step]) * 2 + 1


@contextmanager
def _breaking(ctx: AppContext) -> Iterator[None]:
    """What is written is refused, in the database's own words."""
    plain = ctx.realm.engine

    def fails(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if statement.startswith("INSERT INTO event"):
            raise sqlite3.DataError("on purpose")

    event.listen(plain, "before_cursor_execute", fails)
    try:
        yield
    finally:
        event.remove(plain, "before_cursor_execute", fails)


def _csrf(page: str) -> str:
    marker = 'name="csrf_token"'
    after = page[page.index(marker) :]
    return after.split('value="', 1)[1].split('"', 1)[0]


def _by_every_field(player: Any) -> int:
    """Every field of every form, each with the word in it."""
    formerly = every_field.mark
    every_field.mark = lambda number: f"{FIELD}{number:04x}{ARABIC}"
    try:
        filled = every_field.Filled(player)
        filled.tokens = count(1_000_000)
        filled.write_everything()
        return sum(len(one.cleaned) for one in filled.written)
    finally:
        every_field.mark = formerly


# ---- the trial -------------------------------------------------------------------------------------------------------


def run(size: Size, folder: Path) -> Outcome:
    kept = Kept(folder / "kept")
    with kept.catching():
        doors = plant(kept, size)
    words = PLANTED if size is Size.whole else IN_SHORT
    faults = [f"{path}: {word!r} stands there ({form})" for path, word, form in found_in(folder / "kept", words)]
    faults += _is_nothing_there(kept)
    planted, seen = _planted(kept, folder)
    return Outcome(doors, "doors and fields", tuple(faults), planted, seen)


def _is_nothing_there(kept: Kept) -> Iterator[str]:
    """A search through nothing finds nothing: each kind of place must hold something."""
    wanted: Mapping[str, Iterator[Path]] = {
        "a database": kept.data.glob("*.sqlite"), "a write-ahead log": kept.data.glob("while-open-*-wal"),
        "shared memory": kept.data.glob("while-open-*-shm"), "a queue": kept.data.glob("jobs.sqlite"),
        "a sealed file": (kept.data / "files").rglob("*"), "a log": kept.log.glob("*.log"),
        "a mail": kept.mails.glob("*"), "a backup": kept.backups.glob("*/realm.sqlite"),
    }  # fmt: skip
    for name, paths in wanted.items():
        if not any(path.is_file() and path.stat().st_size for path in paths):
            yield f"there is no {name} to look into"


def _planted(kept: Kept, folder: Path) -> tuple[int, int]:
    """A word in clear in each kind of place, by the place's own means; and in each form."""
    (backup,) = kept.backups.glob("2*")
    with closing(sqlite3.connect(kept.data / "realm.sqlite")) as connection:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("CREATE TABLE control (words TEXT)")
        connection.execute("INSERT INTO control VALUES (?)", [CONTROL])
        connection.commit()
        shutil.copyfile(kept.data / "realm.sqlite-wal", kept.data / "control-wal")
    for place in ("jobs.sqlite", "while-open-realm.sqlite-shm", "files/control"):
        with (kept.data / place).open("ab") as written:
            written.write(CONTROL.encode())
    for path in (kept.log / "all.log", kept.mails / "0.txt", backup / "realm.sqlite", kept.temporary / "left"):
        with path.open("a") as text:
            text.write(CONTROL)
    (kept.temporary / f"{CONTROL}.pdf").touch()
    seen = {path for path, _word, _form in found_in(folder / "kept", (CONTROL,))}
    wanted = {
        "var/realm.sqlite", "var/control-wal", "var/jobs.sqlite", "var/while-open-realm.sqlite-shm",
        "var/files/control",
        "log/all.log", "mails/0.txt", f"backups/{backup.name}/realm.sqlite", "tmp/left", f"tmp/{CONTROL}.pdf",
    }  # fmt: skip
    written = folder / "forms"
    written.mkdir()
    for number, data in enumerate(_written_forms()):
        (written / str(number)).write_bytes(data)
    forms = {path for path, _word, _form in found_in(written, (CONTROL,))}
    return len(wanted) + len(_written_forms()), len(wanted & seen) + len(forms)


def _written_forms() -> list[bytes]:
    """The control as others would write it, each by other means than `forms_of`."""
    composed, apart = unicodedata.normalize("NFC", CONTROL), unicodedata.normalize("NFD", CONTROL)
    return [
        *(text.encode(encoding) for text in (composed, apart) for encoding in ("utf-8", "utf-16-le", "utf-16-be")),
        *(base64.b64encode(f"{'.' * before}{composed} et la suite".encode()) for before in range(3)),
        *(base64.urlsafe_b64encode(f"{'.' * before}{apart}".encode()) for before in range(3)),
        "".join(f"%{byte:02X}" if byte > 127 else chr(byte) for byte in composed.encode()).encode(),
        json.dumps({"text": composed}).encode(),
        composed.upper().encode(),
        hashlib.sha256(composed.encode()).digest(),
        hashlib.md5(composed.encode(), usedforsecurity=False).hexdigest().encode(),
    ]


TRIALS = (
    Trial("planted-words", "words typed by every door are in clear in no store, log, mail, file, backup", 200, run),
)
