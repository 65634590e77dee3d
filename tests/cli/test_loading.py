"""What a process that serves pages has loaded once it answered a list: nothing that only few pages need."""

from __future__ import annotations

import json
import subprocess
import sys

from engine.telling import NOW
from services.conftest import School

from school_protocol.auth.sign_in_service import begin_session

HEAVY = (
    "alembic", "asn1crypto", "authlib", "boto3", "fontTools", "holidays", "icalendar", "joserfc", "mako",
    "OpenSSL", "pikepdf", "PIL", "pyasn1", "pyhanko", "requests", "weasyprint", "webauthn", "xlsxwriter",
)  # fmt: skip
SERVES = """
import json, sys
from datetime import datetime
from pathlib import Path

import school_protocol.cli
from school_protocol.cases.story_player import TurnableClock
from school_protocol.cli import serving
from school_protocol.config import Settings
from school_protocol.context import open_context
from school_protocol.ops.worker import queue_of
from school_protocol.web import create_app

folder, moment, token, heavy = sys.argv[1:]
ctx = open_context(Settings(data=Path(folder)), TurnableClock(datetime.fromisoformat(moment)))
browser = create_app(ctx, ring=queue_of(ctx).ring).test_client()
browser.set_cookie("session", token)
page = browser.get("/")
found = lambda: [one for one in json.loads(heavy) if one in sys.modules]
loaded = found()
import xlsxwriter
print(json.dumps([page.status_code, 'href="/cases/' in page.text, loaded, found()]))
"""


def test_a_list_is_answered_without_what_few_pages_need(told_school: School) -> None:
    """The control: what is loaded afterwards is found."""
    ctx = told_school.ctx
    with ctx.directory.writing() as session:
        token = begin_session(session, ctx, told_school.account("team_member"), factor_proven=True)
    given = (str(ctx.settings.data), NOW.isoformat(), token, json.dumps(HEAVY))
    done = subprocess.run([sys.executable, "-c", SERVES, *given], check=True, capture_output=True, text=True)
    assert json.loads(done.stdout) == [200, True, [], ["xlsxwriter"]]
