"""The copies of a case file: to whom each can be made out, whom it names, what it leaves out and that it says so."""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass

import pytest
from handing import hand_out_as
from sqlalchemy import select

from school_protocol.case_files.content import CaseFile, LeftOut
from school_protocol.case_files.copy_scope import Limits, document_of, see_case_file
from school_protocol.case_files.letters import see_letters
from school_protocol.case_files.models import AskedPaperRow
from school_protocol.case_files.pages import case_file_html
from school_protocol.case_files.printing import draft, sort_of, sources_of
from school_protocol.case_files.service import Issued, issue_case_file
from school_protocol.cases.loading import Loaded, load, names_in
from school_protocol.cases.pseudonyms import Pseudonymiser
from school_protocol.engine.definition_parts import FieldType
from school_protocol.engine.errors import Refused, Unseen
from school_protocol.engine.events import DocumentIssued
from school_protocol.engine.name_detection import is_same_person
from school_protocol.language import Wording
from services.conftest import School
from services.lettering import (
    ADDRESS,
    FATHER,
    HANDLE,
    INTIMATE_ADDRESS,
    MOTHER,
    OTHER,
    OTHER_MOTHER,
    PUPIL,
    SAID,
    WITNESS,
    refer,
    told,
)

LANGUAGES = ("fr", "ar", "en")
EVERYBODY = (PUPIL, OTHER, WITNESS, MOTHER, FATHER, OTHER_MOTHER)
PHONES = ("0661000001", "0661000002")
OTHERS = ("EC1", "EC2", "T1", "T2", "RC1", "RC2")
"""Signs of those who are not of the family."""


@dataclass
class Copies:
    """Copies as their pages alone; the views that they were made of are kept."""

    school: School
    views: list[CaseFile]

    def issue(
        self, profile: str, about: str = "", who: str = "head", language: str = "fr", token: str = ""
    ) -> tuple[str, Issued]:
        token = token or self.school.token()
        made = issue_case_file(
            self.school.ctx, self.school.person(who), self.school.number, profile, language, about=about, token=token
        )
        return said(made.data.decode()), made

    def refusal(self, profile: str, about: str = "", who: str = "head", token: str = "") -> list[str]:
        with pytest.raises(Refused) as refused:
            self.issue(profile, about, who, token=token)
        return [reason.code for reason in refused.value.reasons]

    def readers(self, profile: str, who: str = "head") -> list[tuple[str, str]]:
        options = see_case_file(self.school.ctx, self.school.person(who), self.school.number)
        return [(one.about, one.refused.code if one.refused else "") for one in options.readers[profile]]

    def issued(self) -> list[DocumentIssued]:
        return [event for event in loaded(self.school).events if isinstance(event, DocumentIssued)]


def said(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def named(text: str) -> set[str]:
    return {name for name in EVERYBODY if name in text or name.split()[0] in text}


def loaded(school: School, who: str = "head") -> Loaded:
    with school.ctx.realm.reading() as session:
        return load(school.ctx, session, school.person(who), school.number)


def summary(school: School) -> None:
    school.act("head", "nameless_summary", summary="L’élève va mieux.", names_nobody="true")


@pytest.fixture
def copies(school: School, monkeypatch: pytest.MonkeyPatch) -> Copies:
    views: list[CaseFile] = []

    def page(view: CaseFile, wording: Wording) -> bytes:
        views.append(view)
        return case_file_html(view, wording).encode()

    hand_out_as(monkeypatch, page)
    return Copies(school, views)


# ---- the authority's copy -------------------------------------------------------------------------------------------


def test_an_authority_gets_a_copy_of_what_was_referred_to_it_and_nobody_else(copies: Copies) -> None:
    told(copies.school)
    assert copies.refusal("authority") == ["no_service_told"]
    refer(copies.school, "emc")
    assert copies.refusal("authority") == ["no_service_told"], "that service gets no names"
    refer(copies.school, "prosecutor")
    refer(copies.school, "police")
    assert copies.readers("authority") == [("referral-2", ""), ("referral-3", "")]
    assert copies.refusal("authority") == ["choose_reader"]
    assert copies.refusal("authority", "referral-1") == ["no_such_reader"]
    text, _made = copies.issue("authority", "referral-2")
    assert named(text) == set(EVERYBODY)
    assert all(part in text for part in (SAID, ADDRESS, INTIMATE_ADDRESS, HANDLE))
    event = copies.issued()[-1]
    assert (event.profile, event.about) == ("authority", "referral-2")
    assert event.reader == "Procureur du Roi, cellule de prise en charge des femmes et des enfants (saisine n°\u00a02)"


def test_only_the_head_and_the_directorate_issue_it(copies: Copies) -> None:
    told(copies.school)
    refer(copies.school, "prosecutor")
    for who in ("team_coordinator", "team_member", "academy"):
        with pytest.raises(Unseen):
            copies.issue("authority", who=who)


@pytest.mark.exhaustive
def test_whoever_reads_no_names_issues_none(copies: Copies) -> None:
    """As their letters do: what the directorate does not read, its copy does not say, and it says that it does not."""
    told(copies.school)
    refer(copies.school, "police", who="directorate")
    text, _made = copies.issue("authority", who="directorate")
    assert named(text) == set()
    assert not any(part in text for part in (SAID, ADDRESS, INTIMATE_ADDRESS, HANDLE))
    assert "les noms de 6 personnes" in text
    assert see_case_file(copies.school.ctx, copies.school.person("directorate"), copies.school.number).is_nameless


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("profile", "about", "kept"),
    [("authority", "referral-1", True), ("authority", "referral-2", False), ("school", "", False)],
)
def test_addresses_of_intimate_content_go_to_a_judicial_service_alone(
    copies: Copies, profile: str, about: str, kept: bool
) -> None:
    told(copies.school)
    copies.school.act("team_member", "note", text=f"On la trouve sur {INTIMATE_ADDRESS.removeprefix('https://')}.")
    refer(copies.school, "prosecutor")
    refer(copies.school, "child_protection")
    text, made = copies.issue(profile, about)
    assert (INTIMATE_ADDRESS in text) is kept
    assert ADDRESS in text
    assert set(re.findall(rb'href="(.)', made.data)) <= {b"#"}
    assert ("une adresse ou un compte" in text) is not kept
    assert ("Ne figure pas dans cet exemplaire : Adresse complète" in text) is not kept


@pytest.mark.exhaustive
def test_an_address_that_is_kept_back_stands_in_no_text_either(copies: Copies) -> None:
    told(copies.school)
    copies.school.act(
        "team_member", "listening_witness", heard="witness-1", held_on="2026-11-24", child_view="given",
        listener=copies.school.account("team_member"), information_given="yes", place="quiet_office", language="darija",
        protected_identity="yes", wishes="Rester discrète.",
        account=f"Je l’ai vue sur {INTIMATE_ADDRESS.upper()}, hier.",
    )  # fmt: skip
    refer(copies.school, "prosecutor")
    assert "vue sur […], hier" in copies.issue("school")[0]
    assert INTIMATE_ADDRESS.upper() in copies.issue("authority")[0]


# ---- the family's copy ----------------------------------------------------------------------------------------------


def with_plan(school: School) -> None:
    school.act("team_member", "raise_danger", which_danger="doxing")
    school.act(
        "team_member", "support_plan", reference_adult=school.account("team_member"), shared_concern="no",
        protection=["not_alone"], objectives=f"Qu’{OTHER} n’écrive plus à {PUPIL} ; {WITNESS} accompagne.",
        disciplinary_referral="none",
    )  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_family_reads_of_its_own_child_and_nobody_else(copies: Copies, language: str) -> None:
    told(copies.school)
    with_plan(copies.school)
    assert copies.readers("family") == [("guardian-1", ""), ("guardian-2", "")]
    assert copies.refusal("family") == ["choose_reader"]
    text, made = copies.issue("family", "guardian-1", language=language)
    assert named(text) == {PUPIL, MOTHER}
    assert not any(sign in text for sign in (*OTHERS, "EV1", "RL1"))
    protection = copies.school.player.protocol.form_of("support_plan").by_key["protection"].options
    assert Wording(language).text(protection[0].title) in text
    assert not any(part in text for part in (SAID, ADDRESS, INTIMATE_ADDRESS, HANDLE, "team_member/2"))
    danger = Wording(language).text(copies.school.player.protocol.dangers["doxing"].title)
    assert danger not in text
    event = copies.issued()[-1]
    assert event.about == "guardian-1"
    assert "RL1" in event.reader
    assert MOTHER not in event.reader
    assert made.copy == 1


MORE = ("Ilyas Mansouri", "Hind Chraibi", "Adam Lahlou")


def peopled(school: School, concerned: tuple[str, ...], seen_by: tuple[str, ...]) -> None:
    """A case of so many pupils concerned and witnesses, with a plan that names them all."""
    people = [{"slot": "pupil_concerned", "name": name} for name in concerned]
    people += [{"slot": "witness", "name": name} for name in seen_by]
    school.report(about_whom=[{"slot": "targeted_pupil", "name": PUPIL}, *people])
    guardians = [{"slot": "guardian_concerned", "name": f"Mère de {name}"} for name in concerned]
    school.act("team_member", "add_person", persons=[{"slot": "guardian", "name": MOTHER}, *guardians])
    school.act("team_member", "raise_danger", which_danger="doxing")
    school.act(
        "team_member", "support_plan", reference_adult=school.account("team_member"), shared_concern="no",
        protection=["not_alone"], disciplinary_referral="none",
        objectives=f"Que {', '.join(concerned)} cessent d’écrire à {PUPIL} ; "
        f"{' et '.join(seen_by)} l’accompagnent, T1 surtout.",
    )  # fmt: skip


def test_no_family_can_count_the_others(copies: Copies) -> None:
    """Pages and record of its copy are the same, whether one pupil and one witness are concerned or several."""
    told_of = []
    for concerned, seen_by in (((OTHER,), (WITNESS,)), ((OTHER, MORE[0], MORE[1]), (WITNESS, MORE[2]))):
        peopled(copies.school, concerned, seen_by)
        text, _made = copies.issue("family", "guardian-1")
        view = copies.views[-1]
        hidden = (copies.school.number, view.content_head[:16], *view.head.word.values())
        told_of.append(re.sub("|".join(hidden), "–", text))
    assert told_of[0] == told_of[1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_a_familys_copy_prints_holds_no_sign_of_others(school: School, language: str) -> None:
    """Were it every section and every act: people, chronology, conformance, duties, evidence, who heard whom."""
    peopled(school, (OTHER, MORE[0]), (WITNESS, MORE[1]))
    seen = loaded(school)
    profile = document_of(seen).profiles["family"].model_copy(update={"sections": (), "acts": {}})
    with school.ctx.realm.reading() as session:
        made = draft(school.ctx, session, seen, profile, language, "guardian-1")
    said = json.loads(made.record)
    source = sources_of(school.ctx, {1: seen.protocol})[1]
    record = json.dumps(said, ensure_ascii=False).replace(json.dumps(source, ensure_ascii=False), "")
    assert "RL1" in record
    assert not [sign for sign in OTHERS if re.search(rf"\b{sign}\b", record)]
    assert not [key for key in seen.case.people if key in record and not key.startswith(("targeted", "guardian-"))]


def test_the_same_pupil_has_the_same_sign_throughout_every_copy(copies: Copies) -> None:
    told(copies.school)
    with_plan(copies.school)
    copies.issue("family", "guardian-1")
    copies.issue("family", "guardian-2")
    copies.issue("school")
    signs = [{one.id: one.label for one in view.people} for view in copies.views]
    assert signs[0] == signs[1]
    assert signs[0].items() < signs[2].items()
    assert len(set(signs[0].values())) == len(signs[0])


def test_an_entry_about_other_pupils_alone_is_not_in_a_familys_copy(copies: Copies) -> None:
    told(copies.school)
    limits = personal(copies.school, "guardian-1")
    form = limits.protocol.form_of("follow_up")
    [several] = [item.key for item in form.fields if item.type is FieldType.persons]
    for people, kept in (
        (["pupil_concerned-1"], False), (["pupil_concerned-1", "targeted_pupil-1"], True), (["guardian-1"], True),
        (["guardian_concerned-1"], False), ([], True),
    ):  # fmt: skip
        assert limits.keeps("follow_up", {several: people}, form) is kept, people
    both = {several: ["pupil_concerned-1", "targeted_pupil-1"]}
    assert limits._of_people_shown(form.by_key, both) == {several: ["targeted_pupil-1"]}


def test_a_personal_copy_names_and_shows_the_side_of_whom_it_is_for_and_nobody_if_that_is_in_doubt(
    copies: Copies,
) -> None:
    told(copies.school)
    copies.school.act("team_member", "add_person", persons=[{"slot": "staff", "name": "Driss Lahbabi"}])
    copies.school.act("team_member", "add_person", persons=[{"slot": "guardian_concerned", "phone": PHONES[0]}])
    own = {"targeted_pupil-1", "guardian-1", "guardian-2"}
    other_side = {"pupil_concerned-1", "guardian_concerned-1", "guardian_concerned-2"}
    expected = {"guardian-1": (own, own), "guardian_concerned-1": (set(), other_side), "": (set(), set())}
    for about, (are_named, are_shown) in expected.items():
        limits = personal(copies.school, about)
        assert limits.named == are_named, about
        assert {one for one in limits.case.people if limits.shows(one)} == are_shown, about
    assert personal(copies.school, "guardian_concerned-1").unnamed() == ("EC1", "RC1"), "whom the case knows by name"
    copies.school.act("team_member", "add_person", persons=[{"slot": "targeted_pupil", "name": MORE[0]}])
    assert personal(copies.school, "guardian-1").named == set(), "whose child it is is in doubt"


def personal(school: School, about: str) -> Limits:
    seen = loaded(school)
    with school.ctx.realm.reading() as session:
        names = names_in(school.ctx, session, seen.case_id)
    limits = Limits(seen, document_of(seen).profiles["family"], names, about)
    seen.names, seen.naming = limits.names(), limits.naming()
    return limits


def test_words_that_came_with_an_event_name_no_other_to_a_family(copies: Copies) -> None:
    told(copies.school)
    limits = personal(copies.school, "guardian-1")
    head = limits.loaded.actor
    mask = limits.mask(Pseudonymiser(limits.loaded), head.id, "head")
    assert mask(f"{PUPIL} n’a rien écrit à {OTHER}, ni à [T1].") == f"{PUPIL} n’a rien écrit à […], ni à […]."


def test_nobody_is_told_by_it_how_to_reach_anybody(copies: Copies) -> None:
    copies.school.report(about_whom=[{"slot": "targeted_pupil", "name": PUPIL, "massar": "G123456789"}])
    guardians = [
        {"slot": "guardian", "name": name, "phone": phone} for name, phone in zip((MOTHER, FATHER), PHONES, strict=True)
    ]
    copies.school.act("team_member", "add_person", persons=guardians)
    for about in ("guardian-1", "guardian-2"):
        text, _made = copies.issue("family", about)
        assert not [one for one in (*PHONES, "G123456789") if one in text]
        assert {key for one in copies.views[-1].people for key in one.identity} <= {"name"}


@pytest.mark.exhaustive
def test_a_guardian_on_hold_gets_no_copy_by_any_door(copies: Copies) -> None:
    told(copies.school)
    copies.issue("family", "guardian-2", token="before the hold")
    copies.school.act("head", "guardian_hold", guardian="guardian-2", reason="risk_if_told")
    assert copies.readers("family") == [("guardian-1", ""), ("guardian-2", "guardian_on_hold")]
    assert copies.refusal("family", "guardian-2") == ["guardian_on_hold"]
    again = ("family", "guardian-2", "head", "before the hold")
    assert copies.refusal(*again) == ["guardian_on_hold"], "nor the copy made before it"
    assert len(copies.issued()) == 1
    text, _made = copies.issue("family", "guardian-1")
    held = Wording("fr")._("Gets nothing by any door while the hold stands")
    assert held not in text, "nor is the other told of it"
    assert held in copies.issue("school")[0]


@pytest.mark.exhaustive
def test_while_every_guardian_is_on_hold_no_family_gets_a_copy(copies: Copies) -> None:
    told(copies.school, danger=True)
    for about in ("guardian-1", "guardian-2"):
        assert copies.refusal("family", about) == ["guardian_on_hold"]
    assert copies.issued() == []


@pytest.mark.exhaustive
def test_no_copy_goes_to_the_guardians_as_if_they_were_a_service(copies: Copies) -> None:
    told(copies.school)
    refer(copies.school, "guardians")
    assert copies.refusal("authority") == ["no_service_told"]


@pytest.mark.exhaustive
def test_a_guardian_who_stands_on_another_side_too_gets_none(copies: Copies) -> None:
    told(copies.school)
    copies.school.act("team_member", "add_person", persons=[{"slot": "guardian_concerned", "name": FATHER.upper()}])
    assert copies.readers("family") == [("guardian-1", ""), ("guardian-2", "guardian_two_sides")]
    assert copies.refusal("family", "guardian-2") == ["guardian_two_sides"]


@pytest.mark.exhaustive
def test_a_hold_on_somebody_holds_wherever_they_stand(copies: Copies) -> None:
    told(copies.school)
    copies.school.act("team_member", "add_person", persons=[{"slot": "guardian", "name": FATHER}])
    copies.school.act("head", "guardian_hold", guardian="guardian-3", reason="risk_if_told")
    assert dict(copies.readers("family")) == {
        "guardian-1": "", "guardian-2": "guardian_on_hold", "guardian-3": "guardian_on_hold",
    }  # fmt: skip


@pytest.mark.exhaustive
def test_whose_child_it_is_must_be_known(copies: Copies) -> None:
    told(copies.school)
    copies.school.act("team_member", "add_person", persons=[{"slot": "targeted_pupil", "name": "Ilyas Alaoui"}])
    assert copies.refusal("family", "guardian-1") == ["guardian_of_whom"]


@pytest.mark.exhaustive
def test_a_case_without_guardians_says_so(copies: Copies) -> None:
    copies.school.report(about_whom=[{"slot": "targeted_pupil", "name": PUPIL}])
    assert copies.refusal("family") == ["no_guardian"]
    assert copies.refusal("family", "targeted_pupil-1") == ["no_guardian"]


@pytest.mark.exhaustive
def test_a_personal_copy_is_never_made_before_it_is_known_for_whom(copies: Copies) -> None:
    told(copies.school)
    copies.issue("family", "guardian-1")
    copies.issue("school")
    ctx = copies.school.ctx
    with ctx.realm.reading() as session:
        found = loaded(copies.school)
        profiles = found.protocol.documents["case_file"].profiles
        sorts = {sort_of(found, profiles["family"], "fr", about) for about in ("", "guardian-1", "guardian-2")}
        for_nobody = draft(ctx, session, found, profiles["family"], "fr").view
        asked = set(session.scalars(select(AskedPaperRow.profile)))
    assert asked == {"school"}
    assert len(sorts) == 3
    assert not any(one.name for one in for_nobody.people)
    assert for_nobody.reader is None


# ---- the supervisor's copy ------------------------------------------------------------------------------------------


def test_a_supervisors_copy_names_its_reader_whoever_issues_it(copies: Copies) -> None:
    told(copies.school)
    summary(copies.school)
    above = [about for about, _refused in copies.readers("supervisor")]
    copies.issue("supervisor")
    copies.issue("supervisor", above[1])
    copies.issue("supervisor", who="directorate")
    copies.issue("supervisor", above[1], who="directorate")
    places = {one.id: one.names["fr"] for one in copies.views[0].places}
    assert list(places) == above
    issuer = copies.school.person("directorate").name
    assert [event.reader for event in copies.issued()] == [places[above[0]], places[above[1]], issuer, places[above[1]]]
    assert [about for about, _refused in copies.readers("supervisor", "directorate")] == ["self", *above]


def test_a_supervisors_copy_has_nobodys_words_and_says_so(copies: Copies) -> None:
    told(copies.school)
    copies.school.act("team_member", "raise_danger", which_danger="doxing")
    summary(copies.school)
    text, _made = copies.issue("supervisor")
    assert named(text) == set()
    assert SAID not in text
    assert "les noms de 6 personnes (EV1, EC1, T1, RL1, RL2 et RC1)" in text
    assert "Ne figure pas dans cet exemplaire : Que s’est-il passé ?" in text


# ---- what is left out -----------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_what_is_left_out_is_what_was_dropped(copies: Copies) -> None:
    told(copies.school)
    refer(copies.school, "prosecutor")
    copies.issue("authority")
    copies.issue("school")
    copies.issue("family", "guardian-1")
    whole, kept, family = (view.left_out for view in copies.views)
    [remarks] = [place for place, one in enumerate(copies.views[0].document.sections) if one.kind == "remarks"]
    assert whole == LeftOut(sections=(remarks,)), "what supervisors remark is not for an authority"
    assert (kept.addresses, kept.words, kept.names, kept.entries) == (1, 0, (), 0)
    assert family == LeftOut(), "not told how much"
    assert not copies.views[2].events


@pytest.mark.exhaustive
def test_a_section_that_is_left_out_is_named(copies: Copies) -> None:
    told(copies.school)
    refer(copies.school, "prosecutor")
    text, _made = copies.issue("authority", language="en")
    assert "This copy leaves out: these parts: Supervisors’ remarks" in text


@pytest.mark.exhaustive
def test_the_record_names_no_colleague_whom_nothing_points_at(copies: Copies) -> None:
    told(copies.school)
    copies.issue("school")
    view = copies.views[0]
    assert copies.school.account("team_coordinator/2") not in view.names
    assert set(view.names) <= {copies.school.account("team_member")}


# ---- the letters are not touched ------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_letters_are_offered_beside(copies: Copies) -> None:
    told(copies.school)
    assert see_letters(copies.school.ctx, copies.school.person("head"), copies.school.number).letters


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"name": "Rachid Benali"}, {"name": "BENALI rachid"}, True),
        ({"name": "Rachid Benali"}, {"name": "Khadija Benali"}, False),
        ({"name": "Benali"}, {"name": "Benali"}, False),
        ({"name": "Rachid Benali", "phone": "0661000001"}, {"name": "رشيد بنعلي", "phone": "+212 661 00 00 01"}, True),
        ({"name": "Rachid Benali", "phone": "0661000001"}, {"name": "Khadija Benali", "phone": "0661000001"}, False),
        ({"phone": "0661000001"}, {"name": "Khadija Benali", "phone": "0661000001"}, True),
        ({"name": "Rachid Benali"}, {}, False),
        ({}, {}, False),
    ],
)
def test_who_is_the_same_person(one: dict[str, str], other: dict[str, str], same: bool) -> None:
    assert is_same_person(one, other) is is_same_person(other, one) is same
