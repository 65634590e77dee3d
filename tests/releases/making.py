"""A small installation as the present version leaves it, packed: a school, its people, four cases on their way.

It imports nothing but the program, so that it also runs on an older one.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sqlite3
import struct
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from school_protocol.config import Settings
from school_protocol.definitions import read
from school_protocol.documents.sealing.authority import Validity, make_authority
from school_protocol.post import Post
from school_protocol.services.accounts import hash_password
from school_protocol.services.evidence.keeping import attach_file
from school_protocol.services.house import House, open_house
from school_protocol.services.journal.keeping import take_anchor
from school_protocol.services.papers.issuing import issue_case_file
from school_protocol.services.scripts import Player, Step, TurnableClock, moment, prepared, story_of
from school_protocol.storage import directory, papers
from school_protocol.storage.migrate import revision_of

DEFINITION = "ma-cyberharassment"
STORIES = ("sc1", "sc3", "sc6", "reopening")
"""Told as far as each had come at UNTIL: a plan is written, a danger handed on, one is followed, one is closed."""
PIECE = ("sc1", "F7", "membre_er")
"""The story, the act and the person of the piece of evidence that gets a file."""
COPY = ("sc3", "team_coordinator")
"""The story and the person of the copy that was handed out."""
UNTIL = datetime(2026, 10, 9, 10, 0, tzinfo=UTC)
PASSWORD = "known to everybody who reads this"
NOTE = "release.json"
DATA = "data"
FOREVER = Validity(datetime(2020, 1, 1, tzinfo=UTC), datetime(2060, 1, 1, tzinfo=UTC))


def made(folder: Path) -> dict[str, Any]:
    """The installation, in `folder/data`; what is to be known of it."""
    settings = Settings(data=folder / DATA, evidence_files=True)
    settings.data.mkdir(parents=True)
    make_authority(settings.data / "signing", "School protocol (test)", {"REHEARSAL-R": "Académie"}, FOREVER)
    content = (files("school_protocol.protocol_definitions") / DEFINITION / "1.yaml").read_bytes()
    protocol = read(content, f"{DEFINITION}/1.yaml")
    house = open_house(settings, TurnableClock(UNTIL - timedelta(days=60)))
    try:
        first = prepared(house, house.clock, protocol, content)  # type: ignore[arg-type]
        players = {story: _player(first) for story in STORIES}
        play(one for one in told(players) if at(one[1]) <= UNTIL)
        first.clock.turn_to(UNTIL)
        evidence = _with_a_file(house, players[PIECE[0]])
        copy = players[COPY[0]].numbers[""]
        issue_case_file(house, first.actor(COPY[1]), copy, "school", "fr")
        _give_passwords(first)
        take_anchor(house, Post())
        _without_pages(house)
        return {
            "version": version("school-protocol"),
            "revisions": {"directory": revision_of(house.directory.engine), "realm": revision_of(house.realm.engine)},
            "moment": UNTIL.isoformat(),
            "school": first.school,
            "cases": {story: player.numbers[""] for story, player in players.items()},
            "people": _usernames(first),
            "evidence": evidence,
            "copy": copy,
        }
    finally:
        house.close()


def _player(first: Player) -> Player:
    """Another story in the same house, with the same people."""
    return Player(first.house, first.clock, first.protocol, first.school, first.places, first.actors, watching=False)


def told(players: Mapping[str, Player]) -> list[tuple[Player, Step]]:
    """The steps of all stories, in the order of their moments; of each, those of its unnamed case alone."""
    steps = [
        (player, step)
        for story, player in players.items()
        for step in story_of(DEFINITION, story).steps
        if not step.get("case")
    ]
    return sorted(steps, key=lambda one: at(one[1]))


def at(step: Step) -> datetime:
    return moment(str(step["at"]), "a story")


def play(steps: Iterable[tuple[Player, Step]]) -> int:
    """How many were played; raises RuntimeError where one does not go as its story says."""
    count = 0
    for player, step in steps:
        one = player.play([step])[-1]
        if not one.went_as_said:
            raise RuntimeError(f"{one.actor} {one.do} at {one.at}: {[*one.refused, *one.problems] or 'not refused'}")
        count += 1
    return count


def _with_a_file(house: House, player: Player) -> dict[str, Any]:
    """A picture of one pixel, put to the piece of evidence."""
    _story, act, who = PIECE
    entry = int(player.latest("", act))
    number = player.numbers[""]
    kept = attach_file(house, player.actor(who), number, entry, picture(), is_attested=True, token="a file")
    return {"number": number, "entry": entry, "kept": kept.seq}


def picture() -> bytes:
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0\xff\xff\xff")),
        (b"IEND", b""),
    )
    chunks = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _without_pages(house: House) -> None:
    """As a day later: pages that were made are the largest part, and kept for a day alone."""
    with house.realm.writing() as session:
        papers.drop_outdated(session, UNTIL + timedelta(days=400))


def _give_passwords(player: Player) -> None:
    hashed = hash_password(PASSWORD)
    with player.house.directory.writing() as session:
        for actor in player.actors.values():
            directory.set_password(session, actor.id, hashed)


def _usernames(player: Player) -> dict[str, str]:
    """The name of somebody in a story → the user name."""
    with player.house.directory.reading() as session:
        found = directory.accounts(session, [actor.id for actor in player.actors.values()])
    return {name: found[actor.id].username for name, actor in sorted(player.actors.items())}


# ---- packing -------------------------------------------------------------------------------------------------------


def pack(folder: Path, target: Path) -> None:
    """All of `folder`, databases vacuumed, in one archive that says nothing of when and where it was made."""
    for database in sorted((folder / DATA).glob("*.sqlite")):
        with closing(sqlite3.connect(database, isolation_level=None)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("VACUUM")
    unfinished = target.with_suffix(".part")
    with tarfile.open(unfinished, "w:xz", preset=9) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            about = tarfile.TarInfo(path.relative_to(folder).as_posix())
            content = path.read_bytes()
            about.size, about.mode = len(content), 0o600
            archive.addfile(about, io.BytesIO(content))
    unfinished.replace(target)


def unpack(source: Path, folder: Path) -> dict[str, Any]:
    """The archive's files in `folder`; what is to be known of it."""
    with tarfile.open(source) as archive:
        archive.extractall(folder, filter="data")
    for secret in folder.rglob("keys"):  # the archive keeps no modes
        secret.chmod(0o700)
    found: dict[str, Any] = json.loads((folder / NOTE).read_text("utf-8"))
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser("python -m tests.releases", description=__doc__)
    parser.add_argument("--into", type=Path, default=Path(__file__).parent)
    into = parser.parse_args(arguments).into
    target = into / f"{version('school-protocol')}.tar.xz"
    if target.exists():
        sys.exit(f"{target} is there: what a release left is made once")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        note = made(folder)
        (folder / NOTE).write_text(json.dumps(note, indent=1, ensure_ascii=False) + "\n", "utf-8")
        pack(folder, target)
    print(f"{target}: {os.path.getsize(target)} bytes")


if __name__ == "__main__":
    main()
