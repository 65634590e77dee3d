"""Letters, notices, notes and sheets: what stands on each, what must not, who issues them, and who gets none."""

from __future__ import annotations

from typing import Any

import pytest
from rewriting import rewrite

from school_protocol.auth.models import UnitRow
from school_protocol.case_files.letter_pages import paper_html
from school_protocol.case_files.letters import chosen, letter_view, see_letters
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.loading import load, names_in
from school_protocol.engine.errors import Refused, SentBefore, Unseen
from school_protocol.engine.events import DocumentIssued, from_entry
from school_protocol.language import Wording, stigma
from school_protocol.pdf import rendering
from school_protocol.people import repository as people_repository
from school_protocol.storage import access_log
from services.conftest import School
from services.lettering import (
    ADDRESS,
    DIGEST,
    FACTS,
    FATHER,
    HANDLE,
    INTIMATE_ADDRESS,
    MOTHER,
    OTHER,
    OTHER_MOTHER,
    PEOPLE,
    PUPIL,
    SAID,
    SUMMARY,
    WITNESS,
    evidence,
    issue,
    pages_of,
    pages_text,
    refer,
    text_of,
    told,
)

pytestmark = pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")

LANGUAGES = ("fr", "ar", "en")
EVERYBODY = (PUPIL, OTHER, WITNESS, MOTHER, FATHER, OTHER_MOTHER)
LISTENED = (SAID, "Capture où on lit")


def issued(school: School) -> list[DocumentIssued]:
    with school.ctx.realm.reading() as session:
        case_id = cases_repository.find_by_number(session, school.number) or ""
        events = [from_entry(entry) for entry in cases_repository.load_events(session, school.ctx.vault, case_id)]
    return [event for event in events if isinstance(event, DocumentIssued)]


def named(text: str) -> set[str]:
    """Whose name stands on the page; a surname alone is nobody's."""
    return {name for name in EVERYBODY if name.split()[0] in text or name in text}


def council(school: School) -> None:
    """On the urgent path, a plan with what the class council is to be told."""
    school.act("team_member", "raise_danger", which_danger="doxing")
    school.act(
        "team_member", "support_plan", reference_adult=school.account("team_member"), shared_concern="no",
        protection=["not_alone"], disciplinary_referral="class_council", facts_only_note=FACTS,
    )  # fmt: skip


def refusal(call: Any, *arguments: Any) -> list[str]:
    with pytest.raises(Refused) as refused:
        call(*arguments)
    return [reason.code for reason in refused.value.reasons]


# ---- what stands on each --------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_letter_to_the_prosecutor_names_whom_the_referral_names_and_nobody_else(
    school: School, language: str
) -> None:
    told(school)
    refer(school, "prosecutor")
    data = issue(school, "head", "referral_letter", "referral-1", language).data
    text = text_of(data)
    assert named(text) == {PUPIL}
    assert "[T1]" in text
    assert pages_of(data) == 1
    assert all(part in text for part in (DIGEST, ADDRESS, INTIMATE_ADDRESS, HANDLE, "EV1", school.number))
    assert not any(words in text for words in LISTENED)
    assert b"/URI" not in data, "an address is never a link"


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("target", ["emc", "directorate"])
def test_a_letter_to_a_service_without_names_has_neither_names_nor_addresses(
    school: School, target: str, language: str
) -> None:
    told(school)
    refer(school, target)
    text = text_of(issue(school, "head", "referral_letter", "referral-1", language).data)
    assert named(text) == set()
    assert "[EV1]" in text
    assert "[T1]" in text
    assert DIGEST in text
    assert not any(hidden in text for hidden in (*LISTENED, ADDRESS, INTIMATE_ADDRESS, HANDLE, "G123456789"))


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_letter_of_ordinary_length_is_signed_on_its_first_page(school: School, language: str) -> None:
    """Its register comes after the signature, however many pieces there are."""
    told(school)
    for _piece in range(8):
        evidence(school)
    refer(school, "prosecutor", summary=f"{SUMMARY}\n{SUMMARY} {SUMMARY}", legal_basis=["cpp_42", "cpp_510_517"])
    first, *rest = pages_text(issue(school, "head", "referral_letter", "referral-1", language).data)
    signed = {"fr": "Signature et cachet", "ar": "التوقيع والخاتم", "en": "Signature and stamp"}[language]
    assert signed in first
    assert not any(signed in page for page in rest)
    assert DIGEST in rest[0]


@pytest.mark.exhaustive(but=("ar",))
@pytest.mark.parametrize("language", ["fr", "ar"])
def test_each_shipped_letter_is_one_page(school: School, language: str) -> None:
    told(school)
    refer(school, "prosecutor", copy_to=["directorate", "academy"], legal_basis=["cpp_42", "cpp_510_517"])
    refer(school, "emc")
    council(school)
    papers = [
        (key, about)
        for key, document in moroccan_letters(school).items()
        for about in {"referral": ("referral-1", "referral-2"), "guardian": ("",), "case": ("",)}[document.per]
    ]
    about_guardian = {"guardians_notice": "guardian-1", "data_notice": "guardian-1"}
    pages = {
        (key, about): pages_of(issue(school, "head", key, about or about_guardian.get(key, ""), language).data)
        for key, about in papers
    }
    assert len(pages) == 7
    assert set(pages.values()) == {1}, pages
    refer(school, "prosecutor", summary=SUMMARY * 30)
    assert pages_of(issue(school, "head", "referral_letter", "referral-3", language).data) > 1, "the control"


def moroccan_letters(school: School) -> dict[str, Any]:
    documents = school.player.protocol.documents
    return {key: one for key, one in documents.items() if one.is_letter}


@pytest.mark.exhaustive(but=("13",))
@pytest.mark.parametrize("times", [11, 12, 13, 14, 15])
def test_a_signature_never_stands_without_the_text_before_it(school: School, times: int) -> None:
    """However long the text is: the last paragraph goes along."""
    told(school)
    refer(school, "prosecutor", summary=f"{SUMMARY} " * times)
    pages = pages_text(issue(school, "head", "referral_letter", "referral-1").data)
    signed = next(page for page in pages if "Signature et cachet" in page)
    assert "n’est ni regardé, ni copié" in signed


def test_a_letter_names_who_gets_a_copy_and_on_what_law_it_rests(school: School) -> None:
    told(school)
    refer(school, "prosecutor", copy_to=["directorate", "academy"], legal_basis=["cpp_42"])
    refer(school, "prosecutor", legal_basis=[])
    first, second = (text_of(issue(school, "head", "referral_letter", f"referral-{one}").data) for one in (1, 2))
    assert "Copie à : Direction provinciale et Académie régionale" in first
    assert "CPP 42 : devoir d’informer le procureur" in first
    assert "code de procédure pénale" not in first, "what was chosen stands for what the service is written by default"
    assert "Copie à" not in second
    assert "code de procédure pénale, articles 42" in second


def test_a_letter_says_which_court_and_under_which_numbers(school: School) -> None:
    told(school)
    refer(school, "prosecutor")
    courts = ("tribunal de première instance d’ici", "tribunal d’ailleurs")
    with school.ctx.directory.writing() as session:
        rewrite(session, UnitRow, city="Salé")
        for name, city in zip(courts, ("Salé", "Rabat"), strict=True):
            people_repository.add_contact(
                session, target="prosecutor", names={"fr": name}, unit=None, city={"fr": city}
            )
    first = text_of(issue(school, "head", "referral_letter", "referral-1").data)
    second = text_of(issue(school, "head", "referral_letter", "referral-1").data)
    assert f"{courts[0]} Salé" in first, "and its town"
    assert courts[1] not in first
    assert "Saisine n° 1 · Exemplaire n° 1" in first.replace("\u00a0", " ")
    assert "Saisine n° 1 · Exemplaire n° 2" in second.replace("\u00a0", " ")


def test_a_group_whose_name_is_arabic_reads_as_it_was_written(school: School) -> None:
    """As in the case file: an account is words, which run in their own direction; a digest is a code."""
    told(school)
    school.act(
        "team_member", "evidence", kind="oral_account", sexual_or_intimate="no", platform="discord",
        content_type="group", handle="مجموعة «2AC3 بلا [EV1]»", source="witness", still_online="yes",
        content_status="online", description="–",
    )  # fmt: skip
    refer(school, "prosecutor")
    with school.ctx.realm.reading() as session:
        seen = load(school.ctx, session, school.person("head"), school.number)
        names = names_in(school.ctx, session, seen.case_id)
        found, subject = chosen(seen, names, "referral_letter", "referral-1")
        page = paper_html(letter_view(school.ctx, session, seen, found, subject, "ar"), Wording("ar"))
    assert f'مجموعة «<bdi dir="ltr">2AC3</bdi> بلا [<bdi dir="ltr">EV1</bdi> · <bdi dir="ltr">{PUPIL}</bdi>]»' in page
    assert f'class="code">{DIGEST}' in page


def test_child_protection_gets_names_and_no_address(school: School) -> None:
    told(school)
    refer(school, "child_protection", named=("targeted_pupil-1", "guardian-1"))
    text = text_of(issue(school, "head", "referral_letter").data)
    assert {PUPIL, MOTHER} <= named(text)
    assert OTHER not in text
    assert ADDRESS not in text
    assert "Les adresses des contenus" in text


def test_whoever_reads_no_names_issues_none(school: School) -> None:
    """The directorate writes to the prosecutor; what it does not read, its letter does not say."""
    told(school)
    refer(school, "prosecutor", who="directorate", named=("targeted_pupil-1",))
    text = text_of(issue(school, "directorate", "referral_letter").data)
    assert named(text) == set()
    assert HANDLE not in text
    assert "messages humiliants" not in text
    assert "la personne qui le délivre n’y a pas accès" in text


@pytest.mark.exhaustive(but=("ar",))
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_notice_names_its_guardian_and_their_own_child(school: School, language: str) -> None:
    told(school)
    data = issue(school, "team_coordinator", "guardians_notice", "guardian-1", language).data
    text = text_of(data)
    assert named(text) == {MOTHER, PUPIL}
    assert pages_of(data) == 1
    assert not any(hidden in text for hidden in (*LISTENED, ADDRESS, INTIMATE_ADDRESS, HANDLE, DIGEST, "G123456789"))


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_other_familys_notice_names_only_their_own(school: School, language: str) -> None:
    told(school)
    text = text_of(issue(school, "head", "guardians_notice_concerned", "", language).data)
    assert named(text) == {OTHER_MOTHER, OTHER}
    assert not any(hidden in text for hidden in (*LISTENED, ADDRESS, HANDLE))


def test_a_notice_does_not_say_how_many_other_guardians_there_are(school: School) -> None:
    """Nor does the line at its foot; the register keeps the sign."""
    told(school)
    school.act("team_member", "add_person", persons=[{"slot": "guardian_concerned", "name": "Hind Chraibi"}])
    text = text_of(issue(school, "head", "guardians_notice_concerned", "guardian_concerned-2").data)
    assert "RC" not in text
    assert issued(school)[-1].reader == "RC2"


def test_where_a_side_has_several_pupils_none_is_named_to_a_guardian(school: School) -> None:
    told(school)
    school.act("team_member", "add_person", persons=[{"slot": "pupil_concerned", "name": "Ilyas Alaoui"}])
    text = text_of(issue(school, "head", "guardians_notice_concerned").data)
    assert named(text) == {OTHER_MOTHER}
    assert "Ilyas" not in text


@pytest.mark.exhaustive
def test_a_notice_says_what_protects_the_child_once_there_is_a_plan(school: School) -> None:
    told(school)
    before = text_of(issue(school, "head", "guardians_notice", "guardian-1", "en").data)
    council(school)
    after = text_of(issue(school, "head", "guardians_notice", "guardian-1", "en").data)
    assert "will be set out at the meeting" in before
    assert "will be set out at the meeting" not in after
    assert named(after) == {MOTHER, PUPIL}


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_note_for_the_council_holds_facts_and_no_name(school: School, language: str) -> None:
    told(school)
    assert refusal(issue, school, "head", "facts_note") == ["nothing_to_print"]
    council(school)
    data = issue(school, "head", "facts_note", "", language).data
    text = text_of(data)
    assert named(text) == set()
    assert "[EC1]" in text
    assert "[T1]" in text
    assert "relayé des moqueries" in text
    assert pages_of(data) == 1
    assert not any(hidden in text for hidden in (*LISTENED, ADDRESS, HANDLE, DIGEST))


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_notice_of_law_09_08_says_nothing_of_the_case(school: School, language: str) -> None:
    told(school)
    data = issue(school, "head", "data_notice", "guardian-1", language).data
    text = text_of(data)
    assert "09-08" in text
    assert "CNDP" in text or "اللجنة" in text
    assert named(text) == {MOTHER, PUPIL}
    assert pages_of(data) == 1
    kept = {"fr": "5 ans au plus", "en": "5 years at most", "ar": "5"}[language]
    assert kept in text
    assert not any(hidden in text for hidden in (*LISTENED, ADDRESS, HANDLE, "WhatsApp"))


@pytest.mark.exhaustive(but=("ar",))
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sheet_counts_and_names_nobody(school: School, language: str) -> None:
    told(school)
    text = text_of(issue(school, "head", "marsad_sheet", "", language).data)
    assert named(text) == set()
    assert ("WhatsApp" in text) or ("واتساب" in text) or language == "ar"
    assert not any(hidden in text for hidden in (*LISTENED, ADDRESS, HANDLE, DIGEST, "EV1"))


def test_a_part_of_the_sheet_that_the_case_does_not_have_is_said(school: School) -> None:
    """Its reader copies three parts into the portal, one after the other."""
    school.report(about_whom=PEOPLE)
    text = text_of(issue(school, "head", "marsad_sheet", "", "fr").data)
    assert all(part in text for part in ("1. Élève visé(e)", "2. Lieu", "3. Nature des faits"))
    assert text.count("Le dossier ne le dit pas encore.") == 3
    told(school)
    assert "Le dossier ne le dit pas encore." in text_of(issue(school, "head", "marsad_sheet", "", "fr").data)


# ---- who, and about whom -------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_held_guardian_is_sent_nothing_and_nothing_is_issued(school: School) -> None:
    told(school)
    issue(school, "head", "guardians_notice", "guardian-2", token="before the hold")
    school.act("head", "guardian_hold", guardian="guardian-2", reason="risk_if_told")
    for document in ("guardians_notice", "data_notice"):
        assert refusal(issue, school, "head", document, "guardian-2") == ["guardian_on_hold"]
    again = ("guardians_notice", "guardian-2", "fr", "before the hold")
    assert refusal(issue, school, "head", *again) == ["guardian_on_hold"], "nor the copy made before it"
    assert [event.profile for event in issued(school)] == ["guardian-2"]
    issue(school, "head", "guardians_notice", "guardian-1")
    assert [event.profile for event in issued(school)] == ["guardian-2", "guardian-1"]


@pytest.mark.exhaustive
def test_a_guardian_on_hold_is_sent_nothing_as_somebody_else_of_the_case_either(school: School) -> None:
    told(school)
    again = [{"slot": "guardian_concerned", "name": FATHER}, {"slot": "guardian", "name": FATHER}]
    school.act("team_member", "add_person", persons=again)
    school.act("head", "guardian_hold", guardian="guardian-2", reason="risk_if_told")
    for document, about in (
        ("guardians_notice", "guardian-2"), ("guardians_notice", "guardian-3"),
        ("guardians_notice_concerned", "guardian_concerned-2"), ("data_notice", "guardian_concerned-2"),
    ):  # fmt: skip
        assert refusal(issue, school, "head", document, about) == ["guardian_on_hold"], (document, about)
    assert issued(school) == []
    issue(school, "head", "guardians_notice", "guardian-1")


def test_while_every_guardian_is_on_hold_no_family_is_sent_anything(school: School) -> None:
    told(school, danger=True)
    for document, about in (
        ("guardians_notice", "guardian-1"), ("guardians_notice_concerned", "guardian_concerned-1"),
        ("data_notice", "guardian-2"),
    ):  # fmt: skip
        assert refusal(issue, school, "head", document, about) == ["guardian_on_hold"]
    assert issued(school) == []


def test_what_is_not_there_is_refused_in_words(school: School) -> None:
    told(school)
    refer(school, "rescue")
    refer(school, "prosecutor")
    assert refusal(issue, school, "head", "referral_letter", "referral-1") == ["no_letter"], "no letter goes to rescue"
    assert refusal(issue, school, "head", "referral_letter", "referral-9") == ["no_letter"]
    assert refusal(issue, school, "head", "guardians_notice", "witness-1") == ["no_recipient"]
    assert refusal(issue, school, "head", "guardians_notice", "") == ["no_recipient"], "two guardians: one is chosen"
    assert issued(school) == []


def test_the_wrong_role_finds_no_letter(school: School) -> None:
    told(school)
    refer(school, "prosecutor")
    for who, document in (
        ("team_member", "guardians_notice"), ("team_coordinator", "referral_letter"),
        ("team_coordinator", "facts_note"),
        ("directorate", "guardians_notice"), ("head", "case_file"), ("head", "made_up"), ("academy", "marsad_sheet"),
    ):  # fmt: skip
        with pytest.raises(Unseen):
            issue(school, who, document)
    with pytest.raises(Unseen):
        issue(school, "head", "referral_letter", "referral-1", "de")
    with pytest.raises(Unseen):
        see_letters(school.ctx, school.person("team_member"), school.number)


# ---- copies --------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_pressed_twice_is_one_copy_and_numbers_count_by_document(school: School) -> None:
    told(school)
    first = issue(school, "head", "guardians_notice", "guardian-1", token="one")
    again = issue(school, "head", "guardians_notice", "guardian-1", token="one")
    assert (again.copy, again.data) == (first.copy, first.data) == (1, first.data)
    other = issue(school, "head", "guardians_notice", "guardian-2", token="two")
    sheet = issue(school, "head", "marsad_sheet", token="three")
    assert (other.copy, sheet.copy) == (2, 1)
    assert [(event.document, event.profile, event.copy, event.reader) for event in issued(school)] == [
        ("guardians_notice", "guardian-1", 1, "RL1"),
        ("guardians_notice", "guardian-2", 2, "RL2"),
        ("marsad_sheet", "case", 1, "Portail MARSAD, saisie par l’établissement"),
    ]
    with pytest.raises(SentBefore):
        issue(school, "head", "guardians_notice", "guardian-2", token="one")


@pytest.mark.exhaustive
def test_who_took_a_letter_is_noted(school: School) -> None:
    told(school)
    issue(school, "head", "guardians_notice", "guardian-1")
    with school.ctx.realm.reading() as session:
        case_id = cases_repository.find_by_number(session, school.number) or ""
        latest = access_log.access_of_case(session, case_id, limit=1)[0]
    assert (latest.what, latest.account) == ("letter.guardian-1", school.account("head"))


def test_the_page_of_letters_lists_what_may_be_issued(school: School) -> None:
    told(school)
    refer(school, "prosecutor")
    school.act("head", "guardian_hold", guardian="guardian-2", reason="risk_if_told")
    options = see_letters(school.ctx, school.person("head"), school.number)
    found = {
        line.document.key: [(one.about, one.refused.code if one.refused else "") for one in line.subjects]
        for line in options.letters
    }
    assert found["referral_letter"] == [("referral-1", "")]
    assert found["guardians_notice"] == [("guardian-1", ""), ("guardian-2", "guardian_on_hold")]
    assert found["facts_note"] == [("case", "nothing_to_print")]
    coordinator = see_letters(school.ctx, school.person("team_coordinator"), school.number)
    assert "referral_letter" not in {line.document.key for line in coordinator.letters}


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_paper_judges_a_pupil(school: School, language: str) -> None:
    told(school)
    refer(school, "prosecutor")
    council(school)
    papers = [
        ("referral_letter", ""), ("guardians_notice", "guardian-1"), ("guardians_notice_concerned", ""),
        ("facts_note", ""), ("data_notice", "guardian-1"), ("marsad_sheet", ""),
    ]  # fmt: skip
    for document, about in papers:
        assert stigma(language, text_of(issue(school, "head", document, about, language).data)) == []
