"""Places for sealed bytes: what all of them refuse, and an object store that is slow, broken, killed or lies."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Lock, Thread

import pytest
from sqlalchemy.exc import IntegrityError

from school_protocol.config import FOLDER, SettingUnreadable, settings_from
from school_protocol.privacy import repository as privacy_repository
from school_protocol.storage import bucket
from school_protocol.storage.blobs import FilesAway, FilesElsewhere, FilesMisplaced, Standing, new_name
from school_protocol.storage.bucket import Bucket, as_kept, open_blobs, settle_files
from storage.conftest import NOW, Realm
from storage.lying import PLACES, Place, place
from storage.object_store import ENVIRONMENT, NAME, ObjectStore, pretending, serving

MEGABYTE = 1024 * 1024


@pytest.fixture(params=PLACES)
def lying(request: pytest.FixtureRequest, realm: Realm) -> Place:
    objects = request.getfixturevalue("object_store") if request.param == "bucket" else None
    return place(request.param, realm.store, realm.folder / "files", objects)


# ---- what all of them do ---------------------------------------------------------------------------------------------


@pytest.mark.exhaustive(
    only=(
        "sqlite-bucket-",
        "sqlite-folder-a",
        "sqlite-rows-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/",
    )
)
@pytest.mark.parametrize(
    "name", ["", "a", "../" + "a" * 29, "A" * 32, "a" * 33, "a" * 31 + "/", "a" * 32 + "\n", "é" * 32]
)
def test_a_name_that_is_none_of_ours_is_refused(realm: Realm, lying: Place, name: str) -> None:
    case_id = realm.open_case()
    with pytest.raises(ValueError, match="no name of a sealed file"):
        lying.put(name, b"sealed", case_id)
    with realm.store.reading() as session, pytest.raises(ValueError, match="no name of a sealed file"):
        lying.blobs.get(session, name)
    with pytest.raises(ValueError, match="no name of a sealed file"):
        lying.blobs.delete([name])
    assert lying.names() == []


def test_nothing_is_put_over_something_else(realm: Realm, lying: Place) -> None:
    case_id, name = realm.open_case(), new_name()
    lying.put(name, b"first", case_id)
    with pytest.raises((FileExistsError, IntegrityError)):
        lying.put(name, b"second", case_id)
    assert lying.get(name) == b"first"


@pytest.mark.exhaustive
def test_sixty_five_megabytes_come_back_as_they_went(realm: Realm, lying: Place) -> None:
    case_id, name, data = realm.open_case(), new_name(), os.urandom(65 * MEGABYTE)
    lying.put(name, data, case_id)
    with realm.store.reading() as session:
        found = lying.blobs.get(session, name)
    assert found == data, "not compared by pytest: it would say both" if found != data else ""
    assert [one.size for one in lying.blobs.names(name[:2])] == [65 * MEGABYTE]


@pytest.mark.exhaustive(but=("sqlite-folder",))
def test_all_of_it_is_cleared_and_nothing_beside(realm: Realm, lying: Place) -> None:
    case_id = realm.open_case()
    for _number in range(3):
        lying.put(new_name(), b"sealed", case_id)
    lying.blobs.clear()
    assert lying.names() == []


def test_each_place_can_be_tried_and_keeps_nothing_of_it(lying: Place) -> None:
    assert lying.blobs.standing() == Standing(in_clear=isinstance(lying.blobs, Bucket))
    assert lying.names() == []


# ---- which of them ---------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_rows_without_files_go_by_the_settings_and_rows_with_files_do_not(
    realm: Realm, object_store: ObjectStore, tmp_path: Path
) -> None:
    settings = settings_from({"SCHOOL_PROTOCOL_DATA": str(tmp_path), "SCHOOL_PROTOCOL_FILES": "database"})
    settle_files(settings, realm.store)
    assert as_kept(settings_from({}), realm.store).files_in == "database"
    folder = settings_from({"SCHOOL_PROTOCOL_DATA": str(tmp_path)})
    settle_files(folder, realm.store)
    assert as_kept(settings, realm.store).files_in == FOLDER
    made = place(FOLDER, realm.store, tmp_path / "files", None)
    case_id = realm.open_case()
    with realm.store.writing() as session:
        privacy_repository.keep(session, realm.vault, made.blobs, case_id, {"original": b"x"}, at=NOW, places=[])
    settle_files(folder, realm.store)
    with pytest.raises(FilesElsewhere, match="files of this installation lie in folder"):
        settle_files(settings, realm.store)


@pytest.mark.parametrize(
    "said", ["s3://", "s3://A", "s3://user:secret@bucket", "s3://bucket/../up", "/srv/files", "http://x", "s3://ab/x?y"]
)
def test_a_place_that_is_none_is_told_without_what_was_said(said: str) -> None:
    with pytest.raises(SettingUnreadable, match="SCHOOL_PROTOCOL_FILES is one of") as found:
        settings_from({"SCHOOL_PROTOCOL_FILES": said})
    assert "secret" not in str(found.value)


@pytest.mark.parametrize("said", ["minio:9000", "https://key:secret@minio", "https://minio/bucket", "ftp://minio"])
def test_an_address_that_is_none_is_told_without_what_was_said(said: str) -> None:
    with pytest.raises(SettingUnreadable, match="FILES_ENDPOINT") as found:
        settings_from({"SCHOOL_PROTOCOL_FILES": "s3://bucket", "SCHOOL_PROTOCOL_FILES_ENDPOINT": said})
    assert "secret" not in str(found.value)


def test_without_its_library_an_object_store_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket, "find_spec", lambda name: None)
    with pytest.raises(FilesMisplaced, match="pip install"):
        Bucket("s3://bucket", "real")


@pytest.mark.exhaustive
def test_settings_open_the_place_that_they_name(realm: Realm, tmp_path: Path) -> None:
    said = {"SCHOOL_PROTOCOL_DATA": str(tmp_path)}
    for name, kind in (("", "Folder"), ("folder", "Folder"), ("database", "Rows"), ("s3://bucket/deep/er/", "Bucket")):
        found = open_blobs(settings_from({**said, "SCHOOL_PROTOCOL_FILES": name}), realm.store)
        assert type(found).__name__ == kind
    assert found.address == "s3://bucket/deep/er"


# ---- an object store -------------------------------------------------------------------------------------------------


def test_whose_files_lie_under_a_prefix_of_their_own(object_store: ObjectStore) -> None:
    real, other = object_store.bucket("own"), object_store.bucket("own", "other")
    for one in (real, other):
        one.put(None, "", new_name(), one.of.encode())
    assert [len(list(one.names())) for one in (real, other)] == [1, 1]
    other.clear()
    assert [len(list(one.names())) for one in (real, other)] == [1, 0]


def test_objects_of_others_are_neither_counted_nor_taken_away(object_store: ObjectStore) -> None:
    own, name = object_store.bucket("shared"), new_name()
    own.put(None, "", name, b"sealed")
    for key in (f"shared/real/zz/{name}", f"shared/real/{name[:2]}/readme.txt", "shared/else"):
        object_store.path(key).parent.mkdir(parents=True, exist_ok=True)
        object_store.path(key).write_bytes(b"somebody's")
    assert [one.name for one in own.names()] == [name]


def test_a_bucket_that_is_not_there_and_a_key_that_is_not_ours_are_told(
    object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = Bucket("s3://not-there", "real", endpoint=object_store.endpoint)
    with pytest.raises(FilesAway, match="NoSuchBucket"):
        absent.put(None, "", new_name(), b"sealed")
    with pytest.raises(FilesAway, match="NoSuchBucket"):
        absent.get(None, new_name())
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    bucket._client.cache_clear()
    try:
        assert object_store.bucket("x").standing().fault.startswith("the object store refuses")
    finally:
        bucket._client.cache_clear()
        bucket._resting.clear()


def _sent(asked: BaseHTTPRequestHandler) -> bytes:
    return asked.rfile.read(int(asked.headers.get("Content-Length") or 0))


def _say(
    status: int, body: bytes = b"", *, is_read: bool = False, **headers: str
) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(asked: BaseHTTPRequestHandler) -> None:
        if not is_read:
            _sent(asked)
        asked.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            asked.send_header(name.replace("_", "-"), value)
        asked.end_headers()
        if asked.command != "HEAD":
            asked.wfile.write(body)

    return answer


def _hang(asked: BaseHTTPRequestHandler) -> None:
    time.sleep(5)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Waiting is shorter; how often is asked, and what is done then, is as ever."""
    monkeypatch.setattr(bucket, "ANSWER_SECONDS", 0.4)
    bucket._client.cache_clear()
    yield
    bucket._client.cache_clear()


@pytest.mark.exhaustive
@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("answer", [_say(500), _say(503), _hang], ids=["broken", "busy", "hangs"])
@pytest.mark.parametrize("what", ["put", "get", "delete", "names", "standing"])
def test_a_store_that_hangs_or_breaks_is_told_in_bounded_time_and_then_at_once(
    answer: Callable[[BaseHTTPRequestHandler], None], what: str
) -> None:
    asked: list[str] = []

    def counting(one: BaseHTTPRequestHandler) -> None:
        asked.append(one.command)
        answer(one)

    with pretending(counting) as endpoint:
        own = Bucket(f"s3://{NAME}", "real", endpoint=endpoint)
        do: dict[str, Callable[[], object]] = {
            "put": lambda: own.put(None, "", new_name(), b"sealed"),
            "get": lambda: own.get(None, new_name()),
            "delete": lambda: own.delete([new_name()]),
            "names": lambda: list(own.names()),
            "standing": lambda: _raised(own.standing().fault),
        }
        with pytest.raises(FilesAway, match="the object store"):
            do[what]()
        often = len(asked)
        assert often == bucket.ATTEMPTS
        with pytest.raises(FilesAway, match="did not answer just now"):
            do[what]()
        assert len(asked) == often, "it is left alone for a while"
        bucket._resting.clear()
        with pytest.raises(FilesAway):
            do[what]()
        assert len(asked) > often, "the control: then it is asked again"


def _raised(fault: str) -> None:
    assert fault
    raise FilesAway(fault)


def test_the_bounds_leave_no_page_for_minutes() -> None:
    each = bucket.CONNECT_SECONDS + bucket.ANSWER_SECONDS
    assert each * bucket.ATTEMPTS + 1 < 25, (
        "the first that fails is the last that is asked: the store is left alone then"
    )
    assert bucket.BODY_SECONDS <= 30


@pytest.mark.exhaustive
@pytest.mark.usefixtures("hasty")
def test_bytes_that_trickle_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket, "BODY_SECONDS", 0.6)
    monkeypatch.setattr(bucket, "_PIECE", 1)

    def trickle(asked: BaseHTTPRequestHandler) -> None:
        asked.send_response(200)
        asked.send_header("Content-Length", "1000")
        asked.end_headers()
        for _byte in range(40):
            asked.wfile.write(b"x")
            asked.wfile.flush()
            time.sleep(0.1)

    with pretending(trickle) as endpoint, pytest.raises(FilesAway, match="TimeoutError"):
        Bucket(f"s3://{NAME}", "real", endpoint=endpoint).get(None, new_name())


@pytest.mark.exhaustive
def test_a_store_each_of_whose_answers_is_slow_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def slow(one: BaseHTTPRequestHandler) -> None:
        asked.append(one.command)
        time.sleep(0.4)
        _say(404 if one.command == "HEAD" else 200, b"sealed" if one.command == "GET" else b"")(one)

    with pretending(slow) as endpoint:
        own = Bucket(f"s3://{NAME}", "real", endpoint=endpoint)
        own.put(None, "", new_name(), b"sealed")
        assert asked == ["HEAD", "PUT", "GET"], "the control: in half a minute it is done"
        monkeypatch.setattr(bucket, "BODY_SECONDS", 0.5)
        with pytest.raises(FilesAway, match="TimeoutError"):
            own.put(None, "", new_name(), b"sealed")
    assert asked[3:] == ["HEAD", "PUT"]


@pytest.mark.exhaustive
@pytest.mark.parametrize("told", [None, b"", b"seale", b"SEALED"], ids=["gone", "empty", "short", "other"])
def test_a_store_that_says_yes_and_keeps_something_else_is_not_believed(told: bytes | None) -> None:
    def answer(asked: BaseHTTPRequestHandler) -> None:
        is_read = asked.command == "GET"
        if asked.command == "HEAD" or (is_read and told is None):
            _say(404)(asked)
        else:
            _say(200, told or b"" if is_read else b"")(asked)

    with pretending(answer) as endpoint, pytest.raises(FilesAway, match="did not keep what was written"):
        Bucket(f"s3://{NAME}", "real", endpoint=endpoint).put(None, "", new_name(), b"sealed")


@pytest.mark.exhaustive
def test_the_control_a_store_that_keeps_it_is_believed() -> None:
    def answer(asked: BaseHTTPRequestHandler) -> None:
        _say(404 if asked.command == "HEAD" else 200, b"sealed" if asked.command == "GET" else b"")(asked)

    with pretending(answer) as endpoint:
        Bucket(f"s3://{NAME}", "real", endpoint=endpoint).put(None, "", new_name(), b"sealed")


@pytest.mark.exhaustive
def test_a_broken_connection_while_something_is_read_is_no_shorter_file() -> None:
    with pretending(_say(200, b"seal", Content_Length="6")) as endpoint, pytest.raises(FilesAway):
        Bucket(f"s3://{NAME}", "real", endpoint=endpoint).get(None, new_name())


_VERSIONING = b"<VersioningConfiguration xmlns='http://s3.amazonaws.com/doc/2006-03-01/'>%s</VersioningConfiguration>"


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (_say(200, _VERSIONING % b"<Status>Enabled</Status>"), True),
        (_say(200, _VERSIONING % b"<Status>Suspended</Status>"), False),
        (_say(200, _VERSIONING % b""), False),
        (_say(403), None),
    ],
    ids=["versioned", "no longer", "never", "not told"],
)
def test_whether_a_bucket_keeps_older_versions(
    answer: Callable[[BaseHTTPRequestHandler], None], found: bool | None
) -> None:
    with pretending(answer) as endpoint:
        assert Bucket(f"s3://{NAME}", "real", endpoint=endpoint).is_versioned() is found


@pytest.mark.exhaustive(but=("False",))
@pytest.mark.parametrize("is_public", [True, False])
def test_whether_anybody_reads_there(is_public: bool) -> None:
    kept: dict[str, bytes] = {}

    def answer(asked: BaseHTTPRequestHandler) -> None:
        data = _sent(asked)
        if asked.command == "PUT":
            kept[asked.path] = data
        if asked.command == "DELETE":
            kept.pop(asked.path.partition("?")[0])
        found = kept.get(asked.path)
        if "versioning" in asked.path:
            _say(200, _VERSIONING % b"", is_read=True)(asked)
        elif not is_public and "Authorization" not in asked.headers:
            _say(403, is_read=True)(asked)
        else:
            status = 200 if found is not None or asked.command == "DELETE" else 404
            _say(status, found or b"" if asked.command == "GET" else b"", is_read=True)(asked)

    with pretending(answer) as endpoint:
        standing = Bucket(f"s3://{NAME}", "real", endpoint=endpoint).standing()
    assert standing == Standing(public=is_public, in_clear=True)


# ---- killed, and several at once -------------------------------------------------------------------------------------

_WRITER = """
import sys, time
from school_protocol.storage.blobs import new_name
from school_protocol.storage.bucket import Bucket
own = Bucket(sys.argv[1], "real", endpoint=sys.argv[2])
for number in range(20):
    name = new_name()
    own.put(None, "", name, name.encode() * 100)
    print(name, flush=True)
"""


@pytest.mark.exhaustive
def test_two_processes_write_at_once(object_store: ObjectStore) -> None:
    arguments = [sys.executable, "-c", _WRITER, f"s3://{NAME}/both", object_store.endpoint]
    writers = [
        subprocess.Popen(arguments, stdout=subprocess.PIPE, env={**os.environ, **ENVIRONMENT}) for _one in range(2)
    ]
    said = [name for one in writers for name in one.communicate(timeout=60)[0].decode().split()]
    own = object_store.bucket("both")
    assert len(said) == 40
    assert {one.name for one in own.names()} == set(said)
    assert all(own.get(None, name) == name.encode() * 100 for name in said)


@pytest.mark.exhaustive
def test_what_was_acknowledged_outlives_a_store_that_is_killed_and_what_was_not_need_not(tmp_path: Path) -> None:
    with serving(tmp_path) as objects:
        own, data, lock = objects.bucket("killed"), os.urandom(3 * MEGABYTE), Lock()
        begun, acknowledged, is_over = list[str](), list[str](), False

        def keep() -> None:
            while not is_over:
                name = new_name()
                with lock:
                    begun.append(name)
                try:
                    own.put(None, "", name, data)
                except FilesAway:
                    return
                with lock:
                    acknowledged.append(name)

        writers = [Thread(target=keep) for _one in range(4)]
        for one in writers:
            one.start()
        until = time.monotonic() + 60
        while len(acknowledged) < 12 and time.monotonic() < until:
            time.sleep(0.005)
        objects.kill()
        is_over = True
        for one in writers:
            one.join(30)
        bucket._resting.clear()
        objects.begin()
        whole = {name for name in begun if own.get(None, name) == data}
        assert len(acknowledged) >= 12
        assert set(acknowledged) <= whole, "what was acknowledged is there"
        assert not set(begun) <= whole, "the control: whoever acknowledges before it is put has lost some"
