"""Names in what is typed: for whom signs are offered, what is refused, and the summary that goes before a copy."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from engine.telling import NOW
from handing import hand_out_as

from school_protocol.case_files.copy_scope import see_case_file
from school_protocol.case_files.service import issue_case_file
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.lists import find_by_pupil
from school_protocol.cases.loading import load
from school_protocol.cases.pseudonyms import Pseudonymiser, named_in
from school_protocol.cases.service import Done, record_act, take_back
from school_protocol.cases.showing import see_act, see_case, see_chronology, see_record
from school_protocol.engine.case import Case
from school_protocol.engine.errors import BadInput, Refused
from school_protocol.engine.events import Recorded
from school_protocol.engine.name_detection import Found
from school_protocol.ops.journal_checks import rebuild_index
from services.conftest import MASSAR, NAME, School

SUMMARY = {"summary": "[EV1] est suivie, [EC1] a été reçu.", "names_nobody": "true"}


def tokens(found: tuple[Found, ...]) -> list[str]:
    return [one.token for one in found]


def test_signs_are_offered_to_whoever_may_know_the_names(school: School) -> None:
    school.report()
    texts, protocol = [f"{NAME} et Omar", f"Code {MASSAR}"], school.player.protocol
    for who in ("head", "team_coordinator"):
        found = named_in(school.ctx, school.person(who), school.number, protocol, texts)
        assert [tokens(one) for one in found] == [["[EV1]", "[EC1]"], ["[EV1]"]]


def test_who_reads_pseudonyms_learns_no_name_by_typing_it(school: School) -> None:
    school.report()
    person, protocol = school.person("directorate"), school.player.protocol
    texts = [f"{NAME}, Omar, Imane", f"{MASSAR} {MASSAR[1:]}"]
    imane = {"slot": "targeted_pupil", "name": "Imane Lahlou"}
    names, codes = named_in(school.ctx, person, school.number, protocol, texts, [imane])
    assert tokens(names) == ["[EV2]"]
    assert tokens(codes) == ["[…]"]


def test_people_of_the_same_form_count_under_the_numbers_that_they_will_have(school: School) -> None:
    people = [
        {"slot": "targeted_pupil", "name": "Imane Lahlou"},
        {"slot": "", "name": "Personne"},
        {"slot": "targeted_pupil", "name": "Hiba Raji"},
    ]
    texts, protocol = ["Imane, Hiba, Personne"], school.player.protocol
    [found] = named_in(school.ctx, school.person("reporter"), None, protocol, texts, people)
    assert tokens(found) == ["[EV1]", "[EV2]"]
    school.report()
    [found] = named_in(school.ctx, school.person("head"), school.number, protocol, texts, people)
    assert tokens(found) == ["[EV2]", "[EV3]"]


def folded(school: School) -> Case:
    with school.ctx.realm.reading() as session:
        return load(school.ctx, session, school.person("head"), school.number).case


# ---- the summary ---------------------------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hand_out_as(monkeypatch, lambda view, _wording: repr(view.summary).encode())


def issue(school: School, who: str, token: str | None = None) -> str:
    actor = school.person(who)
    return issue_case_file(school.ctx, actor, school.number, "supervisor", "fr", token=token).data.decode()


def is_asked(school: School, who: str) -> bool:
    options = see_case_file(school.ctx, school.person(who), school.number)
    assert options.awaits("school") is False
    return options.awaits("supervisor")


@pytest.mark.usefixtures("quick")
def test_whoever_can_write_the_summary_confirms_it_before_a_copy_and_again_when_the_case_moves_on(
    school: School,
) -> None:
    school.report()
    for who in ("head", "team_coordinator"):
        assert is_asked(school, who)
        with pytest.raises(Refused) as refused:
            issue(school, who)
        assert [(one.code, one.acts) for one in refused.value.reasons] == [("summary_first", ("nameless_summary",))]

    school.act("head", "nameless_summary", SUMMARY)
    first = issue(school, "head", token="one")
    assert "[EV1] est suivie" in first
    assert "stands=True" in first
    see_case(school.ctx, school.person("team_coordinator"), school.number)
    school.act("head", "note", text="Rappel à faire")
    assert not is_asked(school, "team_coordinator")
    issue(school, "team_coordinator")

    school.act("head", "add_person", persons=[{"slot": "witness", "name": "Hamza Kabbaj"}])
    assert is_asked(school, "head")
    with pytest.raises(Refused):
        issue(school, "head")
    assert issue(school, "head", token="one") == first
    school.act("head", "nameless_summary", SUMMARY)
    assert "stands=True" in issue(school, "head")


@pytest.mark.exhaustive
@pytest.mark.usefixtures("quick")
def test_a_supervisor_is_never_held_up_and_reads_how_the_summary_stands(school: School) -> None:
    school.report()
    assert not is_asked(school, "directorate")
    assert "text=''" in issue(school, "directorate")
    school.act("team_coordinator", "nameless_summary", SUMMARY)
    assert "stands=True" in issue(school, "directorate")
    school.act("head", "add_person", persons=[{"slot": "witness", "name": "Hamza Kabbaj"}])
    late = issue(school, "directorate")
    assert "est suivie" in late
    assert "role='team_coordinator'" in late
    assert "stands=False" in late


@pytest.mark.usefixtures("quick")
def test_a_name_that_the_case_learns_later_is_a_sign_in_an_older_summary(school: School) -> None:
    """Its writer could not know; whoever reads pseudonyms does not read it, on the page or on paper."""
    school.report()
    done = school.act("head", "nameless_summary", summary="Hamza va mieux.", names_nobody="true")
    school.act("head", "add_person", persons=[{"slot": "witness", "name": "Hamza Kabbaj"}])
    assert "[T1] va mieux." in issue(school, "directorate")
    for who, said in (("directorate", "[T1] va mieux."), ("head", "Hamza va mieux.")):
        _head, record = see_record(school.ctx, school.person(who), school.number, done.seq)
        assert record.answers["summary"] == said


@pytest.mark.exhaustive
def test_a_summary_is_no_news_and_no_correction_of_it_is_taken(school: School) -> None:
    school.report()
    news = folded(school).news_seq
    done = school.act("head", "nameless_summary", SUMMARY)
    assert (folded(school).news_seq, folded(school).content_seq) == (news, done.seq)
    pointed = {"record": str(done.seq), "what_changes": "x", "reason": "x"}
    with pytest.raises(Refused) as refused:
        record_act(
            school.ctx, school.person("head"), school.number, "correction", pointed, expected=None, token="c",
            changes=SUMMARY,
        )  # fmt: skip
    assert "not_correctable" in [one.code for one in refused.value.reasons]


def test_the_writers_word_is_given_anew_each_time(school: School) -> None:
    school.report()
    school.act("head", "nameless_summary", SUMMARY)
    assert dict(see_act(school.ctx, school.person("head"), school.number, "nameless_summary").prefill) == {
        "summary": SUMMARY["summary"]
    }
    with pytest.raises(BadInput):
        school.act("head", "nameless_summary", summary="Rien de neuf.")


# ---- whose texts are masked ----------------------------------------------------------------------------------------


GUESS = f"Salma Idrissi, {NAME}, Omar T., {MASSAR}, G999999999"
REFERRED = {"target": "rescue", "covers": ["self_harm"], "channel": "call", "sent_at": NOW.isoformat()}


def escalated(school: School, who: str) -> Done:
    school.report()
    school.act("head", "raise_danger", which_danger="self_harm")
    return school.act(who, "referral", {**REFERRED, "reference": GUESS})


def reference(school: School, who: str, seq: int) -> str:
    _head, record = see_record(school.ctx, school.person(who), school.number, seq)
    return str(record.answers["reference"])


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> None:
    hand_out_as(monkeypatch, lambda view, _wording: repr(view).encode())


@pytest.mark.usefixtures("whole")
def test_a_supervisor_reads_back_their_own_guess_unchanged_on_pages_and_papers(school: School) -> None:
    done = escalated(school, "directorate")
    for who in ("directorate", "academy", "head"):
        assert reference(school, who, done.seq) == GUESS
    school.act("head", "told_by_voice", who_was_told=["head"])
    school.move("directorate", "mark_sent", reason=GUESS)
    _head, page = see_chronology(school.ctx, school.person("directorate"), school.number)
    assert [event.detail["reason"] for event in page.events if event.kind == "step_taken"] == [GUESS, ""]
    paper = issue(school, "directorate")
    assert paper.count(GUESS) == 2, "the reference and the step’s reason, which whoever oversees answers for"


@pytest.mark.usefixtures("whole")
def test_what_the_school_typed_is_masked_for_supervisors(school: School) -> None:
    done = escalated(school, "head")
    masked = "Salma Idrissi, [EV1], [EC1]., [EV1], […]"
    for who, said in (("directorate", masked), ("academy", masked), ("head", GUESS)):
        assert reference(school, who, done.seq) == said
    school.act("head", "told_by_voice", who_was_told=["head"])
    school.move("team_coordinator", "mark_sent", reason=f"Pour {NAME}")
    _head, page = see_chronology(school.ctx, school.person("directorate"), school.number)
    assert "Pour [EV1]" in [event.detail.get("reason") for event in page.events]
    paper = issue(school, "directorate")
    assert masked in paper
    assert "Pour [EV1]" in paper
    assert NAME not in paper


@pytest.mark.exhaustive
def test_naming_somebody_again_changes_no_text_of_the_school(school: School) -> None:
    """A supervisor who names the pupil once more, as a guardian, does not see that the school's text is about both."""
    done = escalated(school, "head")
    before = reference(school, "directorate", done.seq)
    guardian = {"who": {"slot": "guardian", "name": "Yasmine Benali Idrissi"}, "relation": "mother", "result": "told"}
    told = school.act("directorate", "inform_guardian", guardian, safe_to_tell="yes")
    own = school.act("directorate", "referral", {**REFERRED, "target": "police", "reference": "Benali, Omar"})
    assert told.seq < own.seq
    after = reference(school, "directorate", done.seq)
    assert after == before.replace("Salma Idrissi", "Salma [RL1]")
    assert reference(school, "directorate", own.seq) == "[RL1], Omar"


@pytest.mark.exhaustive
def test_a_supervisor_who_was_seated_where_names_are_read_knows_them(school: School) -> None:
    school.report()
    school.act("head", "raise_danger", which_danger="self_harm")
    account, until = school.account("directorate"), (NOW + timedelta(days=3)).date().isoformat()
    school.act("directorate", "name_seat", seat="acting_head", account=account, until=until)
    school.wait(days=5)
    done = school.act("directorate", "referral", {**REFERRED, "reference": GUESS})
    assert NAME not in reference(school, "academy", done.seq)


def test_of_a_corrected_entry_each_text_is_treated_by_who_wrote_it_first(school: School) -> None:
    escalated(school, "directorate")
    with school.ctx.realm.reading() as session:
        loaded = load(school.ctx, session, school.person("academy"), school.number)
    first = next(one for one in loaded.events if isinstance(one, Recorded) and one.act == "referral")
    corrector, seq = school.account("head"), loaded.case.last_seq + 1
    changes = {"reference": GUESS, "rows": [{"words": f"Vu {NAME}"}]}
    correction = replace(first, seq=seq, actor=corrector, role="head", answers={}, derived={"changes": changes})
    loaded = replace(loaded, events=(*loaded.events, correction))
    record = loaded.case.record(first.seq)
    assert record is not None
    masked = Pseudonymiser(loaded).of(replace(record, corrections=[seq], answers=changes))
    assert masked(GUESS) == GUESS
    assert masked(f"Vu {NAME}") == "Vu [EV1]"


# ---- whom only an entry named that was taken back ------------------------------------------------------------------


WRONG = "Karim Wrong"


def informed(school: School) -> Done:
    who = {"slot": "guardian", "name": WRONG}
    return school.act("head", "inform_guardian", who=who, relation="father", result="told", safe_to_tell="yes")


def finds(school: School) -> list[str]:
    return [line.number for line in find_by_pupil(school.ctx, school.person("head"), WRONG)]


def offered(school: School) -> list[str]:
    [found] = named_in(school.ctx, school.person("head"), school.number, school.player.protocol, ["Karim est venu"])
    return tokens(found)


@pytest.mark.exhaustive
def test_whom_only_an_entry_taken_back_named_is_neither_found_nor_offered(school: School) -> None:
    school.report()
    done = informed(school)
    assert (finds(school), offered(school)) == ([school.number], ["[RL1]"])
    take_back(school.ctx, school.person("head"), school.number, done.seq, expected=None, token="undo")
    assert (finds(school), offered(school)) == ([], [])
    rebuild_index(school.ctx)
    assert finds(school) == []
    school.act("head", "raise_danger", which_danger="self_harm")
    text = school.act("head", "referral", {**REFERRED, "reference": "Karim est venu"})
    assert reference(school, "directorate", text.seq) == "[RL1] est venu"
    informed(school)
    assert (finds(school), offered(school)) == ([school.number], ["[RL2]"])
    rebuild_index(school.ctx)
    assert finds(school) == [school.number]


@pytest.mark.exhaustive
def test_an_index_made_anew_forgets_marks_that_an_earlier_version_left(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    school.report()
    done = informed(school)
    with monkeypatch.context() as before:
        before.setattr(cases_repository, "unmark", lambda *_args: None)
        take_back(school.ctx, school.person("head"), school.number, done.seq, expected=None, token="undo")
    assert finds(school) == [school.number]
    rebuild_index(school.ctx)
    assert finds(school) == []
