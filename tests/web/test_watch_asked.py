"""`/metrics` as the docs say that it is asked: by name and token; by curl, and by Prometheus through nginx."""

from __future__ import annotations

import re
import shlex
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests
import yaml
from engine.telling import NOW, ROOT
from programs import needs, where_is
from repository.operations import documented
from storage.server import EVERYWHERE
from werkzeug.serving import make_server

from school_protocol.cases.story_player import TurnableClock
from school_protocol.config import Settings
from school_protocol.context import open_context
from school_protocol.web import create_app

TOKEN, NAME = "told-to-whoever-watches", "desk.example"
DOCS = (ROOT / "docs" / "operations.md").read_text("utf-8").partition("## Watching it")[2].partition("\n## ")[0]
FRONT = (ROOT / "deploy" / "nginx-metrics.conf").read_text("utf-8")
pytestmark = pytest.mark.skipif(EVERYWHERE, reason="served by a thread of its own")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A site that answers under its own name alone."""
    settings = Settings(data=tmp_path_factory.mktemp("watched"), metrics=TOKEN, address=f"https://{NAME}")
    ctx = open_context(settings, TurnableClock(NOW))
    server = make_server("127.0.0.1", 0, create_app(ctx), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    ctx.close()


@pytest.mark.parametrize(
    ("host", "token", "status"),
    [(NAME, TOKEN, 200), (f"{NAME}:5000", TOKEN, 200), (NAME, "another", 404), (NAME, "", 404), ("", TOKEN, 400),
     ("web-1.inner.example", TOKEN, 400)],
)  # fmt: skip
def test_it_asks_for_the_name_of_the_site_and_for_the_token(port: int, host: str, token: str, status: int) -> None:
    headers = ({"Host": host} if host else {}) | ({"Authorization": f"Bearer {token}"} if token else {})
    answer = requests.get(f"http://127.0.0.1:{port}/metrics", headers=headers, timeout=20)
    assert answer.status_code == status
    assert ("school_protocol_work_waiting" in answer.text) is (status == 200)


@needs("curl")
def test_the_line_of_the_docs_is_answered(port: int, tmp_path: Path) -> None:
    line = documented("curl ")
    (tmp_path / "metrics").write_text(f"{TOKEN}\n")
    unnamed, untold = line.replace(NAME, "x.example"), line.replace("Bearer", "Beggar")
    for said, status in ((line, "200"), (untold, "404"), (unnamed, "400")):
        here = said.replace("/etc/school-protocol/metrics", str(tmp_path / "metrics")).replace(":5000/", f":{port}/")
        command = f"{here} -s -o {shlex.quote(str(tmp_path / 'answer'))} -w '%{{http_code}}'"
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
        assert done.stdout == status, command


def test_what_prometheus_is_told_fits_the_front(port: int) -> None:
    [said] = re.findall(r"^(scrape_configs:\n(?:  .*\n)+)", DOCS, re.MULTILINE)
    [job] = yaml.safe_load(said)["scrape_configs"]
    [listens] = re.findall(r"^    listen (\d+);", FRONT, re.MULTILINE)
    [targets] = job["static_configs"]
    assert {one.rpartition(":")[2] for one in targets["targets"]} == {listens}
    assert set(job["authorization"]) == {"credentials_file"}
    assert job.get("metrics_path", "/metrics") == "/metrics"


def started(front: str, folder: Path) -> subprocess.Popen[bytes]:
    whole = f"pid {folder}/pid;\ndaemon off;\nerror_log stderr;\nevents {{}}\nhttp {{\n{front}\n}}\n"
    (folder / "nginx.conf").write_text(whole)
    return subprocess.Popen([where_is("nginx"), "-q", "-e", "stderr", "-c", str(folder / "nginx.conf")])


def asked(address: str, path: str) -> int:
    """As Prometheus does: under the name of whom it asks."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with suppress(requests.ConnectionError):
            headers = {"Authorization": f"Bearer {TOKEN}"}
            return requests.get(address + path, headers=headers, timeout=20).status_code
        time.sleep(0.1)
    return 0


@needs("nginx")
@pytest.mark.parametrize(("allowed", "statuses"), [("127.0.0.1", [200, 404, 404]), ("192.0.2.9", [403, 404, 404])])
def test_the_front_lets_the_watching_machine_ask_and_nobody_else(
    port: int, tmp_path: Path, allowed: str, statuses: list[int]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        free = taken.getsockname()[1]
    front = FRONT.replace("127.0.0.1:5000;", f"127.0.0.1:{port};")
    assert front != FRONT
    front = front.replace("listen 9105;", f"listen 127.0.0.1:{free};")
    server = started(front.replace("allow 192.0.2.9;", f"allow {allowed};"), tmp_path)
    try:
        found = [asked(f"http://127.0.0.1:{free}", path) for path in ("/metrics", "/alive", "/sign-in")]
    finally:
        server.terminate()
        server.wait(20)
    assert found == statuses
