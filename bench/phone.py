"""What Lighthouse finds of the desk, in Arabic on a phone, as `serve` hands it out."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from bench.outcomes import Outcome, Skipped
from bench.prepared import READER
from bench.serving import EMBEDDED, Crowd, served, signed_in
from school_protocol.auth.sign_in_service import choose_language

if TYPE_CHECKING:
    from bench.rows import Workshop

ASKED = ("performance", "accessibility", "best-practices")
"""Not how well search engines find it: nobody but those who are signed in sees it, and it says so to all others."""
WHOLE = 100
SECONDS = 240


def lighthouse() -> str:
    """The program. Raises Skipped where there is none."""
    path = os.environ.get("SCHOOL_PROTOCOL_LIGHTHOUSE") or shutil.which("lighthouse")
    if path is None:
        raise Skipped(
            "lighthouse is not installed: `npm install -g lighthouse`, or SCHOOL_PROTOCOL_LIGHTHOUSE names it"
        )
    return path


def chromium() -> str:
    """The browser that it steers. Raises Skipped where there is none."""
    path = os.environ.get("SCHOOL_PROTOCOL_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        raise Skipped("chromium is not installed")
    return path


def points(shop: Workshop) -> Outcome:
    """How many points of three hundreds are missing: medians of some runs."""
    program, browser = lighthouse(), chromium()
    ctx, actor = shop.ctx.ctx, shop.ctx.player.actor(READER)
    choose_language(ctx, actor, "ar")
    try:
        with served(shop.ctx, EMBEDDED) as port:
            cookie = signed_in(shop.ctx)
            Crowd(port, cookie, 1)()  # a server that was just started is nobody's usual one
            found = [asked(program, browser, f"http://127.0.0.1:{port}/", cookie) for _ in range(min(shop.most, 3))]
    finally:
        choose_language(ctx, actor, actor.language)
    scores = {name: median(score_of(one, name) for one in found) for name in ASKED}
    missing, lowest = sum(WHOLE - score for score in scores.values()), min(scores.values())
    notes = ", ".join([*(f"{name} {score:.0f}" for name, score in scores.items()), *short_of(found[-1])])
    return Outcome(missing, 0, WHOLE / max(lowest, 1), (), notes)


def asked(program: str, browser: str, address: str, cookie: str) -> Mapping[str, Any]:
    """One report on a page, as a phone on a slow line is made up by the program itself."""
    with tempfile.TemporaryDirectory(prefix="school-protocol-bench-") as folder:
        headers, said = Path(folder) / "headers.json", Path(folder) / "report.json"
        headers.write_text(json.dumps({"Cookie": cookie}), "utf-8")
        command = [
            program, address, "--quiet", "--output=json", f"--output-path={said}", f"--extra-headers={headers}",
            f"--only-categories={','.join(ASKED)}", "--chrome-flags=--headless=new --no-sandbox --disable-gpu",
        ]  # fmt: skip
        environ = os.environ | {"CHROME_PATH": browser}
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=SECONDS, check=False)
        if done.returncode:
            raise Skipped(f"lighthouse does not run: {(done.stderr.strip() or 'it says nothing').splitlines()[-1]}")
        report: dict[str, Any] = json.loads(said.read_text("utf-8"))
    if report["finalDisplayedUrl"].rstrip("/") != address.rstrip("/"):
        raise RuntimeError(f"it was led to {report['finalDisplayedUrl']}")
    return report


def score_of(report: Mapping[str, Any], category: str) -> int:
    """Of a hundred."""
    return round(report["categories"][category]["score"] * WHOLE)


def short_of(report: Mapping[str, Any]) -> list[str]:
    """Which checks that count miss something."""
    weighed = {one["id"] for name in ASKED for one in report["categories"][name]["auditRefs"] if one["weight"]}
    return sorted(name for name in weighed if (score := report["audits"][name]["score"]) is not None and score < 1)
