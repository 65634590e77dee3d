"""A file examined in a process of its own: bounded in time and memory, without keys, unable to write or to fork.

Nothing of it reaches the disk: it is handed over and back through a pipe, and no process may leave its memory behind.
"""

from __future__ import annotations

import multiprocessing
import resource
from functools import lru_cache
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext

from school_protocol.case_files.verify_process import OPEN_FILES, forget_environment
from school_protocol.engine.evidence_pieces import FileRefused, Format, Refusal
from school_protocol.privacy.evidence_scan import Examined, examined

SECONDS = 20.0
"""How long one file may take; a screenshot takes a fraction of one."""
MEMORY = 1536 * 1024 * 1024
_LOADED = (
    "school_protocol.privacy.scan_process",
    "school_protocol.case_files.verify_process",
    "school_protocol.pdf.examination",
    "PIL.PngImagePlugin",
    "PIL.JpegImagePlugin",
    "PIL.ImageOps",
)
"""What the process that the others are forked from has loaded: it serves checks of papers, too."""


def examined_apart(data: bytes, *, seconds: float = SECONDS) -> Examined:
    """As `evidence_scan.examined`. Raises FileRefused, with `too_long` or `broken` where that process was stopped."""
    no_cores()
    ours, theirs = multiprocessing.Pipe()
    work = _begun().Process(target=_work, args=(theirs,), daemon=True)
    work.start()
    theirs.close()
    try:
        ours.send_bytes(data)
        if not ours.poll(seconds):
            raise FileRefused(Refusal.too_long)
        said = ours.recv_bytes().decode().split(" ", 2)
        if said[0] != "ok":
            raise FileRefused(Refusal(said[1]), said[2])
        return Examined(Format(said[1]), ours.recv_bytes() if said[2] else None)
    except (EOFError, OSError, ValueError, LookupError) as problem:
        raise FileRefused(Refusal.broken) from problem
    finally:
        ours.close()
        work.kill()
        work.join()


def no_cores() -> None:
    """Should this process break down, its memory is not written to the disk."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


@lru_cache(maxsize=1)
def _begun() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_LOADED))
    return context


def _work(pipe: Connection) -> None:
    forget_environment()
    seconds = int(SECONDS)
    for limit, most in (
        (resource.RLIMIT_CORE, 0), (resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES), (resource.RLIMIT_NPROC, 0),
    ):  # fmt: skip
        resource.setrlimit(limit, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds + 2, seconds + 4))
    try:
        found = examined(pipe.recv_bytes())
    except FileRefused as refused:
        pipe.send_bytes(f"no {refused.code.value} {refused.found}".encode())
    except MemoryError:
        pipe.send_bytes(f"no {Refusal.too_many_pixels.value} ".encode())
    else:
        pipe.send_bytes(f"ok {found.format.value} {'made' if found.derivative is not None else ''}".encode())
        if found.derivative is not None:
            pipe.send_bytes(found.derivative)
    pipe.close()
