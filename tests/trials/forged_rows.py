"""Rows written behind the program, without any key: none opens a case, and the check of the night tells of each."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest
from engine.telling import MOROCCAN, NOW
from services import test_forged_rows as forged
from services.conftest import School

from school_protocol.cases.story_player import throwaway
from school_protocol.engine import visibility
from school_protocol.ops import journal_checks
from school_protocol.ops.journal_checks import rebuild_index
from school_protocol.protocol.reader import read
from school_protocol.storage import models as storage_models
from trials.frame import Outcome, Size, Trial

SEATED = ("technical_admin", "trainer", "protocol_admin", "psychosocial", "reporter")


def run(size: Size, _folder: Path) -> Outcome:
    tried, faults, found = 0, list[str](), 0
    content = MOROCCAN.read_bytes()
    with throwaway(read(content, "1.yaml"), content, NOW) as player:
        school = forged.stocked_case(School(player, count(1)))
        kinds = list(forged.BEHIND) if size is Size.whole else list(forged.BEHIND)[:4]
        for kind in kinds:
            tried += 1
            faults += [] if _is_told(school, kind) else [f"not told: {kind}"]
        with pytest.MonkeyPatch.context() as blind:
            blind.setattr(journal_checks, "differing", lambda *_asked: iter(()))
            found += not _is_told(school, kinds[0])
        school.report()
        for who in SEATED:
            tried += 1
            forged.forged(school, who, forged.seated)
            faults += [f"opened by a forged seat: {who}"] if school.is_seen_by(who) else []
        with pytest.MonkeyPatch.context() as careless:
            careless.setattr(visibility, "may_see", lambda *_asked: True)
            found += school.is_seen_by("psychosocial")
    for what in list(forged.FORGED) if size is Size.whole else list(forged.FORGED)[-1:]:
        tried += 1
        with throwaway(read(content, "1.yaml"), content, NOW) as player:
            faults += [] if _is_found_out(School(player, count(1)), what) else [f"not told: {what}"]
    with throwaway(read(content, "1.yaml"), content, NOW) as player, pytest.MonkeyPatch.context() as blind:
        blind.setattr(storage_models, "is_genuine", lambda *_asked: True)
        found += not _is_found_out(School(player, count(1)), "when it may be erased")
    return Outcome(tried, "forgeries", tuple(faults), 3, found)


def _is_found_out(school: School, what: str) -> bool:
    prepare, write, flaw, _where = forged.FORGED[what]
    school.report()
    prepare(school)
    write(school)
    return flaw in forged.flaws(school)


def _is_told(school: School, kind: str) -> bool:
    write, table = forged.BEHIND[kind]
    with school.ctx.realm.writing() as session:
        write(session)
    told = table in forged.tables_of(school)
    rebuild_index(school.ctx)
    return told


TRIALS = (Trial("forged-rows", "what is written behind the program opens nothing and is told", 24, run),)
