"""The built wheel, installed away from the checkout: it holds what it needs and nothing else, and serves the demo."""

from __future__ import annotations

import configparser
import hashlib
import json
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode

import pytest
from repository.operations import block_of, put

from cli.building import (
    ROOT,
    Built,
    Environment,
    bare,
    copied_tree,
    difference,
    environment,
    held,
    said,
    wanted,
)
from school_protocol.pdf import rendering

PASSWORD = "a word for this test alone"
NEVER = (
    "var/realm.sqlite", ".env", "keys/master-1.key", "tests/test_planted.py", "bench/planted.py", "conftest.py",
    "school_protocol/__pycache__/planted.cpython-311.pyc", "school_protocol/web/static/fonts/planted.woff2",
    "school_protocol/storage/migrations/realm/versions/__pycache__/0001_tables.cpython-311.pyc",
    "school_protocol/translations/fr/LC_MESSAGES/messages.mo", "templates/__pycache__/planted.cpython-311.pyc",
    "protocol_definitions/var/realm.sqlite", "build/lib/school_protocol/left_over.py",
)  # fmt: skip
"""What may lie in a checkout that somebody works in, and in no wheel."""


def version() -> str:
    read = configparser.ConfigParser(interpolation=None)
    read.read(ROOT / "setup.cfg")
    return read["metadata"]["version"]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied_tree(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The archive and the wheels, built in a tree in which things lie about."""
    untidy = tmp_path_factory.mktemp("untidy")
    copied_tree(untidy)
    for name in NEVER:
        (untidy / name).parent.mkdir(parents=True, exist_ok=True)
        (untidy / name).write_bytes(b"planted")
    return Built(untidy, tmp_path_factory.mktemp("built"))


# ---- what is in it -------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive(only=("in_place",))
@pytest.mark.parametrize("built", ["in_place", "wheel"])
def test_the_wheel_holds_every_file_of_the_program_and_none_besides(source: Path, archives: Built, built: str) -> None:
    found = difference(wanted(source), held(getattr(archives, built)))
    assert (found.missing, found.besides) == ([], [])
    assert len(wanted(source)) > 700


def test_the_control_names_what_is_missing_and_what_is_too_much(source: Path) -> None:
    needed = wanted(source)
    page, planted = "school_protocol/templates/auth/sign_in_show.html", "school_protocol/tests/test_planted.py"
    assert page in needed
    found = difference(needed, needed - {page} | {planted})
    assert (found.missing, found.besides) == ([page], [planted])


def test_catalogues_are_compiled_anew(archives: Built) -> None:
    """One that lay there, of whatever age, is not the one that ships."""
    with zipfile.ZipFile(archives.wheel) as wheel:
        compiled = wheel.read("school_protocol/translations/fr/LC_MESSAGES/messages.mo")
    assert compiled[:4] == b"\xde\x12\x04\x95"
    assert b"Se connecter" in compiled


@pytest.mark.exhaustive
def test_the_archive_of_the_source_holds_nothing_that_only_lay_about(archives: Built) -> None:
    with tarfile.open(archives.archive) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert "setup.py" in names
    assert "school_protocol/translations/fr/LC_MESSAGES/messages.po" in names
    assert sorted(names & set(NEVER)) == []


# ---- installed -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Installed:
    """What was installed, and an empty folder from which it is run; the demo lies in `var` there."""

    at: Environment
    folder: Path

    def run(self, *words: str, **environ: str) -> str:
        return said(self.at.command, *words, cwd=self.folder, **environ)


@pytest.fixture(scope="module")
def installed(archives: Built, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("installed")
    at = environment(folder / "environment")
    try_import = (at.python, "-c", "import flask, school_protocol")
    before = subprocess.run(try_import, cwd=folder, env=bare(), capture_output=True, text=True, check=False)
    assert "No module named 'school_protocol'" in before.stderr, "the control: the checkout is not seen from here"
    at.install(archives.wheel)
    (folder / "empty").mkdir()
    made = Installed(at, folder / "empty")
    where = said(at.python, "-c", "import school_protocol; print(school_protocol.__file__)", cwd=made.folder)
    assert Path(where.strip()) == at.package / "__init__.py"
    made.run("demo", "prepare", SCHOOL_PROTOCOL_DEMO_PASSWORD=PASSWORD)
    return made


@pytest.mark.exhaustive
def test_it_says_its_version(installed: Installed) -> None:
    assert installed.run("--version") == f"school-protocol {version()}\n"
    doctor = (installed.at.command, "doctor")  # not content: no worker has run here
    told = subprocess.run(doctor, cwd=installed.folder, env=bare(), capture_output=True, text=True, check=False)
    assert f"version: {version()}\n" in told.stdout


@pytest.mark.exhaustive
@pytest.mark.parametrize("lock", ["requirements/runtime.lock", "requirements/scale.lock"])
def test_the_lines_of_the_docs_install_it(archives: Built, tmp_path: Path, lock: str) -> None:
    """As they stand, without a network: libraries, and the pip of the lock, are found where the tests have theirs."""
    first, rest = put(block_of("python3 -m venv"), {"-r requirements/runtime.lock": f"-r {lock}"}).split("\n", 1)
    (tmp_path / "dist").mkdir()
    shutil.copy(archives.wheel, tmp_path / "dist")
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    at = Environment(tmp_path / "environment")
    first = put(first, {"python3": shlex.quote(sys.executable), "/opt/school-protocol": shlex.quote(str(at.folder))})
    said("sh", "-euc", f"{first} --without-pip", cwd=tmp_path)
    at.see_libraries()
    pip = f"{shlex.quote(sys.executable)} -m pip --python {shlex.quote(at.python)} install -q --no-index "
    rest = put(rest, {"/opt/school-protocol/bin/pip install ": pip})
    said("sh", "-euc", rest, cwd=tmp_path)
    assert said(at.command, "--version", cwd=tmp_path) == f"school-protocol {version()}\n"
    assert "--hash=sha256:" in (tmp_path / "wanted-pip").read_text()
    assert (tmp_path / "wanted").read_text().startswith("school-protocol @ file://")
    if "scale" not in lock:
        control = put(rest, {"sha256sum": "md5sum", " install -q": " install -q --force-reinstall"})
        with pytest.raises(AssertionError, match=r"(?i)hash"):
            said("sh", "-euc", control, cwd=tmp_path)


@pytest.mark.exhaustive
def test_its_definitions_are_shipped_without_a_fault(installed: Installed) -> None:
    files = sorted(str(path) for path in (installed.at.package / "protocol_definitions").glob("*/[0-9]*.yaml"))
    assert len(files) == 3
    installed.run("definitions", "check", "--no-proof", *files)


@pytest.mark.exhaustive
def test_it_serves_the_demo_and_writes_nothing_into_itself(installed: Installed) -> None:
    before = _listed(installed.at.package)
    look_at(installed)
    assert _listed(installed.at.package) == before


@pytest.mark.exhaustive
@pytest.mark.skipif(bool(rendering.missing()), reason="without pango no document is made")
def test_it_issues_a_case_file(installed: Installed) -> None:
    listed = json.loads(installed.run("cases", "list", "--as", "membre", "--json"))
    number = listed["cases"][0]["number"]
    installed.run("case-file", "issue", number, "--output", "copy.pdf", *["--as", "referent", "--profile", "school"])
    said_of_it = installed.run("case-file", "verify", "copy.pdf", "--trust", "var/signing/root.pem", "--here", "--json")
    found = json.loads(said_of_it)
    assert (found["standing"], found["issued"]) == ("genuine", True)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "name",
    [
        "translations/fr/LC_MESSAGES/messages.mo",
        "web/static/fonts/plex-400-arabic.woff2",
        "storage/migrations/realm/versions/*.py",
    ],
)
def test_the_control_a_file_that_is_missing_is_found(installed: Installed, name: str) -> None:
    file = max(installed.at.package.glob(name))
    kept = file.read_bytes()
    file.unlink()
    try:
        with pytest.raises((AssertionError, urllib.error.HTTPError)):
            look_at(installed)
    finally:
        file.write_bytes(kept)


def _listed(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


# ---- a browser that knows little -----------------------------------------------------------------------------------


def look_at(installed: Installed) -> None:
    """Serve it, and open what somebody opens on the first day."""
    with serving(installed) as site:
        assert site.text("/alive") == "alive\n"
        assert site.text("/ready") == "ready\n"
        page = site.text("/sign-in")
        assert "Se connecter" in page
        [sheet] = re.findall(r'href="(/static/school\.css[^"]*)"', page)
        faces = re.findall(r"url\((fonts/[\w.-]+)\)", site.text(sheet))
        assert len(faces) == 4
        for face in faces:
            assert site.opened(f"/static/{face}")[:4] == b"wOF2"
        [token] = set(re.findall(r'name="csrf_token" value="([^"]+)"', page))
        site.opened("/sign-in", csrf_token=token, username="membre", password=PASSWORD, next="")
        assert "Nadia El Fassi" in site.text("/")
        assert version() in site.text("/help")


class Site:
    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def opened(self, path: str, **form: str) -> bytes:
        data = urlencode(form).encode() if form else None
        with self._opener.open(self.base + path, data, timeout=20) as answer:
            return bytes(answer.read())

    def text(self, path: str) -> str:
        return self.opened(path).decode()


@contextmanager
def serving(installed: Installed) -> Iterator[Site]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = (installed.at.command, "demo", "serve", "--port", str(port))
    log = installed.folder / "served.log"
    with log.open("wb") as output:
        process = subprocess.Popen(words, cwd=installed.folder, env=bare(), stdout=output, stderr=subprocess.STDOUT)
    try:
        site, until = Site(port), time.monotonic() + 90
        while True:
            try:
                site.opened("/alive")
                break
            except OSError:
                assert process.poll() is None, log.read_text("utf-8")
                assert time.monotonic() < until, log.read_text("utf-8")
                time.sleep(0.1)
        yield site
    finally:
        process.terminate()
        process.wait(20)
