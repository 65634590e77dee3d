"""What a released version left is opened by this one: cases go on, whoever was there comes in, the journal holds."""

from __future__ import annotations

import configparser
import json
import os
import re
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from releases import making
from releases.making import DATA, DEFINITION, PASSWORD, PIECE, UNTIL, at, picture, play, told, unpack

from school_protocol.cli import main
from school_protocol.config import Settings
from school_protocol.documents import rendering
from school_protocol.domain.protocol import ScopeKind
from school_protocol.services import house as houses
from school_protocol.services.accounts import actor_named, recognise, sign_in
from school_protocol.services.evidence.opening import open_file
from school_protocol.services.house import House, open_house
from school_protocol.services.journal.verifying import verify
from school_protocol.services.papers.issuing import issue_case_file
from school_protocol.services.scripts import Player, TurnableClock, story_of
from school_protocol.services.showing import see_case, see_chronology
from school_protocol.storage import migrate
from school_protocol.storage.engines import open_engine
from school_protocol.web import create_app

ROOT = Path(__file__).parents[2]
RELEASES = sorted((ROOT / "tests" / "releases").glob("*.tar.xz"))
pytestmark = pytest.mark.files


class Left:
    """An installation as a release left it, in a folder of its own."""

    def __init__(self, archive: Path, folder: Path) -> None:
        self.note = unpack(archive, folder)
        self.settings = Settings(data=folder / DATA, evidence_files=True)

    def opened(self) -> House:
        """By this version, at the moment at which it was left: its tables are brought along."""
        return open_house(self.settings, TurnableClock(UNTIL))

    def revisions(self) -> dict[str, str | None]:
        found = {}
        for part in ("directory", "realm"):
            engine = open_engine(self.settings.store_url(part))
            found[part] = migrate.revision_of(engine)
            engine.dispose()
        return found

    def players(self, house: House) -> dict[str, Player]:
        """Whoever told the stories, where they had come to."""
        protocol = house.library.protocol(DEFINITION, 1)
        people = {name: actor_named(house, username) for name, username in self.note["people"].items()}
        actors = {name: actor for name, actor in people.items() if actor is not None}
        assert actors.keys() == people.keys()
        places = self.places(house)
        return {
            story: Player(
                house, house.clock, protocol, self.note["school"], places, actors, {"": number}, watching=False  # type: ignore[arg-type]
            )
            for story, number in self.note["cases"].items()
        }  # fmt: skip

    def places(self, house: House) -> dict[ScopeKind, str]:
        with closing(sqlite3.connect(self.settings.data / "directory.sqlite")) as connection:
            units = dict(connection.execute("SELECT kind, id FROM unit").fetchall())
        return {ScopeKind.province: units["province"], ScopeKind.region: units["region"]}


HEAD = {part: migrate.revisions(part)[-1] for part in ("directory", "realm")}  # type: ignore[arg-type]


@pytest.fixture(params=RELEASES, ids=[path.name.removesuffix(".tar.xz") for path in RELEASES])
def left(request: pytest.FixtureRequest, tmp_path: Path) -> Left:
    return Left(request.param, tmp_path)


@pytest.fixture
def house(left: Left) -> Iterator[House]:
    found = left.opened()
    yield found
    found.close()


@pytest.fixture
def run(left: Left, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("SCHOOL_PROTOCOL_DATA", str(left.settings.data))
    monkeypatch.setenv("SCHOOL_PROTOCOL_EVIDENCE_FILES", "1")
    return lambda *words: CliRunner().invoke(main, list(words))


# ---- what is kept of releases --------------------------------------------------------------------------------------


def test_every_release_left_one() -> None:
    """A heading of the changelog is a release; the version of setup.cfg is what comes after the last of them."""
    released = re.findall(r"^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(path.name.removesuffix(".tar.xz") for path in RELEASES) == sorted(released)
    assert released, "there is one"
    read = configparser.ConfigParser(interpolation=None)
    read.read(ROOT / "setup.cfg")
    numbers = [tuple(map(int, one.split("."))) for one in (read["metadata"]["version"], *released)]
    assert numbers[0] > max(numbers[1:])


def test_the_first_is_older_than_both_stores_are_now(tmp_path: Path) -> None:
    """Else nothing is brought along in this file."""
    left = Left(RELEASES[0], tmp_path)
    assert left.revisions() == left.note["revisions"]
    for part, revision in left.revisions().items():
        assert revision is not None
        assert revision < HEAD[part]


@pytest.mark.exhaustive
def test_it_is_made_anew_by_the_present_version(tmp_path: Path) -> None:
    making.main(["--into", str(tmp_path)])
    [packed] = tmp_path.glob("*.tar.xz")
    again = Left(packed, tmp_path / "two")
    assert again.revisions() == HEAD
    house = again.opened()
    assert verify(house).holds
    house.close()


@pytest.mark.exhaustive
def test_its_tables_and_rows_are_as_they_were_on_the_way_back(left: Left) -> None:
    """Brought along and put back; and there is a way back, too, once this version was started and looked at."""
    parts: tuple[migrate.Part, ...] = ("directory", "realm")
    before = {part: _whole(left, part) for part in parts}
    for is_started in (False, True):
        if is_started:
            house = left.opened()
            assert verify(house).holds
            house.close()
        for part in parts:
            engine = open_engine(left.settings.store_url(part))
            migrate.upgrade(engine, part)
            assert _whole(left, part) != before[part]
            migrate.downgrade(engine, part, left.note["revisions"][part])
            assert is_started or _whole(left, part) == before[part]
            engine.dispose()
        assert left.revisions() == left.note["revisions"]
    assert all(sum(line.startswith("INSERT") for line in lines) > 15 for lines in before.values()), "the control"


def _whole(left: Left, part: str) -> list[str]:
    """Tables, guards and rows; SQLite writes a table's text anew where a column came or went."""
    with closing(sqlite3.connect(left.settings.data / f"{part}.sqlite")) as connection:
        return sorted(" ".join(line.split()) for line in connection.iterdump())


# ---- by commands ---------------------------------------------------------------------------------------------------


def test_the_journal_holds_and_the_installation_lacks_nothing_new(left: Left, run: Callable[..., Result]) -> None:
    first = run("journal", "verify", "--json")
    assert first.exit_code == 0, first.output
    found = json.loads(first.stdout)
    assert (found["holds"], found["cases"], found["anchors"]) == (True, len(left.note["cases"]), 1)
    assert found["events"] > 80
    assert left.revisions() == HEAD
    for words in (("index", "rebuild"), ("figures", "rebuild"), ("evidence", "check"), ("keys", "status")):
        done = run(*words)
        assert done.exit_code == (1 if words == ("keys", "status") else 0), done.output  # no recovery copy was made
    said = run("doctor")
    wrong = [line.split()[1] for line in said.output.splitlines() if line.startswith("WRONG")]
    assert set(wrong) <= {"work:", "anchors:"}, said.output  # what a worker does, and none has run here for long
    assert "documents: " + (rendering.missing() or "can be made") in said.stdout
    assert "not counted" not in said.output
    assert run("journal", "verify").exit_code == 0


@pytest.mark.exhaustive
@pytest.mark.parametrize("column", ["sealed", "hash", "body_commitment"])
def test_the_control_one_flipped_bit_of_an_event_is_found(left: Left, run: Callable[..., Result], column: str) -> None:
    assert run("journal", "verify").exit_code == 0
    with closing(sqlite3.connect(left.settings.data / "realm.sqlite")) as connection, connection:
        connection.execute("DROP TRIGGER event_no_update")
        row, kept = connection.execute(f"SELECT rowid, {column} FROM event WHERE seq = 5 LIMIT 1").fetchone()
        flipped = bytes([kept[0] ^ 1]) + kept[1:]
        connection.execute(f"UPDATE event SET {column} = ? WHERE rowid = ?", (flipped, row))
    done = run("journal", "verify", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["breaks"][0]["entry"] == 5


# ---- cases ---------------------------------------------------------------------------------------------------------


def test_every_case_opens_and_its_stages_differ(left: Left, house: House) -> None:
    players = left.players(house)
    states = set()
    for player in players.values():
        head = player.actor("team_coordinator")
        view = see_case(house, head, player.numbers[""])
        states.add(view.head.state.key)
        assert see_chronology(house, head, player.numbers[""])
    assert len(states) == len(players)


@pytest.mark.exhaustive
def test_every_story_is_told_to_its_end(left: Left, house: House) -> None:
    players = left.players(house)
    rest = [one for one in told(players) if at(one[1]) > UNTIL]
    assert play(rest) > 60
    for story, player in players.items():
        view = see_case(house, player.actor("team_coordinator"), player.numbers[""])
        assert view.head.state.key == story_of(DEFINITION, story).ends.get(""), story
    found = verify(house)
    assert (found.holds, found.cases) == (True, len(players))


@pytest.mark.exhaustive
@pytest.mark.skipif(bool(rendering.missing()), reason="without pango no document is made")
def test_every_case_issues_its_file(left: Left, house: House) -> None:
    copies = {}
    for story, player in left.players(house).items():
        issued = issue_case_file(house, player.actor("team_coordinator"), player.numbers[""], "school", "fr")
        assert issued.data.startswith(b"%PDF")
        copies[story] = issued.copy
    assert copies[making.COPY[0]] == 2, "its first one was handed out before"
    assert sorted(copies.values()) == [1, 1, 1, 2]


@pytest.mark.exhaustive
def test_a_file_of_evidence_is_what_was_kept(left: Left, house: House) -> None:
    player = left.players(house)[PIECE[0]]
    kept = left.note["evidence"]
    member, number, entry = player.actor(PIECE[2]), kept["number"], kept["entry"]
    opened = open_file(house, member, number, entry, original=False, purpose="compare", reason="Relu.", token="t")
    assert opened.data[:8] == picture()[:8]


# ---- people --------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_everybody_comes_in_with_the_password_of_before(left: Left, house: House) -> None:
    for username in left.note["people"].values():
        assert sign_in(house, username, PASSWORD + "!") is None, "the control"
        token = sign_in(house, username, PASSWORD)
        assert token is not None
        actor = recognise(house, token)
        assert actor is not None


@pytest.mark.exhaustive
def test_pages_are_served(left: Left, house: House) -> None:
    client = create_app(house, testing=True).test_client()
    page = client.get("/sign-in").get_data(as_text=True)
    [token] = set(re.findall(r'name="csrf_token" value="([^"]+)"', page))
    form = {"csrf_token": token, "username": left.note["people"]["team_member"], "password": PASSWORD, "next": ""}
    assert client.post("/sign-in", data=form).status_code == 302
    for number in left.note["cases"].values():
        assert client.get(f"/cases/{number}").status_code == 200
    assert client.get("/ready").get_data() == b"ready\n"


# ---- what goes wrong -----------------------------------------------------------------------------------------------


def killed(left: Left, work: Callable[[], Any]) -> None:
    """A process that opens the house and is killed in `work`, as by the machine."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    _pid, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "it was to be killed"
    assert os.WTERMSIG(status) == signal.SIGKILL


def between_the_stores(left: Left) -> None:
    def upgrade(engine: Any, part: migrate.Part) -> None:
        if part == "realm":
            os.kill(os.getpid(), signal.SIGKILL)
        migrate.upgrade(engine, part)

    houses.upgrade = upgrade  # type: ignore[attr-defined] # in the child alone
    left.opened()


def before_the_second_is_kept(left: Left) -> None:
    """Its tables are changed, and the transaction that changes them is not over."""
    bring, done = migrate.command.upgrade, list[object]()

    def upgrade(config: Any, revision: str) -> None:
        bring(config, revision)
        done.append(revision)
        if len(done) == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    migrate.command.upgrade = upgrade  # type: ignore[attr-defined] # in the child alone
    left.opened()


@pytest.mark.exhaustive(but=("0.1.0-between_the_stores",))
@pytest.mark.parametrize("where", [between_the_stores, before_the_second_is_kept], ids=lambda one: one.__name__)
def test_an_upgrade_that_was_killed_goes_on(left: Left, where: Callable[[Left], None]) -> None:
    killed(left, lambda: where(left))
    assert left.revisions() == {"directory": HEAD["directory"], "realm": left.note["revisions"]["realm"]}
    house = left.opened()
    assert left.revisions() == HEAD
    rest = [one for one in told(left.players(house)) if at(one[1]) > UNTIL]
    assert play(rest[:5]) == 5
    assert verify(house).holds
    house.close()


@pytest.mark.exhaustive
@pytest.mark.parametrize("part", ["directory", "realm"])
def test_what_a_later_version_wrote_is_left_alone(left: Left, run: Callable[..., Result], part: str) -> None:
    """No way back: it is said, and nothing is changed."""
    assert run("journal", "verify").exit_code == 0
    with closing(sqlite3.connect(left.settings.data / f"{part}.sqlite")) as connection, connection:
        connection.execute("UPDATE schema_revision SET version_num = '9999'")
    before = {path: path.read_bytes() for path in left.settings.data.glob("*.sqlite")}
    done = run("doctor")
    assert done.exit_code == 1
    assert f"the tables of the {part} are of a revision that this program doesn't know" in done.output
    assert "restore a backup" in done.output
    assert {path: path.read_bytes() for path in left.settings.data.glob("*.sqlite")} == before
