"""Who reads what was told, and what whoever told is told of that: no word of the school where it reads nothing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from engine.telling import MOROCCAN, NOW

from school_protocol.cases.story_player import throwaway
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import Unseen
from school_protocol.language import Wording
from school_protocol.protocol.checks import names_the_school
from school_protocol.reports import service as reports_service
from school_protocol.reports import triage
from school_protocol.reports.presenters import CHILD
from school_protocol.reports.rules import Status, is_sampled
from school_protocol.reports.service import SENTENCES_ABOVE, Receipt, Standing, add_answer
from services.conftest import School
from services.telling_school import HERE, TOLD, Told

SCHOOLS = ("team_member", "team_coordinator", "head")


@pytest.fixture
def told(moroccan: Protocol) -> Iterator[Told]:
    with throwaway(moroccan, MOROCCAN.read_bytes(), NOW) as player:
        for role in (*SCHOOLS, "directorate"):
            player.actor(role)
        yield Told(School(player, count(1)))


def readers(told: Told, report: str) -> set[str]:
    found = set()
    for role in (*SCHOOLS, "directorate", "academy"):
        try:
            triage.see_report(told.ctx, told.school.person(role), report)
        except Unseen:
            continue
        found.add(role)
    return found


@pytest.mark.parametrize("answer", ["yes", "unsure"])
def test_of_an_adult_the_reporter_is_told_that_the_directorate_reads(told: Told, answer: str) -> None:
    receipt = told.send(adult_concerned=answer)
    rules = told.school.player.protocol.signalement
    assert rules is not None
    assert rules.above is not None
    assert (receipt.hours, receipt.opens) == (rules.above.hours, None)
    assert readers(told, told.only("directorate")) == {"directorate"}
    back = told.back(receipt)
    assert (back.standing, back.voice, back.hours) == (Standing.read, rules.above, rules.above.hours)
    ordinary = told.back(told.send())
    assert (ordinary.voice, ordinary.hours) == (None, rules.hours)


def test_in_a_restricted_case_the_directorate_has_it_in_hand(told: Told) -> None:
    receipt = told.send(adult_concerned="yes")
    report, person = told.only("directorate"), told.school.person("directorate")
    view = triage.see_opening(told.ctx, person, report)
    triage.open_as_case(told.ctx, person, report, {**view.prefill, "danger_now": "no"}, token="t")
    back = told.back(receipt)
    assert (back.standing, back.above) == (Standing.in_hand, True)


def test_whoever_was_unsure_is_read_by_the_school_once_somebody_above_has_looked(told: Told) -> None:
    receipt = told.send(adult_concerned="unsure")
    report, person = told.only("directorate"), told.school.person("directorate")
    assert triage.see_report(told.ctx, person, report).can_release
    triage.release(told.ctx, person, report)
    assert readers(told, report) == set(SCHOOLS)
    back = told.back(receipt)
    assert (back.above, back.standing) == (False, Standing.read), "the directorate has read it"
    with pytest.raises(Unseen):
        triage.release(told.ctx, person, report)


def test_what_concerns_an_adult_is_never_given_to_the_school(told: Told) -> None:
    told.send(adult_concerned="yes")
    report, person = told.only("directorate"), told.school.person("directorate")
    assert not triage.see_report(told.ctx, person, report).can_release
    with pytest.raises(Unseen):
        triage.release(told.ctx, person, report)


def test_nobody_of_the_school_gives_it_to_the_school(told: Told) -> None:
    told.send(adult_concerned="unsure")
    report = told.only("directorate")
    for role in SCHOOLS:
        with pytest.raises(Unseen):
            triage.release(told.ctx, told.school.person(role), report)


@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_no_sentence_where_the_school_reads_nothing_says_that_it_does(moroccan: Protocol, language: str) -> None:
    rules, w = moroccan.signalement, Wording(language)
    assert rules is not None
    assert rules.above is not None
    said = [w.text(getattr(rules.above, name)) for name in type(rules.above).model_fields]
    said += [w._(words) for words in (*SENTENCES_ABOVE.values(), *CHILD.values())]
    assert [one for one in said if names_the_school(one, language)] == []
    assert names_the_school(w.text(rules.hours), language), "the control"
    assert names_the_school(w._("The school’s team is taking care of it."), language), "the control"


# ---- what is promised ------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive(
    but=(
        "me",
        "my_child",
    )
)
@pytest.mark.parametrize("whose", ["me", "friend", "seen", "my_child", "my_pupil", None])
def test_each_is_promised_what_is_theirs(told: Told, whose: str | None) -> None:
    receipt = told.send(**({"to_whom": whose} if whose else {}))
    said = receipt.promise.in_language("fr")
    assert ("tes parents" in said) == (whose in ("me", None))
    assert ("votre enfant" in said) == (whose == "my_child")
    staff = told.send("staff", what_happens="Vu en salle 4")
    assert "tes parents" not in staff.promise.in_language("fr")


# ---- the same form once more -----------------------------------------------------------------------------------------


def twice(told: Told, first: str, then: str, *, reader: str = "") -> Receipt:
    """A form, read by somebody perhaps, and sent once more with another answer about an adult."""
    view = reports_service.see_form(told.ctx, told.gate, told.door().code, address=HERE)

    def send(adult: str) -> Receipt:
        answers = {**TOLD, "adult_concerned": adult}
        return reports_service.receive(
            told.ctx, told.gate, view.door.code, answers, token=view.token, address=HERE, language="fr"
        )

    send(first)
    if reader:
        triage.see_report(told.ctx, told.school.person(reader), told.only(reader))
    return send(then)


def test_a_receipt_says_what_became_of_both(told: Told) -> None:
    rules = told.school.player.protocol.signalement
    assert rules is not None
    assert rules.above is not None
    receipt = twice(told, "no", "yes")
    assert (receipt.restricted, receipt.hours) == (True, rules.above.hours)


def test_whoever_was_unsure_and_then_sure_is_never_read_by_the_school(told: Told) -> None:
    twice(told, "unsure", "yes", reader="directorate")
    report, person = told.only("directorate"), told.school.person("directorate")
    view = triage.see_report(told.ctx, person, report)
    assert not view.can_release
    assert "Un adulte de l’école fait-il partie du problème ? Oui" in view.messages[-1].text, "in the words of the page"


def test_whoever_was_unsure_and_says_no_before_anybody_read_is_read_by_the_school(told: Told) -> None:
    assert not twice(told, "unsure", "no").restricted
    assert readers(told, told.only("head")) == set(SCHOOLS)


def test_of_what_the_school_read_nobody_says_that_it_did_not(told: Told) -> None:
    back = told.back(twice(told, "no", "yes", reader="head"))
    triage.see_report(told.ctx, told.school.person("directorate"), told.only("directorate"))
    assert (back.above, back.read_there) == (True, False)
    answered = told.send(adult_concerned="yes")
    triage.see_report(told.ctx, told.school.person("directorate"), told.ids("directorate")[0])
    for one in told.ids("directorate"):
        triage.see_report(told.ctx, told.school.person("directorate"), one)
    assert told.back(answered).read_there


def test_an_answer_stands_under_the_place_of_whoever_wrote_it(told: Told) -> None:
    receipt = told.send(adult_concerned="unsure")
    report, person = told.only("directorate"), told.school.person("directorate")
    triage.answer(told.ctx, person, report, "Merci", settles=False, token="t")
    triage.release(told.ctx, person, report)
    triage.answer(told.ctx, told.school.person("head"), report, "Viens me voir", settles=False, token="u")
    assert [one.by_school for one in told.back(receipt).messages] == [False, True]


# ---- whoever is named ------------------------------------------------------------------------------------------------


def test_whoever_is_named_in_the_words_does_not_read_them(told: Told) -> None:
    told.send(what_happens="Le prof Member se moque de moi devant tous")
    report = told.only("head")
    assert readers(told, report) == {"team_coordinator", "head"}
    assert triage.see_report(told.ctx, told.school.person("head"), report).barred == ("team_member",)


def test_whoever_is_named_in_what_is_added_does_not_read_it_any_more(told: Told) -> None:
    receipt = told.send()
    report = told.only("head")
    assert "team_member" in readers(told, report)
    add_answer(told.ctx, told.gate, receipt.door.code, receipt.code, "C’est madame Member", address=HERE)
    assert readers(told, report) == {"team_coordinator", "head"}


def test_whoever_answered_goes_on_reading_what_a_child_adds_about_them(told: Told) -> None:
    receipt = told.send()
    report, person = told.only("head"), told.school.person("team_member")
    triage.answer(told.ctx, person, report, "Merci", settles=False, token="t")
    add_answer(told.ctx, told.gate, receipt.door.code, receipt.code, "Madame Member m’a aidé hier", address=HERE)
    assert "team_member" in readers(told, report)


def test_a_proposal_of_those_above_does_not_count_at_the_school(told: Told) -> None:
    told.send(adult_concerned="unsure")
    report, person = told.only("directorate"), told.school.person("directorate")
    triage.close(told.ctx, person, [report], "abusive")
    triage.release(told.ctx, person, report)
    assert triage.close(told.ctx, told.school.person("head"), [report], "abusive") == triage.Closing(0, 1)


def test_two_persons_close_what_was_sent_to_annoy(told: Told) -> None:
    told.send()
    report, head = told.only(), told.school.person("head")
    for _press in range(2):
        assert triage.close(told.ctx, head, [report], "abusive") == triage.Closing(0, 1)
    seen = triage.see_report(told.ctx, told.school.person("team_member"), report)
    assert (seen.status, seen.proposed_by, seen.is_own_proposal) == (Status.waiting, head.name, False)
    assert triage.close(told.ctx, told.school.person("team_member"), [report], "abusive") == triage.Closing(1, 0)


def test_what_is_added_ends_the_proposal(told: Told) -> None:
    receipt = told.send()
    report = told.only()
    triage.close(told.ctx, told.school.person("head"), [report], "abusive")
    add_answer(told.ctx, told.gate, receipt.door.code, receipt.code, "C’est vrai", address=HERE)
    assert triage.close(told.ctx, told.school.person("team_member"), [report], "abusive") == triage.Closing(0, 1)


@pytest.mark.exhaustive
def test_those_above_see_what_was_closed_as_sent_to_annoy_and_some_of_the_rest(told: Told) -> None:
    for number in range(12):
        told.send(what_happens=f"mdr {number} {'x' * number}")
    ids, head = told.ids(), told.school.person("head")
    assert told.ids("directorate") == []
    for who in ("head", "team_member"):
        triage.close(told.ctx, told.school.person(who), ids[:1], "abusive")
    triage.close(told.ctx, head, ids[1:], "mistaken")
    expected = {ids[0], *(one for one in ids[1:] if is_sampled(one, "mistaken"))}
    assert set(told.ids("directorate")) == expected
    again = triage.see_list(told.ctx, told.school.person("directorate"))
    assert again.has_sample
    triage.take_up_again(told.ctx, told.school.person("directorate"), ids[0])
    listed = triage.see_list(told.ctx, head)
    assert [line.ids for line in listed.waiting if line.unseen] == [(ids[0],)], "it waits unread, and rises"
    assert triage.close(told.ctx, head, ids[:1], "mistaken") == triage.Closing(0, 1), "nobody closes it alone any more"


# ---- words of despair ------------------------------------------------------------------------------------------------


def test_words_of_despair_stand_out_of_a_crowd_and_are_not_closed_with_it(told: Told) -> None:
    for number in range(14):
        told.send(what_happens=f"mdr {number}")
    told.send(what_happens="بغيت نموت")
    head = told.school.person("head")
    first = triage.see_list(told.ctx, head).waiting[0]
    assert (first.size, first.hinted, first.urgent) == (1, True, False)
    triage.close(told.ctx, head, told.ids(), "mistaken", together=True)
    assert [line.ids for line in triage.see_list(told.ctx, head).waiting] == [first.ids]


def test_words_of_despair_that_are_added_mark_it_too(told: Told) -> None:
    receipt = told.send()
    add_answer(told.ctx, told.gate, receipt.door.code, receipt.code, "nbghi nmout", address=HERE)
    assert triage.see_list(told.ctx, told.school.person("head")).waiting[0].hinted


def test_whoever_said_that_there_is_a_danger_is_told_to_call(told: Told) -> None:
    assert told.back(told.send(danger_now="yes")).urgent


def test_a_report_that_was_closed_awaits_no_answer(told: Told) -> None:
    receipt = told.send()
    assert told.back(receipt).awaits_answer
    triage.close(told.ctx, told.school.person("head"), [told.only()], "mistaken")
    back = told.back(receipt)
    assert (back.standing, back.awaits_answer) == (Standing.over, False)
