"""Somebody tells the school without an account: what is taken, who reads it, what they read when they come back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from school_protocol.auth import permissions
from school_protocol.cases import lookup_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.showing import see_case
from school_protocol.engine.errors import BadInput, Conflict, Unseen
from school_protocol.engine.visibility import Actor, Permission
from school_protocol.language import Wording
from school_protocol.privacy import repository as privacy_repository
from school_protocol.privacy.retention import run_sweep
from school_protocol.reports import public_door, triage
from school_protocol.reports import repository as reports_repository
from school_protocol.reports import service as reports_service
from school_protocol.reports.escalation import erase_over
from school_protocol.reports.public_door import Gate, TooMany
from school_protocol.reports.rules import FLOOD, Status, hour_of, with_check
from school_protocol.reports.service import Standing, add_answer, come_back, see_asking, withdraw_contact
from school_protocol.storage import access_log
from school_protocol.storage.engines import Session
from services.conftest import School
from services.telling_school import HERE, TOLD, WORDS, Told, digits


@pytest.fixture
def told(school: School) -> Told:
    return Told(school)


def problems(error: pytest.ExceptionInfo[BadInput]) -> dict[str, tuple[str, ...]]:
    return error.value.problems


# ---- the address -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("who", "may"), [("head", True), ("team_coordinator", True), ("technical_admin", True),
                                          ("team_member", False), ("directorate", False)])  # fmt: skip
def test_whoever_keeps_the_address_makes_it(told: Told, who: str, *, may: bool) -> None:
    person = told.school.person(who)
    assert permissions.may(told.ctx, person, Permission.keep_doors) is may
    if not may:
        with pytest.raises(Unseen):
            public_door.renew(told.ctx, person, "00000A", "public")
        return
    made = public_door.renew(told.ctx, person, "00000A", "public")
    assert public_door.door_of(told.ctx, made.code.upper()).unit.code == "00000A"
    assert public_door.see_doors(told.ctx, person, "00000A").public == made


@pytest.mark.exhaustive
def test_a_renewed_address_takes_nothing_and_old_receipts_come_back(told: Told) -> None:
    receipt, head = told.send(), told.school.person("head")
    old = receipt.door.code
    new = public_door.renew(told.ctx, head, "00000A", "public", former=old)
    assert new.code != old
    assert public_door.renew(told.ctx, head, "00000A", "public", former=old).code == new.code, "pressed twice"
    assert reports_service.see_form(told.ctx, told.gate, old, address=HERE).token == ""
    with pytest.raises(Unseen):
        reports_service.receive(told.ctx, told.gate, old, TOLD, token="x", address=HERE, language="fr")
    assert told.back(receipt).standing is Standing.received
    seen = public_door.see_doors(told.ctx, head)
    assert (seen.public, seen.ended) == (new, 1)


def test_an_address_that_never_was_is_absent(told: Told) -> None:
    for code in ("rimokalu", "x", "", "../../etc", "rimokaluu"):
        with pytest.raises(Unseen):
            public_door.door_of(told.ctx, code)


# ---- telling ---------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_three_answers_are_enough_and_the_code_comes_back(told: Told) -> None:
    receipt = told.send()
    assert len(digits(receipt)) == 17
    view = told.back(receipt)
    assert view.standing is Standing.received
    assert told.back(receipt, digits(receipt)) == view
    seen = triage.see_report(told.ctx, told.school.person("team_member"), told.only())
    assert {line.field.key: line.value for line in seen.answers} == TOLD
    assert told.back(receipt).standing is Standing.read


def test_what_is_missing_is_said_by_field_and_nothing_is_kept(told: Told) -> None:
    view = reports_service.see_form(told.ctx, told.gate, told.door().code, address=HERE)
    with pytest.raises(BadInput) as found:
        reports_service.receive(told.ctx, told.gate, view.door.code, {"danger_now": "maybe"}, token=view.token,
                          address=HERE, language="fr")  # fmt: skip
    assert problems(found) == {
        "what_happens": ("required",), "danger_now": ("unknown_option",), "adult_concerned": ("required",),
    }  # fmt: skip
    assert told.ids() == []


@pytest.mark.parametrize("change", ["other door", "touched", "nothing", "tomorrow"])
def test_a_form_that_is_not_ours_or_too_old_is_shown_anew(told: Told, change: str) -> None:
    door = told.door()
    token = reports_service.see_form(told.ctx, told.gate, door.code, address=HERE).token
    if change == "other door":
        token = reports_service.see_form(told.ctx, told.gate, told.door("staff").code, address=HERE).token
    elif change == "touched":
        token = token[:-1] + ("0" if token[-1] != "0" else "1")
    elif change == "nothing":
        token = ""
    else:
        told.school.wait(hours=25)
    with pytest.raises(BadInput) as found:
        reports_service.receive(told.ctx, told.gate, door.code, TOLD, token=token, address=HERE, language="fr")
    assert problems(found) == {"page": ("stale_page",)}


def sent_again(told: Told, token: str, **answers: Any) -> reports_service.Receipt:
    return reports_service.receive(
        told.ctx, told.gate, told.door().code, {**TOLD, **answers}, token=token, address=HERE, language="fr"
    )


def test_a_form_sent_twice_is_one_report_with_one_receipt(told: Told) -> None:
    token = reports_service.see_form(told.ctx, told.gate, told.door().code, address=HERE).token
    first, second = sent_again(told, token), sent_again(told, token)
    assert (first.code, first.repeated, second.repeated) == (second.code, False, True)
    assert len(told.ids()) == 1


def test_two_sendings_of_one_instant_are_one_report(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL: neither finds the other's report until it writes its own."""
    token = reports_service.see_form(told.ctx, told.gate, told.door().code, address=HERE).token
    first, find, looks = sent_again(told, token), reports_repository.find_public_report, [0]

    def blind_once(session: Session, report: str) -> reports_repository.PublicHeader | None:
        looks[0] += 1
        return None if looks[0] == 1 else find(session, report)

    monkeypatch.setattr(reports_repository, "find_public_report", blind_once)
    second = sent_again(told, token)
    assert (first.code, second.repeated) == (second.code, True)
    assert len(told.ids()) == 1


def test_what_was_put_right_before_anybody_read_it_stands(told: Told) -> None:
    token = reports_service.see_form(told.ctx, told.gate, told.door().code, address=HERE).token
    sent_again(told, token)
    assert sent_again(told, token, what_happens="Autre chose", adult_concerned="yes").repeated
    assert told.ids() == [], "it is restricted now"
    seen = triage.see_report(told.ctx, told.school.person("directorate"), told.only("directorate"))
    assert seen.answers[0].value == "Autre chose"
    assert seen.messages == ()


@pytest.mark.exhaustive
def test_what_is_sent_again_after_it_was_read_is_added(told: Told) -> None:
    token = reports_service.see_form(told.ctx, told.gate, told.door().code, address=HERE).token
    sent_again(told, token)
    report = told.only()
    triage.see_report(told.ctx, told.school.person("head"), report)
    sent_again(told, token, what_happens="Autre chose")
    seen = triage.see_report(told.ctx, told.school.person("head"), report)
    assert seen.answers[0].value == WORDS
    assert "Autre chose" in seen.messages[0].text


def test_links_and_tags_stay_the_text_that_was_typed(told: Told) -> None:
    told.send(what_happens="<b>vois</b> [ici](https://x.example)\u202e\x00")
    seen = triage.see_report(told.ctx, told.school.person("head"), told.only())
    assert seen.answers[0].value == "<b>vois</b> [ici](https://x.example)\u202e"


def test_an_intimate_image_is_never_sent_says_the_receipt(told: Told) -> None:
    assert told.send().instead is None
    assert told.send(intimate_image="yes").instead is not None


# ---- who reads it ----------------------------------------------------------------------------------------------------

READERS = ("team_member", "team_coordinator", "head", "directorate", "academy", "psychosocial", "data_officer")


@pytest.mark.exhaustive(but=("answers2-readers2", "answers3-readers3"))
@pytest.mark.parametrize(
    ("answers", "readers"),
    [
        ({}, {"team_member", "team_coordinator", "head"}),
        ({"adult_concerned": "yes"}, {"directorate"}),
        ({"adult_concerned": "unsure"}, {"directorate"}),
        ({"not_for": "HEAD"}, {"team_member", "team_coordinator"}),
        ({"not_for": "le directeur"}, {"team_member", "team_coordinator"}),
        ({"not_for": "المديرة"}, {"team_member", "team_coordinator"}),
        ({"not_for": "l’équipe"}, {"team_coordinator", "head"}),
        ({"not_for": "mon père Brahim"}, {"team_member", "team_coordinator", "head"}),
        ({"not_for": "hea"}, {"team_member", "team_coordinator", "head"}),
    ],
)
def test_who_reads_a_report(told: Told, answers: dict[str, str], readers: set[str]) -> None:
    people = {who: told.school.person(who) for who in READERS}
    told.send(**answers)
    with told.ctx.realm.reading() as session:
        (header,) = reports_repository.waiting_public_reports(session, limit=9)
    found = set()
    for who, person in people.items():
        try:
            triage.see_report(told.ctx, person, header.id)
            found.add(who)
        except Unseen:
            listed = permissions.may(told.ctx, person, Permission.read_signalements) and header.id in told.ids(who)
            assert not listed, who
    assert found == readers


def test_somebody_of_another_school_reads_nothing(told: Told) -> None:
    told.send()
    report, stranger = told.only(), told.school.person("team_member/2")
    moved = replace(stranger, appointments=tuple(replace(one, unit="elsewhere") for one in stranger.appointments))
    with pytest.raises(Unseen):
        triage.see_report(told.ctx, moved, report)
    assert triage.see_list(told.ctx, moved).waiting == ()


@pytest.mark.exhaustive
def test_each_reading_is_noted_by_the_hour(told: Told) -> None:
    told.send()
    report = told.only()
    told.school.wait(minutes=37)
    seen = triage.see_report(told.ctx, told.school.person("head"), report)
    first = ("read", hour_of(told.ctx.now()))
    assert [(line.what, line.hour) for line in seen.traces] == [first]
    for minutes, noted in ((1, 1), (60, 2)):
        told.school.wait(minutes=minutes)
        seen = triage.see_report(told.ctx, told.school.person("head"), report)
        assert len(seen.traces) == noted


@pytest.mark.exhaustive
def test_urgent_and_unseen_ones_stand_first(told: Told) -> None:
    told.send()
    calm = told.only()
    told.send(danger_now="unsure", what_happens="Il menace de venir demain")
    listed = triage.see_list(told.ctx, told.school.person("head"))
    assert [line.urgent for line in listed.waiting] == [True, False]
    assert listed.unseen == 2 == triage.count_unseen(told.ctx, told.school.person("head"))
    triage.see_report(told.ctx, told.school.person("head"), listed.waiting[0].id)
    assert triage.see_list(told.ctx, told.school.person("head")).waiting[0].id == calm


@pytest.mark.exhaustive
def test_one_real_cry_stands_out_of_a_flood(told: Told) -> None:
    for number in range(40):
        told.send(what_happens=f"mdr {'ha' * (number % 7)} {number % 9}")
    told.send(what_happens="On me force à envoyer des photos", reach="discreetly", reach_how="Salma, 2e B")
    listed = triage.see_list(told.ctx, told.school.person("head"))
    assert len(listed.waiting) < FLOOD
    alone = [line for line in listed.waiting if line.size == 1]
    assert [triage.see_report(told.ctx, told.school.person("head"), line.id).answers[0].value for line in alone] == [
        "On me force à envoyer des photos"
    ]
    crowd = next(line for line in listed.waiting if line.size > 1)
    assert sum(line.size for line in listed.waiting) == 41
    assert triage.close(told.ctx, told.school.person("head"), crowd.ids, "mistaken").closed == crowd.size
    assert len(triage.see_list(told.ctx, told.school.person("head")).waiting) == len(listed.waiting) - 1


GRAVE = (
    {"danger_now": "yes"}, {"danger_now": "unsure"}, {"intimate_image": "yes"}, {"adult_concerned": "yes"},
)  # fmt: skip


@pytest.mark.exhaustive(but=("grave0",))
@pytest.mark.parametrize("grave", GRAVE)
def test_what_is_grave_is_never_closed_with_others(told: Told, grave: dict[str, str]) -> None:
    person = told.school.person("directorate" if "adult_concerned" in grave else "head")
    told.send(what_happens="mdr", **({"adult_concerned": "yes"} if "adult_concerned" in grave else {}))
    told.send(what_happens="mdr 1", **grave)
    told.send(what_happens="mdr 2")
    ids = told.ids("directorate" if "adult_concerned" in grave else "head")
    closed = triage.close(told.ctx, person, ids, "mistaken", together=True).closed
    assert closed == (0 if "adult_concerned" in grave else 2)
    left = [one for line in triage.see_list(told.ctx, person).waiting for one in line.ids]
    assert [one.is_grave for one in triage.skim(told.ctx, person, left)] == [True] * (len(ids) - closed)
    assert triage.close(told.ctx, person, left[:1], "mistaken").closed == 1, "by itself it is"


def test_whoever_skims_has_not_read(told: Told) -> None:
    told.send(what_happens="lol " * 200)
    report, head = told.only(), told.school.person("head")
    (one,) = triage.skim(told.ctx, head, [report])
    assert (len(one.words), one.words[-1], one.is_unseen) == (160, "…", True)
    assert triage.see_list(told.ctx, head).unseen == 1, "it goes on rising"
    assert [(line.name, line.what) for line in triage.see_report(told.ctx, head, report).traces] == [
        ("head", "read"), ("head", "skimmed"),
    ]  # fmt: skip


def test_those_closed_at_once_are_taken_up_again_at_once_and_unread(told: Told) -> None:
    for number in range(4):
        told.send(what_happens=f"mdr {number}")
    head, ids = told.school.person("head"), told.ids()
    triage.close(told.ctx, head, ids, "mistaken", together=True)
    (line,) = triage.see_list(told.ctx, head).settled
    assert (line.size, line.status) == (4, Status.closed)
    told.school.wait(days=9)
    assert triage.take_up_several(told.ctx, head, line.ids) == 4
    assert triage.take_up_several(told.ctx, head, line.ids) == 0
    listed = triage.see_list(told.ctx, head)
    assert (listed.settled, listed.unseen) == ((), 4)


@pytest.mark.exhaustive
def test_what_says_the_same_is_found_by_its_hash(told: Told) -> None:
    told.send()
    told.send(what_happens=WORDS.upper() + "!!!")
    told.send(what_happens="Tout autre chose")
    views = [triage.see_report(told.ctx, told.school.person("head"), one) for one in told.ids()]
    assert sorted(len(view.twins) for view in views) == [0, 1, 1]


# ---- coming back -----------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_both_write_and_the_reporter_stays_without_a_name(told: Told) -> None:
    receipt = told.send()
    head, report = told.school.person("head"), told.only()
    triage.answer(told.ctx, head, report, "Merci. Veux-tu nous voir jeudi ?", settles=False, token="t1")
    triage.answer(told.ctx, head, report, "Merci. Veux-tu nous voir jeudi ?", settles=False, token="t1")
    back = told.back(receipt)
    assert [(one.by_reporter, one.text) for one in back.messages] == [(False, "Merci. Veux-tu nous voir jeudi ?")]
    for _ in range(2):
        back = add_answer(told.ctx, told.gate, receipt.door.code, receipt.code, "Oui, à midi", address=HERE)
    assert [one.by_reporter for one in back.messages] == [False, True]
    listed = triage.see_list(told.ctx, head)
    assert listed.waiting[0].unseen == 1, "it waits again"
    seen = triage.see_report(told.ctx, head, report)
    assert [line.name for line in seen.messages] == ["head", ""]


def test_contact_is_withdrawn_for_good(told: Told) -> None:
    receipt = told.send(reach="call", reach_how="0612345678")
    assert not triage.see_report(told.ctx, told.school.person("head"), told.only()).to_verify
    assert told.back(receipt).has_contact
    assert not withdraw_contact(told.ctx, told.gate, receipt.door.code, receipt.code, address=HERE).has_contact
    seen = triage.see_report(told.ctx, told.school.person("head"), told.only())
    assert {line.field.key for line in seen.answers} == set(TOLD)
    assert seen.to_verify


@pytest.mark.exhaustive
def test_what_was_closed_waits_again_as_something_is_added(told: Told) -> None:
    receipt = told.send()
    report, head = told.only(), told.school.person("head")
    assert triage.close(told.ctx, head, [report], "mistaken").closed == 1
    assert told.back(receipt).standing is Standing.over
    add_answer(told.ctx, told.gate, receipt.door.code, receipt.code, "C’est vrai pourtant", address=HERE)
    seen = triage.see_report(told.ctx, head, report)
    assert (seen.status, seen.outcome, seen.can_settle) == (Status.waiting, "", True)


def test_a_wrong_code_says_so_and_guessing_ends(told: Told) -> None:
    receipt = told.send()
    plain = digits(receipt)
    with pytest.raises(BadInput) as found:
        told.back(receipt, plain[:-1] + str((int(plain[-1]) + 1) % 10))
    assert problems(found) == {"code": ("not_a_code",)}
    stranger = "0000000000000000"
    guess = stranger + next(str(d) for d in range(10) if with_check(stranger) == stranger + str(d))
    for _ in range(public_door.TRIES_PLACE):
        with pytest.raises(BadInput) as found:
            told.back(receipt, guess)
        assert problems(found) == {"code": ("unknown_code",)}
    with pytest.raises(TooMany) as stopped:
        told.back(receipt)
    assert 0 < stopped.value.seconds <= 3600
    told.school.wait(hours=1)
    assert told.back(receipt).standing is Standing.received


def test_many_wrong_codes_from_many_places_bring_a_question(told: Told) -> None:
    receipt = told.send()
    assert see_asking(told.ctx, told.gate, receipt.door.code).challenge is None
    for number in range(public_door.TRIES_SCHOOL):
        public_door.note_wrong(told.gate, school=receipt.door.unit.id, address=f"192.0.2.{number}", now=told.ctx.now())
    with pytest.raises(BadInput) as found:
        told.back(receipt)
    assert problems(found) == {"challenge": ("wrong_answer",)}
    asked = see_asking(told.ctx, told.gate, receipt.door.code)
    assert asked.challenge is not None
    view = come_back(told.ctx, told.gate, receipt.door.code, receipt.code, address="198.18.0.1", token=asked.token,
                     solved=str(asked.challenge.answer))  # fmt: skip
    assert view.standing is Standing.received


# ---- limits ----------------------------------------------------------------------------------------------------------


def test_a_question_stands_beyond_some_number_and_nothing_is_lost(told: Told) -> None:
    for _ in range(public_door.ASKED_PLACE):
        told.send(address=HERE)
    view = reports_service.see_form(told.ctx, told.gate, told.door().code, address=HERE)
    assert view.challenge is not None
    for answer in ("", "12345", "non"):
        with pytest.raises(BadInput) as found:
            reports_service.receive(told.ctx, told.gate, view.door.code, TOLD, token=view.token, address=HERE,
                              language="fr", solved=answer)  # fmt: skip
        assert problems(found) == {"challenge": ("wrong_answer",)}
    word = Wording("ar")._(public_door.WORDS[view.challenge.answer - 1])
    assert reports_service.receive(told.ctx, told.gate, view.door.code, TOLD, token=view.token, address=HERE,
                             language="ar", solved=f" {word} ").code  # fmt: skip
    assert reports_service.see_form(told.ctx, told.gate, view.door.code, address="192.0.2.77").challenge is None


@pytest.mark.exhaustive
def test_a_form_opened_before_the_flood_is_asked_too(told: Told) -> None:
    view = reports_service.see_form(told.ctx, told.gate, told.door().code, address="192.0.2.1")
    assert view.challenge is None
    for _ in range(public_door.ASKED_SCHOOL):
        told.send()
    with pytest.raises(BadInput) as found:
        reports_service.receive(told.ctx, told.gate, view.door.code, TOLD, token=view.token, address="192.0.2.1",
                          language="fr")  # fmt: skip
    assert problems(found) == {"challenge": ("wrong_answer",)}


@pytest.mark.exhaustive
def test_what_no_school_sends_is_refused_until_the_hour_is_over(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public_door, "MOST_PLACE", 2)
    for _ in range(2):
        told.send(address=HERE)
    with pytest.raises(TooMany):
        told.send(address=HERE)
    told.school.wait(hours=1)
    assert told.send(address=HERE).code


def test_what_is_counted_is_forgotten_with_its_hour(told: Told) -> None:
    gate, now = Gate(), told.ctx.now()
    assert [gate.add("sent", HERE, now) for _ in range(3)] == [1, 2, 3]
    assert HERE not in repr(vars(gate))
    key = vars(gate)["_key"]
    told.school.wait(hours=1)
    assert gate.count("sent", HERE, told.ctx.now()) == 0
    assert vars(gate)["_key"] != key


@pytest.mark.parametrize(("processes", "asked_from"), [(1, 3), (2, 1), (3, 1), (8, 1)])
def test_each_of_several_processes_lets_through_its_share(told: Told, processes: int, asked_from: int) -> None:
    """Together no more than one would: but one each, so that no first report is ever asked."""
    gate, now = Gate(processes), told.ctx.now()
    asked = []
    for _ in range(5):
        asked.append(public_door.is_asked(gate, school="s", address=HERE, came=0, now=now))
        public_door.note_sent(gate, school="s", address=HERE, came=0, now=now)
    assert asked.index(True) == asked_from
    assert processes * asked_from <= max(public_door.ASKED_PLACE, processes)
    for _ in range(public_door.TRIES_PLACE // processes):
        public_door.check_tries(gate, address=HERE, now=now)
        public_door.note_wrong(gate, school="s", address=HERE, now=now)
    with pytest.raises(TooMany):
        public_door.check_tries(gate, address=HERE, now=now)


@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_the_question_is_a_sentence_in_words(language: str) -> None:
    w = Wording(language)
    for _ in range(30):
        asked = public_door.draw_challenge()
        assert not any(char.isdigit() for char in asked.question(w))
        assert 2 <= asked.answer <= public_door.LARGEST
        assert public_door.number_of(w._(public_door.WORDS[asked.answer - 1])) == asked.answer


# ---- where it goes ---------------------------------------------------------------------------------------------------


def open_it(told: Told, who: str, report: str, **answers: Any) -> Any:
    person = told.school.person(who)
    view = triage.see_opening(told.ctx, person, report)
    return triage.open_as_case(told.ctx, person, report, {**view.prefill, **answers}, token=told.school.token())


def rehearse_it(told: Told, who: str, report: str, **answers: Any) -> None:
    person = told.school.person(who)
    view = triage.see_opening(told.ctx, person, report)
    triage.rehearse_opening(told.ctx, person, report, {**view.prefill, **answers})


@pytest.mark.exhaustive
def test_a_case_opens_with_what_was_told_and_the_report_is_in_it(told: Told) -> None:
    told.school.person("psychosocial")
    receipt = told.send(to_whom="my_child", what_happens="Un faux compte", not_for="psychosocial")
    report = told.only()
    view = triage.see_opening(told.ctx, told.school.person("team_member"), report)
    assert view.prefill["what_happened"] == "Un faux compte"
    assert (view.prefill["danger_now"], view.prefill["how_it_came"]) == ("no", "parent")
    assert view.prefill["must_not_read"] == [told.school.account("psychosocial")]
    told.school.wait(minutes=50)
    opened = open_it(told, "team_member", report)
    case = see_case(told.ctx, told.school.person("team_member"), opened.number)
    assert case.head.state
    (inside,) = triage.of_case(told.ctx, told.school.person("team_member"), opened.number)
    assert (inside.id, inside.status, inside.number) == (report, Status.opened, opened.number)
    assert told.back(receipt).standing is Standing.in_hand
    with told.ctx.realm.reading() as session:
        case_id = cases_repository.find_by_number(session, opened.number)
        assert case_id is not None
        (kept,) = lookup_repository.reports_of_case(session, case_id)
        assert (kept.channel, kept.reporter) == ("public", None)


def test_a_case_opens_once(told: Told) -> None:
    told.send()
    report, person = told.only(), told.school.person("team_member")
    filled = triage.see_opening(told.ctx, person, report).prefill
    first = triage.open_as_case(told.ctx, person, report, filled, token="once")
    again = triage.open_as_case(told.ctx, person, report, filled, token="once")
    assert (again.number, again.repeated) == (first.number, True)
    with pytest.raises(Conflict):
        triage.open_as_case(told.ctx, told.school.person("head"), report, filled, token="other")


@pytest.mark.parametrize("left_out", [False, True])
def test_whoever_oversees_and_must_not_read_it_reads_no_case_of_it(told: Told, left_out: bool) -> None:
    """The academy opens it: who is named by whoever wrote is offered, and shut out whatever the form says."""
    overseer, academy = told.school.account("directorate"), told.school.person("academy")
    told.send(adult_concerned="yes", not_for="directorate")
    assert told.ids("directorate") == []
    report = told.only("academy")
    view = triage.see_opening(told.ctx, academy, report)
    assert view.prefill["must_not_read"] == [overseer]
    assert overseer in {one.id for one in view.choices.accounts}
    answers: dict[str, Any] = {"must_not_read": []} if left_out else {}
    rehearse_it(told, "academy", report, **answers)
    opened = open_it(told, "academy", report, **answers)
    assert see_case(told.ctx, academy, opened.number)
    with pytest.raises(Unseen):
        see_case(told.ctx, told.school.person("directorate"), opened.number)


@pytest.mark.exhaustive
@pytest.mark.parametrize("who", ["directorate", "academy"])
def test_the_school_opens_it_and_whoever_above_must_not_read_it_does_not(told: Told, who: str) -> None:
    """Nobody at the school shuts out somebody above: whoever wrote does."""
    for one in ("directorate", "academy"):
        told.school.account(one)
    told.send(not_for=who)
    report = told.only("head")
    view = triage.see_opening(told.ctx, told.school.person("head"), report)
    assert told.school.account(who) not in {one.id for one in view.choices.accounts}
    opened = open_it(told, "head", report, must_not_read=[])
    assert see_case(told.ctx, told.school.person("head"), opened.number)
    with pytest.raises(Unseen):
        see_case(told.ctx, told.school.person(who), opened.number)


@pytest.mark.exhaustive
def test_where_nobody_above_would_be_left_whoever_sees_the_region_is(told: Told) -> None:
    for one in ("directorate", "academy"):
        told.school.account(one)
    told.send(not_for="academy, directorate")
    opened = open_it(told, "head", told.only("head"), must_not_read=[])
    assert see_case(told.ctx, told.school.person("academy"), opened.number)
    with pytest.raises(Unseen):
        see_case(told.ctx, told.school.person("directorate"), opened.number)


def test_a_restricted_report_makes_a_restricted_case_or_none(told: Told) -> None:
    told.send(adult_concerned="yes")
    report = told.only("directorate")
    with pytest.raises(BadInput) as found:
        open_it(told, "directorate", report, adult_concerned="no")
    assert problems(found) == {"adult_concerned": ("stays_restricted",)}
    opened = open_it(told, "directorate", report)
    assert see_case(told.ctx, told.school.person("directorate"), opened.number)
    with pytest.raises(Unseen):
        see_case(told.ctx, told.school.person("head"), opened.number)
    with pytest.raises(Unseen):
        triage.see_report(told.ctx, told.school.person("head"), report)


@pytest.mark.exhaustive
def test_several_reports_go_into_one_case(told: Told) -> None:
    number = told.school.report("team_member").number
    told.send()
    report, head = told.only(), told.school.person("head")
    assert triage.link(told.ctx, told.school.person("team_coordinator"), report, number).number == number
    with told.ctx.realm.reading() as session:
        case_id = cases_repository.find_by_number(session, number)
        assert case_id is not None
    member = told.school.person("team_member")
    looks: tuple[tuple[Actor, Callable[[], object]], ...] = (
        (head, lambda: triage.see_report(told.ctx, head, report)),
        (member, lambda: triage.of_case(told.ctx, member, number)),
    )
    for person, look in looks:
        with told.ctx.realm.reading() as session:
            assert not access_log.has_read(session, case_id, person.id, what=triage.SIGNALEMENT)
        assert look()
        with told.ctx.realm.reading() as session:
            assert access_log.has_read(session, case_id, person.id, what=triage.SIGNALEMENT)
    (inside,) = triage.of_case(told.ctx, head, number)
    assert (inside.id, {line.what for line in inside.traces}) == (report, {"linked", "read"})


@pytest.mark.exhaustive
def test_a_restricted_one_goes_into_no_case_that_more_people_read(told: Told) -> None:
    number = told.school.report("team_member").number
    told.send(adult_concerned="yes")
    with pytest.raises(BadInput) as found:
        triage.link(told.ctx, told.school.person("directorate"), told.only("directorate"), number)
    assert problems(found) == {"number": ("less_restricted",)}
    with pytest.raises(BadInput) as found:
        triage.link(told.ctx, told.school.person("directorate"), told.only("directorate"), "2026-999-99")
    assert problems(found) == {"number": ("no_such_case",)}


@pytest.mark.exhaustive
def test_in_a_case_it_is_read_as_the_case_is(told: Told) -> None:
    """A member who takes no part in the case reads no more of it; the head, who sees the case, does."""
    told.send()
    report = told.only()
    opened = open_it(told, "team_coordinator", report, must_not_read=[told.school.account("team_member")])
    told.school.number = opened.number
    assert not told.school.is_seen_by("team_member")
    with pytest.raises(Unseen):
        triage.see_report(told.ctx, told.school.person("team_member"), report)
    assert triage.see_report(told.ctx, told.school.person("head"), report).number == opened.number


def test_others_help_better_and_the_reporter_reads_who(told: Told) -> None:
    receipt, head = told.send(), told.school.person("head")
    report = told.only()
    with pytest.raises(BadInput):
        triage.orient(told.ctx, head, report, "nowhere")
    seen = triage.orient(told.ctx, head, report, "content_online")
    assert (seen.status, seen.outcome) == (Status.oriented, "content_online")
    back = told.back(receipt)
    assert back.standing is Standing.elsewhere
    assert back.sentence is not None
    triage.take_up_again(told.ctx, head, report)
    assert told.back(receipt).standing is Standing.read


def test_closing_says_why_to_nobody_outside(told: Told) -> None:
    receipt, head = told.send(), told.school.person("head")
    report = told.only()
    triage.close(told.ctx, head, told.ids(), "abusive")
    triage.close(told.ctx, told.school.person("team_member"), told.ids(), "abusive")
    back = told.back(receipt)
    assert (back.standing, back.messages, back.sentence) == (Standing.over, (), None)
    with pytest.raises(BadInput):
        triage.close(told.ctx, head, [report], "liar")


def test_what_was_verified_is_marked(told: Told) -> None:
    told.send()
    told.send("staff", what_happens="Vu en salle 4")
    head = told.school.person("head")
    marked = {one: triage.see_report(told.ctx, head, one).to_verify for one in told.ids()}
    assert sorted(marked.values()) == [False, True]
    report = next(one for one, is_marked in marked.items() if is_marked)
    assert not triage.verify(told.ctx, head, report, is_to_verify=False).to_verify


def test_staff_tell_in_their_own_words_without_an_account(told: Told) -> None:
    view = reports_service.see_form(told.ctx, told.gate, told.door("staff").code, address=HERE)
    assert view.form.key == "tell_us_staff"
    told.send("staff")
    assert triage.see_report(told.ctx, told.school.person("head"), told.only()).kind == "staff"


# ---- the end ---------------------------------------------------------------------------------------------------------


def test_without_a_case_it_is_erased_after_its_months(told: Told) -> None:
    receipt, head = told.send(), told.school.person("head")
    waiting = told.send(what_happens="Encore une autre")
    said = {triage.see_report(told.ctx, head, one).answers[0].value: one for one in told.ids()}
    report = said[WORDS]
    triage.answer(told.ctx, head, report, "Merci", settles=True, token="t")
    now = told.ctx.now()
    assert erase_over(told.ctx, now, left_since=now.replace(year=2025)) == 0
    later = now.replace(year=2027, month=6)
    assert erase_over(told.ctx, later, left_since=now.replace(year=2025)) == 1
    with pytest.raises(BadInput):
        told.back(receipt)
    assert told.back(waiting).standing is Standing.read
    assert erase_over(told.ctx, later, left_since=later) == 1
    with told.ctx.realm.reading() as session:
        assert reports_repository.versions(session) == ()


def test_the_run_of_the_hour_erases_them(told: Told) -> None:
    told.send()
    triage.close(told.ctx, told.school.person("head"), told.ids(), "mistaken")
    for _ in range(40):
        told.school.wait(days=10)
        swept = run_sweep(told.ctx).swept
        if swept.get("public_reports"):
            break
    assert swept["public_reports"] == 1
    assert told.ids() == []


def test_with_its_case_all_of_it_goes(told: Told) -> None:
    receipt = told.send()
    opened = open_it(told, "team_member", told.only())
    add_answer(told.ctx, told.gate, receipt.door.code, receipt.code, "Encore", address=HERE)
    with told.ctx.realm.writing() as session:
        case_id = cases_repository.find_by_number(session, opened.number)
        assert case_id is not None
        privacy_repository.erase_case(session, told.ctx.vault, case_id, at=told.ctx.now(), actor="x")
    with pytest.raises(BadInput):
        told.back(receipt)
