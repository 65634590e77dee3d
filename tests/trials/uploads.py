"""Files of evidence, good, broken and hostile: cleaned or refused; no server error, no byte where none may be.

One in ten comes by the page, the others by the use case behind it. What was kept is opened again and looked through.
"""

from __future__ import annotations

import hashlib
import logging
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any
from unittest import mock

from PIL import Image
from services import evidence_made as made

from school_protocol.auth import sign_in_repository
from school_protocol.cases.loading import load
from school_protocol.cases.service import record_act
from school_protocol.context import AppContext
from school_protocol.engine.events import FileHandled, FileStep
from school_protocol.engine.evidence_pieces import FileRefused, Format
from school_protocol.privacy import evidence_files, evidence_scan
from school_protocol.privacy import repository as privacy_repository
from school_protocol.privacy.evidence import sweep_files
from school_protocol.privacy.evidence_files import attach_file
from school_protocol.storage.blobs import Folder
from school_protocol.web import create_app
from trials.frame import Outcome, Size, Trial
from trials.installed import Installed, installed

MUTATED = {Size.short: 4, Size.whole: 2_000}
FORBIDDEN = {Size.short: 2, Size.whole: 60}
A_CASE = 8
"""So many pieces stand in one case: a page and a case stay short."""
BY_PAGE = 10
WHO = "team_member"
MARKS = (made.MAKER.encode(), b"<?php", b"PK\x05\x06", b"<script", b"Exif\0\0", b"tEXt", b"zTXt", b"iTXt", b"eXIf")
"""What no cleaned picture holds."""


@dataclass
class Filing:
    """Where files are put: a case, its pieces, and what was kept."""

    found: Installed
    ctx: AppContext
    faults: list[str] = field(default_factory=list)
    kept: int = 0
    refused: int = 0
    number: str = ""
    left: list[int] = field(default_factory=list)
    tokens: Iterator[int] = field(default_factory=count)
    client: Any = None

    def token(self) -> str:
        return f"upload {next(self.tokens)}"

    def piece(self, intimate: str = "no") -> int:
        answers = {**made.SCREENSHOT, "sexual_or_intimate": intimate}
        actor = self.found.actors[WHO]
        return record_act(
            self.ctx, actor, self.number, "evidence", answers, expected=None, token=self.token(), proven=True
        ).seq

    def free_piece(self) -> int:
        """A piece that has no file yet, in a case that is not long."""
        if not self.left:
            self.number = self.found.report(self.ctx, "récit", self.token())
            self.left = [self.piece() for _ in range(A_CASE)]
        return self.left[-1]

    # ---- putting one there -----------------------------------------------------------------------------------------

    def put(self, name: str, data: bytes, *, by_page: bool) -> bool | None:
        """Whether it was kept; None where something else than a refusal came back, which is a fault."""
        entry = self.free_piece()
        try:
            kept = self.by_page(entry, data) if by_page else self.by_service(entry, data)
        except Exception as error:
            self.faults.append(f"{name}: {type(error).__name__}: {error}"[:200])
            return None
        if kept:
            self.left.pop()
            self.kept += 1
            self.faults += [f"{name}: {fault}" for fault in self.looked_through(entry, data)]
        else:
            self.refused += 1
        return kept

    def by_service(self, entry: int, data: bytes) -> bool:
        try:
            attach_file(self.ctx, self.found.actors[WHO], self.number, entry, data, is_attested=True,
                        token=self.token())  # fmt: skip
        except FileRefused:
            return False
        return True

    def by_page(self, entry: int, data: bytes, name: str = "capture.png") -> bool:
        """Sent as a browser does, under a name that says nothing."""
        if self.client is None:
            self.client = self.browser()
        page = self.client.get(f"/cases/{self.number}/evidence").get_data(as_text=True)
        hidden = {key: match[1] for key in ("csrf_token", "shown_to") if (match := _hidden(page, key))}
        form = {**hidden, "token": self.token(), "attested": "1", "file": (BytesIO(data), name)}
        answer = self.client.post(
            f"/cases/{self.number}/evidence/{entry}/file", data=form, content_type="multipart/form-data"
        )
        if answer.status_code not in (303, 413, 422):
            raise AssertionError(f"the page answered {answer.status_code}")
        return answer.status_code == 303

    def browser(self) -> Any:
        account = self.found.actors[WHO].id
        with self.ctx.directory.writing() as session:
            token = sign_in_repository.open_web_session(session, account, now=self.ctx.now())
        client = create_app(self.ctx, testing=True).test_client()
        client.application.config["PROPAGATE_EXCEPTIONS"] = False
        client.set_cookie("session", token)
        return client

    # ---- looking at what was kept ----------------------------------------------------------------------------------

    def looked_through(self, entry: int, data: bytes) -> Iterator[str]:
        """What is wrong with what was kept of it."""
        with self.ctx.realm.reading() as session:
            loaded = load(self.ctx, session, self.found.actors[WHO], self.number)
            events = [one for one in loaded.events if isinstance(one, FileHandled) and one.entry == entry]
            (event,) = events
            if event.step is not FileStep.kept or event.sha256 != hashlib.sha256(data).hexdigest():
                yield "its event says something else"
            parts = {
                part: privacy_repository.open_part(
                    session, self.ctx.vault, self.ctx.blobs, loaded.case_id, event.file, part
                )
                for part in privacy_repository.parts_of(session, loaded.case_id, event.file)
            }
        if parts[privacy_repository.ORIGINAL] != data:
            yield "the sealed original is not what was received"
        kind, derivative = Format(event.format), parts.get(privacy_repository.DERIVATIVE)
        if kind is Format.pdf:
            if derivative is not None:
                yield "something was made of a PDF"
            return
        if not isinstance(derivative, bytes):
            yield "nothing was made of it"
        elif kind.is_picture:
            yield from unclean(derivative, kind)
        else:
            derivative.decode()

    def on_disk(self) -> int:
        return sum(1 for path in self.ctx.settings.files.rglob("*") if path.is_file())


def _hidden(page: str, name: str) -> re.Match[str] | None:
    return re.search(rf'name="{name}" value="([^"]*)"', page)


def unclean(derivative: bytes, kind: Format) -> Iterator[str]:
    """What a cleaned picture still carries besides its points."""
    yield from (f"the cleaned picture holds {mark!r}" for mark in MARKS if mark in derivative)
    with Image.open(BytesIO(derivative), formats=("PNG", "JPEG")) as picture:
        picture.load()
        if picture.format != kind.value.upper():
            yield f"the cleaned picture is a {picture.format}"
        if picture.getexif() or set(picture.info) - {"jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi"}:
            yield f"the cleaned picture carries notes: {sorted(map(str, picture.info))}"


# ---- what is put there -----------------------------------------------------------------------------------------------


def seeds() -> Mapping[str, bytes]:
    """Files as people have them."""
    return {
        "png": made.png(Comment=made.MAKER),
        "jpeg": made.jpeg(),
        "pdf": made.pdf(),
        "txt": made.text() + made.MAKER.encode(),
    }


def hand_made() -> Mapping[str, tuple[bytes, bool]]:
    """Each with whether it may be kept."""
    png, jpeg, pdf = made.png(Comment=made.MAKER), made.jpeg(), made.pdf()
    return {
        "a png": (png, True),
        "a jpeg that says where": (jpeg, True),
        "a pdf": (pdf, True),
        "a text": (made.text(), True),
        "a telephone's own tail": (jpeg + b"\0\0SEFT", True),
        "a gif": (b"GIF89a\1\0\1\0\0\0\0,\0\0\0\0\1\0\1\0\0;", False),
        "a webp": (b"RIFF\x24\0\0\0WEBPVP8 ", False),
        "a bmp": (b"BM" + b"\0" * 60, False),
        "a tiff": (b"II*\0\x08\0\0\0\0\0", False),
        "an svg": (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", False),
        "a page": (b"<!doctype html><script>alert(1)</script>", False),
        "a page in capitals": (b"  <HTML><BODY>", False),
        "a zip": (made.zip_file(), False),
        "a program": (b"MZ\x90\0" + b"\0" * 60, False),
        "another program": (b"\x7fELF\2\1\1" + b"\0" * 60, False),
        "a script": (b"#!/bin/sh\nrm -rf /\n", False),
        "php after a png": (png + b"<?php system($_GET[0]); ?>", False),
        "php after a jpeg": (jpeg + b"<?php 1 ?>", False),
        "php in the notes": (made.png(Comment="<?php 1 ?>"), False),
        "a page in the notes": (made.png(Comment="<script>1</script>"), False),
        "a zip after a jpeg": (jpeg + made.zip_file(), False),
        "a zip after a pdf": (pdf + made.zip_file(), False),
        "a pdf after a png": (png + pdf, False),
        "a png before a pdf": (b"\0" + pdf, False),
        "a video after a jpeg": (jpeg + b"\0\0\0\x18ftypmp42", False),
        "a video": (b"\0\0\0\x18ftypisom\0\0\2\0", False),
        "a moving png": (made.with_chunk(png, b"acTL", b"\0\0\0\2\0\0\0\0"), False),
        "ten thousand million points": (made.ten_gigapixels(), False),
        "notes that unpack to 80 MB": (made.text_bomb(), False),
        "a locked pdf": (made.encrypted_pdf(), False),
        "a pdf with a program in it": (made.pdf_with_a_file(), False),
        "no pdf": (b"%PDF-1.7\n%%EOF", False),
        "nothing": (b"", False),
        "zeros": (b"\0" * 4096, False),
        "over the cap": (b"a " * (600 * 1024), False),
        "a virus": (made.EICAR, False),
    }


def mutated(amount: int, random_: random.Random) -> Iterator[tuple[str, bytes]]:
    """Files in which bytes were flipped, cut out, doubled, swapped, or put at their end."""
    known = seeds()
    names = list(known)
    for place in range(amount):
        name = names[place % len(names)]
        data = bytearray(known[name])
        for _ in range(random_.choice((1, 1, 1, 2, 4, 16))):
            _mutate(data, random_)
        yield f"{name} {place}", bytes(data)


def _mutate(data: bytearray, random_: random.Random) -> None:
    if not data:
        return
    at, length = random_.randrange(len(data)), random_.choice((1, 2, 8, 64))
    match random_.randrange(6):
        case 0:
            data[at] ^= 1 << random_.randrange(8)
        case 1:
            data[at] = random_.choice((0, 0xFF, 0x7F, 0x80))
        case 2:
            del data[at : at + length]
        case 3:
            data[at:at] = data[at : at + length]
        case 4:
            data[at : at + length] = random_.randbytes(length)
        case 5:
            data += random_.randbytes(length)


# ---- the trial -------------------------------------------------------------------------------------------------------


def tried(filing: Filing, corpus: Iterable[tuple[str, bytes, bool | None]]) -> int:
    """Put each there; one that may be kept or must not be is compared with what became of it."""
    amount = 0
    for place, (name, data, wanted) in enumerate(corpus):
        kept = filing.put(name, data, by_page=place % BY_PAGE == 0)
        if kept is not None and wanted is not None and kept is not wanted:
            filing.faults.append(f"{name}: {'kept' if kept else 'refused'}")
        amount += 1
    return amount


def forbidden(filing: Filing, amount: int) -> Iterator[str]:
    """Where nothing may be kept nothing reaches the disk: said to be intimate, in doubt, or a danger stands."""
    filing.number = filing.found.report(filing.ctx, "récit", filing.token())
    entries = [filing.piece("yes"), filing.piece("doubt"), filing.piece()]
    record_act(
        filing.ctx, filing.found.actors[WHO], filing.number, "raise_danger", {"which_danger": "intimate_image"},
        expected=None, token=filing.token(), proven=True,
    )  # fmt: skip
    before, kinds = filing.on_disk(), list(seeds().values())
    for place in range(amount):
        entry, data = entries[place % len(entries)], kinds[place % len(kinds)]
        kept = filing.by_page(entry, data) if place % 2 else filing.by_service(entry, data)
        if kept or filing.on_disk() != before:
            yield f"a file was kept for piece {entry}, where none may be"
            return
    filing.left = []


def at_the_end(filing: Filing) -> Iterator[str]:
    """Each file kept lies there, sealed, and nothing else does."""
    found = sweep_files(filing.ctx)
    if found.lost or found.strays:
        yield f"{found.lost} files are lost, {found.strays} lie about"
    for path in filing.ctx.settings.data.rglob("*"):
        if path.is_file() and made.MAKER.encode() in path.read_bytes():
            yield f"{path.name} holds words of a file in clear"


@contextmanager
def filing_in(folder: Path, **settings: Any) -> Iterator[Filing]:
    found = installed(folder, evidence_megabytes=1, **settings)
    with found.entered() as ctx:
        yield Filing(found, ctx)


def run(size: Size, folder: Path) -> Outcome:
    random_ = random.Random(20261126)
    corpus: list[tuple[str, bytes, bool | None]] = [(name, data, may) for name, (data, may) in hand_made().items()]
    if size is Size.short:
        corpus = corpus[1:4] + corpus[16:17]
    corpus += [(name, data, None) for name, data in mutated(MUTATED[size], random_)]
    with made.scanner() as address, filing_in(folder, clamav=address) as filing:
        amount = tried(filing, corpus)
        filing.faults += forbidden(filing, FORBIDDEN[size])
        filing.faults += at_the_end(filing)
        found = sum(bool(plant(filing)) for plant in PLANTED)
        return Outcome(
            amount + FORBIDDEN[size], f"files ({filing.kept} kept, {filing.refused} refused)",
            tuple(filing.faults), len(PLANTED), found,
        )  # fmt: skip


# ---- faults planted on purpose ---------------------------------------------------------------------------------------


def _with(filing: Filing, work: Callable[[], object]) -> list[str]:
    """What is reported while something is broken, and not afterwards."""
    before, left = list(filing.faults), filing.left
    filing.faults = []
    try:
        work()
        return filing.faults
    finally:
        filing.faults, filing.left = before, left if filing.left is left else []


def keeps_notes(filing: Filing) -> list[str]:
    """A cleaner that carries the notes of a photograph along."""

    def careless(picture: Image.Image, kind: Format) -> bytes:
        made_of_it = BytesIO()
        picture.save(made_of_it, kind.value.upper(), exif=picture.getexif())
        return made_of_it.getvalue()

    def work() -> None:
        with (
            mock.patch.object(evidence_files, "examined_apart", evidence_scan.examined),
            mock.patch.object(evidence_scan, "written_anew", careless),
        ):
            filing.put("a photograph", made.jpeg(), by_page=False)

    return _with(filing, work)


def lets_in(filing: Filing) -> list[str]:
    """A door that doesn't ask whether a file may be kept."""

    def work() -> None:
        with mock.patch.object(evidence_files.evidence_pieces, "against_files", return_value=None):
            filing.faults += forbidden(filing, 1)

    return _with(filing, work)


def breaks_down(filing: Filing) -> list[str]:
    """A reader that fails in a way that nobody has foreseen, behind the page."""

    def broken(_data: bytes) -> Any:
        raise ZeroDivisionError

    def work() -> None:
        logging.disable(logging.CRITICAL)
        try:
            with mock.patch.object(evidence_files, "examined_apart", broken):
                filing.put("a picture", made.png(), by_page=True)
        finally:
            logging.disable(logging.NOTSET)

    return _with(filing, work)


def alters(filing: Filing) -> list[str]:
    """A disk that gives other bytes back than were written."""
    plain = Folder.put

    def work() -> None:
        def altered(self: Folder, session: Any, case_id: str, name: str, sealed: bytes) -> None:
            plain(self, session, case_id, name, sealed[:-1] + b"\0")

        with mock.patch.object(Folder, "put", altered):
            filing.put("a picture", made.png(), by_page=False)

    return _with(filing, work)


PLANTED = (keeps_notes, lets_in, breaks_down, alters)
TRIALS = (Trial("uploads", "files put to evidence, good, broken and hostile", 2_000, run),)
