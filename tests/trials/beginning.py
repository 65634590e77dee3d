"""What an earlier program leaves: run by its path, with that program and its tests on PYTHONPATH.

`beginning.py FOLDER OWNER SITE ROLE CLIENTS` makes an installation in a database, and prints the number of a case and
the token of a session for each client.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from school_protocol.auth import sign_in_repository
from school_protocol.context import SystemClock
from school_protocol.ops import worker
from school_protocol.ops.databases import prepare
from trials.installed import installed


def main(folder: str, owner: str, site: str, role: str, clients: str) -> None:
    found = installed(Path(folder), database=owner)
    prepare(replace(found.settings, database=site), owner, [role], make_queue=worker.prepare_queue)
    said = []
    with found.entered() as ctx:
        for place in range(int(clients)):
            number = found.report(ctx, f"récit {place}", f"client {place}")
            with ctx.directory.writing() as session:
                actor = found.actors["team_member"].id
                said.append((number, sign_in_repository.open_web_session(session, actor, now=SystemClock().now())))
    print(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
