"""Rules of the evidence register: names of pieces, and where removal is asked next."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from school_protocol.engine import evidence_pieces
from school_protocol.engine.definition import Protocol

TODAY = date(2026, 11, 25)


@pytest.fixture
def standing(moroccan: Protocol) -> Any:
    pieces = moroccan.pieces
    assert pieces is not None
    form = moroccan.form_of(pieces.act)

    def say(*rows: dict[str, str], intimate: str = "no") -> evidence_pieces.Standing:
        answers = {"sexual_or_intimate": intimate, "takedowns": list(rows)}
        return evidence_pieces.standing(pieces.removal, form, answers, TODAY)

    return say


def asked(channel: str, on: str = "2026-11-25", result: str = "") -> dict[str, str]:
    return {"channel": channel, "asked_on": on} | ({"result": result} if result else {})


# ---- names -----------------------------------------------------------------------------------------------------------


def test_a_piece_is_named_after_its_case_its_number_and_what_is_known() -> None:
    captured = datetime(2026, 11, 20, 18, 5)  # noqa: DTZ001 (the academy's own clock)
    name = evidence_pieces.name_of("1234567890123", 7, ("instagram", "@kif.kif_99"), captured)
    assert name == "1234567890123-PIECE07-instagram-kifkif99-20261120T1805"
    assert evidence_pieces.name_of("1234567890123", 7, (), None) == "1234567890123-PIECE07"


@pytest.mark.parametrize("handle", ["../../etc/passwd", "a/b\\c", "‮gpj.exe", "a\nb", '"><script>', "." * 300])
def test_no_name_leads_anywhere(handle: str) -> None:
    name = evidence_pieces.name_of("1", 1, (handle,), None)
    assert not set(name) & set('/\\."<>\n‮ ')
    assert len(name) < 60


def test_an_arabic_handle_stays_readable() -> None:
    assert evidence_pieces.name_of("1", 1, ("مجموعة القسم",), None) == "1-PIECE01-مجموعةالقسم"


# ---- removal ---------------------------------------------------------------------------------------------------------


def test_the_platform_is_asked_first_then_the_trusted_channel_then_the_authority(standing: Any) -> None:
    assert standing().next == ("platform",)
    refused = asked("platform", result="refused")
    assert standing(refused).next == ("emc_helpline", "evigilance")
    assert standing(refused, asked("evigilance", result="refused")).next == ("e_blagh", "complaints_portal")
    assert standing(refused, asked("evigilance", result="refused"), asked("e_blagh")).next == ()


def test_nobody_else_is_asked_while_an_answer_may_still_come(standing: Any) -> None:
    assert standing(asked("platform")).next == ()
    assert standing(asked("platform", "2026-11-22")).next == ("emc_helpline", "evigilance")
    (one,) = standing(asked("platform", "2026-11-22")).asked
    assert one.remind_on == TODAY
    assert one.is_due(TODAY)


def test_intimate_content_is_asked_for_everywhere_at_once(standing: Any) -> None:
    for said in ("yes", "doubt"):
        found = standing(asked("platform"), intimate=said)
        assert found.at_once
        assert found.next == ("emc_helpline", "evigilance")
        assert standing(asked("platform"), asked("emc_helpline"), intimate=said).next[0] == "iwf"
    assert "iwf" not in standing(asked("platform", result="refused"), asked("evigilance", result="refused")).next


def test_once_it_is_removed_nothing_is_left_to_ask(standing: Any) -> None:
    found = standing(asked("platform", result="removed"), asked("evigilance"))
    assert found.is_removed
    assert found.next == ()


def test_an_unreadable_day_waits_for_ever_and_breaks_nothing(standing: Any) -> None:
    (one,) = standing({"channel": "platform", "asked_on": "soon"}).asked
    assert one.on is None
    assert not one.is_due(TODAY)
