"""An object store to test on: rclone's, out of a package of the test extras, on a free port, over a folder."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from school_protocol.storage import bucket
from school_protocol.storage.bucket import Bucket

KEY, SECRET = "tested", "tested-secret"
ENVIRONMENT: Mapping[str, str] = {
    "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
}  # fmt: skip
RCLONE = Path(sys.executable).with_name("rclone")
NAME = "kept"
STANDING: dict[str, ObjectStore] = {}
"""Stores that were begun, by their address."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class ObjectStore:
    """rclone's S3 over a folder; each folder in it is a bucket."""

    folder: Path
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def begin(self) -> None:
        STANDING[self.endpoint] = self
        (self.folder / NAME).mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            [RCLONE, "serve", "s3", "--config", "", "--addr", f"127.0.0.1:{self.port}", "--auth-key", f"{KEY},{SECRET}",
             "--vfs-cache-mode", "off", "--dir-cache-time", "1ms", self.folder],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        until = time.monotonic() + 90
        while not self._answers():
            if time.monotonic() > until or self._process.poll() is not None:
                raise RuntimeError("the object store did not start")
            time.sleep(0.05)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        """As the machine on which it runs is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def path(self, key: str) -> Path:
        """Where an object lies on the disk of the store."""
        return self.folder / NAME / key

    def bucket(self, prefix: str, of: str = "real") -> Bucket:
        return Bucket(f"s3://{NAME}/{prefix}", of, endpoint=self.endpoint)


@contextmanager
def serving(folder: Path) -> Iterator[ObjectStore]:
    """A store as long as the block runs; nobody remembers that another did not answer."""
    made = ObjectStore(folder)
    with pytest.MonkeyPatch.context() as patched:
        for name, value in ENVIRONMENT.items():
            patched.setenv(name, value)
        bucket._resting.clear()
        made.begin()
        try:
            yield made
        finally:
            made.kill()


Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def pretending(answer: Answer) -> Iterator[str]:
    """The address of a store that answers as it is told, whatever it is asked."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            answer(self)

        do_GET = do_PUT = do_DELETE = do_HEAD = do_POST = _any

        def log_message(self, *_said: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    with pytest.MonkeyPatch.context() as patched:
        for name, value in ENVIRONMENT.items():
            patched.setenv(name, value)
        bucket._resting.clear()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()
            bucket._resting.clear()
