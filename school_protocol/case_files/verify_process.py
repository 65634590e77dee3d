"""A file from anybody, checked in a process of its own that is bounded in time and memory, and can be stopped.

What comes back is JSON. The processes are forked from one that has loaded what they need, begun with the first file;
before one takes a file it forgets its environment, where the passphrase of the keys may stand, and can write no file
and begin no process. It is no sandbox: it runs as the same user, and can read what that user can.
"""

from __future__ import annotations

import ctypes
import json
import multiprocessing
import os
import re
import resource
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from typing import Any

from school_protocol.case_files.verify_copy import About, Checked, checked, unread
from school_protocol.pdf.signing_keys import Trust
from school_protocol.pdf.verdicts import Code, Copy, Finding, Signer, Verdict
from school_protocol.pdf.verification import DOCUMENT_MOST
from school_protocol.storage.journal import Head

SECONDS = 60.0
"""How long one file may take; a copy of two hundred pages takes less than a quarter of it."""
MEMORY = 2 * 1024 * 1024 * 1024
"""Bytes of address space; more than the largest file takes with all that it unpacks to."""
OPEN_FILES = 64
HARMLESS = frozenset({"HOME", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "PATH", "TMPDIR", "TZ"})
"""What a process apart keeps of the environment."""
_LOADED = (
    "school_protocol.pdf.examination",
    "school_protocol.case_files.verify_process",
)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_TEXTS = frozenset({"names", "problem"})


def checked_apart(
    data: bytes, trust: Trust, moment: datetime, *, most: int = DOCUMENT_MOST, seconds: float = SECONDS
) -> Checked:
    """As `verify_copy.checked`; `too_long` or `unreadable` where that process was stopped or broke down."""
    if len(data) > most:
        return unread(len(data), Code.TOO_LARGE, size=len(data), most=most)
    ours, theirs = multiprocessing.Pipe()
    work = _begun().Process(target=_work, args=(theirs,), daemon=True)
    work.start()
    theirs.close()
    try:
        ours.send((data, trust, moment))
        if not ours.poll(seconds):
            return unread(len(data), Code.TOO_LONG, seconds=round(seconds))
        return read_plain(json.loads(ours.recv_bytes()))
    except (EOFError, OSError, ValueError, LookupError, TypeError) as problem:
        return unread(len(data), Code.UNREADABLE, problem=type(problem).__name__)
    finally:
        ours.close()
        work.kill()
        work.join()


@lru_cache(maxsize=1)
def _begun() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_LOADED))
    return context


def _work(answers: Connection) -> None:
    forget_environment()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (int(SECONDS) + 5, int(SECONDS) + 10))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    data, trust, moment = answers.recv()
    answers.send_bytes(json.dumps(checked(data, trust, moment).plain()).encode())
    answers.close()


def forget_environment() -> None:
    """Take everything from this process's environment but what is harmless, where the system keeps it, too."""
    system = ctypes.CDLL(None)
    system.getenv.restype = ctypes.c_void_p
    for name in set(os.environb) - {os.fsencode(one) for one in HARMLESS}:
        where = system.getenv(name)
        if where:
            ctypes.memset(where, 0, len(os.environb[name]))
        del os.environb[name]


def read_plain(told: Mapping[str, Any]) -> Checked:
    """What `Checked.plain` wrote, but for the record's own bytes. Raises LookupError, TypeError, ValueError."""
    signer, copy, about = told["signer"], told["copy"], told["about"]
    verdict = Verdict(
        told["size"],
        told["sha256"],
        tuple(Finding(Code(one["code"]), _details(one["details"])) for one in told["findings"]),
        Signer(
            signer["name"], signer["issuer"], signer["serial"], signer["sha256"],
            _moment(signer["valid_from"]), _moment(signer["valid_until"]),
        )
        if signer
        else None,
        _moment(told["signed_at"]) if told["signed_at"] else None,
        _moment(told["stamped_at"]) if told["stamped_at"] else None,
        Copy(
            copy["number"], copy["reader"], _moment(copy["moment"]), copy["journal"]["head"], copy["journal"]["number"],
            copy["record_sha256"],
        )
        if copy
        else None,
    )  # fmt: skip
    return Checked(
        verdict,
        About(
            about["number"], about["document"], about["title"], about["profile"], about["language"],
            Head(about["content"]["number"], about["content"]["head"]),
        )
        if about
        else None,
    )  # fmt: skip


def _details(told: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _moment(value) if _is_moment(key, value) else value for key, value in told.items()}


def _is_moment(key: str, value: Any) -> bool:
    return key not in _TEXTS and isinstance(value, str) and _MOMENT.fullmatch(value) is not None


def _moment(told: str) -> datetime:
    return datetime.strptime(told, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
