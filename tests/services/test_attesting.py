"""Who attended and passed: judged, entered once, certified, withdrawn; certificates; register; reminders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from training.rooms_of import NOON, made, person

from school_protocol.auth import repository as auth_repository
from school_protocol.case_files.service import trust_in
from school_protocol.case_files.verify_copy import Checked, Standing, asked, checked, verification_messages
from school_protocol.context import AppContext
from school_protocol.engine.errors import BadInput, SentBefore, Unseen
from school_protocol.language import Wording
from school_protocol.mail import Letter, Post
from school_protocol.pdf import rendering
from school_protocol.pdf.signing_keys import Validity, make_authority
from school_protocol.pdf.verdicts import Code
from school_protocol.people import certificate_reminders, staff_list
from school_protocol.people import service as people_service
from school_protocol.people.repository import Certificate, keep_certificates
from school_protocol.people.spreadsheets import Unreadable
from school_protocol.people.teams import TeamRefused
from school_protocol.storage import administration_log, case_keys, work_queue
from school_protocol.storage.administration_log import Kind
from school_protocol.training import attestation_service, certificates, workshop_end
from school_protocol.training.attestation_service import months_after
from services.attested_people import (
    DAY,
    LONG,
    account,
    as_csv,
    entered,
    furnished,
    renamed,
    shown,
    trained,
    typed,
    workshop,
)

pango = pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")
NAME = "Zqsalma Bennani"
IN_TWO_YEARS = date(2028, 11, 26)


@pytest.fixture
def ctx(tmp_path: Path) -> Iterator[AppContext]:
    found = furnished(tmp_path)
    yield found
    found.close()


def withdrawn(ctx: AppContext, of: str, attestation: str, reason: str = "not_passed", token: str = "w") -> None:
    attestation_service.withdraw(ctx, person(ctx), of, attestation, reason=reason, sentence="", token=token)


def rows(ctx: AppContext, kinds: set[Kind], name: str = "salma") -> list[Kind]:
    with ctx.directory.reading() as session:
        found = administration_log.about(session, account(ctx, name).id, kinds=kinds, limit=20)
    return [one.kind for one in found]


# ---- what becomes of a line --------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_each_line_is_judged_and_refused_ones_say_why(ctx: AppContext) -> None:
    lines = typed(
        ("Salma", "SALMA", "passed"), ("Un autre", "karim", "passed"), ("Moi", "formateur", "passed"),
        ("Personne de ce nom", "nobody", "passed"),
        ("", "omar", "attended"), ("=1+1", "", "passed"), ("Salma bis", "salma", "passed"), ("x" * 121, "", "passed"),
        ("Personne", "", "maybe"), ("Élève", "", "absent"), ("elève", "", "passed"),
    )  # fmt: skip
    found = shown(ctx, workshop(ctx), lines).lines
    said = [one.problems for one in found]
    assert said == [
        (), ("not_of_the_academy",), ("own",), ("not_of_the_academy",), ("no_name",), ("formula",), ("twice",),
        ("too_long:120",), ("unknown_result",), (), ("twice",),
    ]  # fmt: skip
    assert (found[0].until, found[9].until) == (IN_TWO_YEARS, None)


@pytest.mark.parametrize(
    "text",
    [
        "Nom;Identifiant;Présent;Reçu\nSalma Bennani;salma;oui;oui\nOmar;;oui;non\nRachid;;non;\n",
        "name,username,attended,passed\nSalma Bennani,salma,yes,yes\nOmar,,yes,no\nRachid,,no,\n",
        "الاسم;اسم المستخدم;الحضور;النتيجة\nSalma Bennani;salma;نعم;ناجح\nOmar;;نعم;لا\nRachid;;لا;\n",
    ],
)
def test_a_list_is_read_in_three_languages(text: str) -> None:
    assert [(one.line, one.name, one.username, one.result) for one in as_csv(text)] == [
        (2, "Salma Bennani", "salma", "passed"), (3, "Omar", "", "attended"), (4, "Rachid", "", "absent"),
    ]  # fmt: skip


def test_a_list_that_cannot_be_read_says_why() -> None:
    for told, code in (("a;b\n1;2\n", "no_heading"), ("nom\n", "empty"), ("nom\n" + "x\n" * 301, "too_many_lines")):
        with pytest.raises(Unreadable) as refused:
            as_csv(told)
        assert refused.value.code == code
    assert as_csv("nom;présent;reçu\nA;non;oui\n")[0].result not in ("passed", "attended", "absent")


@pytest.mark.exhaustive
def test_the_day_and_the_length_are_those_of_the_workshop(ctx: AppContext) -> None:
    of, lines = workshop(ctx), typed(("Salma", "", "passed"))
    for day, minutes, key in (("2026-11-27", LONG, "held_on"), ("x", LONG, "held_on"), (DAY, "9", "minutes")):
        with pytest.raises(BadInput) as refused:
            attestation_service.preview(ctx, person(ctx), of, lines, day, minutes)
        assert key in refused.value.problems
    assert months_after(date(2026, 8, 31), 6) == date(2027, 2, 28)
    assert months_after(date(2026, 12, 31), 24) == date(2028, 12, 31)


# ---- entering ----------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_who_passed_is_certified_and_can_be_appointed_to_a_team(ctx: AppContext) -> None:
    admin, salma = person(ctx, "admin.r"), account(ctx, "salma").id
    post = {
        "role": "team_member", "unit": "01234A", "starts": DAY, "ends": "", "reason": "takes_up", "sentence": "",
    }  # fmt: skip
    with pytest.raises(TeamRefused):
        people_service.appoint(ctx, admin, salma, **post, token="before")
    (line,) = entered(ctx, workshop(ctx), typed((NAME, "salma", "passed")))
    assert (line.attestation.valid_until, line.username) == (IN_TWO_YEARS, "salma")
    assert trained(ctx, "salma") == IN_TWO_YEARS
    assert rows(ctx, {Kind.certificate_seen}) == [Kind.certificate_seen]
    people_service.appoint(ctx, admin, salma, **post, token="after")
    view = staff_list.see_person(ctx, admin, salma)
    assert [one.until for one in view.certificates] == [IN_TWO_YEARS]
    assert "workshop" in {one.reason for one in view.history}


@pytest.mark.exhaustive
def test_the_definition_says_for_how_many_months(ctx: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    (moroccan,) = ctx.library.current()
    assert moroccan.teams is not None
    other = moroccan.model_copy(update={"teams": moroccan.teams.model_copy(update={"certificate_months": 7})})
    monkeypatch.setattr(type(ctx.library), "current", lambda _library: (other,))
    assert shown(ctx, workshop(ctx), typed((NAME, "", "passed"))).lines[0].until == date(2027, 6, 26)


@pytest.mark.exhaustive
def test_a_press_sent_twice_enters_once_and_another_list_with_it_is_refused(ctx: AppContext) -> None:
    of, lines = workshop(ctx), typed((NAME, "salma", "passed"), ("Omar", "", "attended"))
    preview = shown(ctx, of, lines)
    for repeated in (False, True):
        done = attestation_service.attest(ctx, person(ctx), of, lines, DAY, LONG, preview.digest, token="one")
        assert (done.entered, done.repeated) == (2, repeated)
    assert len(attestation_service.see_attest(ctx, person(ctx), of).lines) == 2
    with pytest.raises(TeamRefused):
        attestation_service.attest(ctx, person(ctx), of, lines, DAY, LONG, preview.digest, token="two")
    with pytest.raises(SentBefore):
        attestation_service.attest(ctx, person(ctx), of, lines, DAY, LONG, "another", token="one")


@pytest.mark.exhaustive
def test_what_is_confirmed_is_what_was_shown_or_nothing(ctx: AppContext) -> None:
    of, lines = workshop(ctx), typed((NAME, "salma", "passed"))
    preview = shown(ctx, of, lines)
    with pytest.raises(TeamRefused):
        attestation_service.attest(ctx, person(ctx), of, renamed(lines, "Autre"), DAY, LONG, preview.digest, token="a")
    with pytest.raises(TeamRefused):
        attestation_service.attest(ctx, person(ctx), of, lines, "2026-11-25", LONG, preview.digest, token="b")
    assert attestation_service.see_attest(ctx, person(ctx), of).lines == ()
    attestation_service.attest(ctx, person(ctx), of, lines, DAY, LONG, preview.digest, token="c")
    assert [one.attestation.name for one in attestation_service.see_attest(ctx, person(ctx), of).lines] == [NAME]


@pytest.mark.exhaustive
def test_what_was_attested_is_its_own_workshops_alone(ctx: AppContext) -> None:
    (line,) = entered(ctx, workshop(ctx), typed((NAME, "", "passed")))
    with pytest.raises(Unseen):
        attestation_service.own(ctx, person(ctx), workshop(ctx, code="CDEFHJ"), line.attestation.id)


@pytest.mark.exhaustive
def test_a_room_that_was_destroyed_can_still_be_attested(ctx: AppContext) -> None:
    of = made(ctx, tables=1)
    workshop_end.purge(ctx, of.id)
    view = attestation_service.see_attest(ctx, person(ctx), of.id)
    assert view.is_open
    assert view.title["fr"]
    (line,) = entered(ctx, of.id, typed((NAME, "", "passed")), day=view.day.isoformat())
    assert line.attestation.titles["protocol"]["fr"]


# ---- what is kept ------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_name_is_sealed_and_follows_the_master_key(ctx: AppContext) -> None:
    of = workshop(ctx)
    entered(ctx, of, typed((NAME, "salma", "passed")))
    for folder in ctx.settings.data.rglob("*.sqlite*"):
        assert b"Zqsalma" not in folder.read_bytes(), folder.name
    case_keys.rotate((ctx.realm, ctx.directory), ctx.vault)
    assert attestation_service.see_attest(ctx, person(ctx), of).lines[0].attestation.name == NAME


@pytest.mark.exhaustive(
    but=(
        "UPDATE attestation SET passed = 1",
        "UPDATE attestation SET valid_until = '2099-01-01'",
        "UPDATE attestation SET withdrawn_at = NULL, withdrawn_by = NULL, withdrawn_why = NULL",
    )
)
@pango
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE attestation SET passed = 1",
        "UPDATE attestation SET valid_until = '2099-01-01'",
        "UPDATE attestation SET withdrawn_at = NULL, withdrawn_by = NULL, withdrawn_why = NULL",
        "DELETE FROM attestation WHERE id NOT IN (SELECT attestation FROM attestation_copy)",
        "UPDATE attestation_copy SET copy = 9",
        "DELETE FROM attestation_copy",
    ],
)
def test_what_was_attested_is_never_changed(ctx: AppContext, statement: str) -> None:
    of = workshop(ctx)
    line, _other = entered(ctx, of, typed((NAME, "salma", "passed"), ("Omar", "", "attended")))
    certificates.issue(ctx, person(ctx), of, line.attestation.id, "fr", token="c")
    withdrawn(ctx, of, line.attestation.id)
    with pytest.raises(DBAPIError), ctx.directory.writing() as session:
        session.execute(text(statement))


# ---- withdrawing -------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_withdrawn_it_certifies_no_more_and_stays_written_down(ctx: AppContext) -> None:
    of = workshop(ctx)
    line = entered(ctx, of, typed((NAME, "salma", "passed")))[0]
    with pytest.raises(BadInput):
        withdrawn(ctx, of, line.attestation.id, reason="")
    withdrawn(ctx, of, line.attestation.id)
    withdrawn(ctx, of, line.attestation.id)  # the same press
    with pytest.raises(TeamRefused):
        withdrawn(ctx, of, line.attestation.id, token="again")
    assert trained(ctx, "salma") is None
    assert rows(ctx, {Kind.certificate_withdrawn}) == [Kind.certificate_withdrawn]
    view = staff_list.see_person(ctx, person(ctx, "admin.r"), account(ctx, "salma").id)
    assert view.certificates == ()
    again = entered(ctx, of, typed((NAME, "salma", "passed")), token="two")
    assert [one.attestation.withdrawn is None for one in again] == [False, True]
    assert trained(ctx, "salma") == IN_TWO_YEARS


@pytest.mark.exhaustive
@pytest.mark.parametrize("seen", [date(2027, 3, 1), date(2030, 3, 1), None])
def test_what_an_administrator_saw_stays_when_a_workshop_is_withdrawn(ctx: AppContext, seen: date | None) -> None:
    """Before it: it is as it was. After it: what they saw last stands, whatever becomes of the workshop."""
    _see(ctx, date(2027, 1, 1))
    of = workshop(ctx)
    line = entered(ctx, of, typed((NAME, "salma", "passed")))[0]
    assert trained(ctx, "salma") == IN_TWO_YEARS
    if seen is not None:
        _see(ctx, seen)
    withdrawn(ctx, of, line.attestation.id)
    assert trained(ctx, "salma") == (seen or date(2027, 1, 1))


@pytest.mark.exhaustive
def test_what_was_said_of_an_account_by_other_ways_stays_when_a_workshop_is_withdrawn(ctx: AppContext) -> None:
    of = workshop(ctx)
    line = entered(ctx, of, typed((NAME, "salma", "passed")))[0]
    with ctx.directory.writing() as session:
        auth_repository.set_training(session, account(ctx, "salma").id, certified=True, trained_until=date(2027, 5, 5))
    withdrawn(ctx, of, line.attestation.id)
    assert trained(ctx, "salma") == date(2027, 5, 5)


def _see(ctx: AppContext, until: date) -> None:
    """An administrator sees a certificate, a minute after all that was."""
    ctx.clock.turn_to(ctx.now() + timedelta(minutes=1))  # type: ignore[attr-defined]
    with ctx.directory.writing() as session:
        salma = account(ctx, "salma").id
        keep_certificates(session, [Certificate(salma, None, until, person(ctx, "admin.r").id, ctx.now())])
    ctx.clock.turn_to(ctx.now() + timedelta(minutes=1))  # type: ignore[attr-defined]


@pytest.mark.exhaustive
def test_a_longer_certificate_is_not_cut_short_and_two_workshops_do_not_undo_each_other(ctx: AppContext) -> None:
    _see(ctx, date(2031, 1, 1))
    first = workshop(ctx)
    one = entered(ctx, first, typed((NAME, "salma", "passed")))[0]
    assert trained(ctx, "salma") == date(2031, 1, 1)
    withdrawn(ctx, first, one.attestation.id)
    assert trained(ctx, "salma") == date(2031, 1, 1)
    second, third = workshop(ctx, code="BCDEFH"), workshop(ctx, code="CDEFHJ")
    omar = entered(ctx, second, typed(("Omar", "omar", "passed")), token="two", day="2026-11-24")[0]
    ctx.clock.turn_to(ctx.now() + timedelta(minutes=1))  # type: ignore[attr-defined]
    entered(ctx, third, typed(("Omar", "omar", "passed")), token="three")
    withdrawn(ctx, second, omar.attestation.id, token="w2")
    assert trained(ctx, "omar") == IN_TWO_YEARS


# ---- certificates ------------------------------------------------------------------------------------------------


def keyed(ctx: AppContext) -> None:
    forever = timedelta(days=3650)
    folder = ctx.settings.data / "signing"
    make_authority(folder, "Root", {"R": "Académie"}, Validity(NOON - forever, NOON + forever))


def verified(ctx: AppContext, data: bytes) -> Checked:
    folder = ctx.settings.signing_folder
    assert folder is not None
    return asked(ctx, checked(data, trust_in(folder), ctx.now()))


@pango
def test_a_certificate_is_genuine_altered_or_withdrawn_and_verification_says_which(ctx: AppContext) -> None:
    keyed(ctx)
    of = workshop(ctx)
    one = entered(ctx, of, typed((NAME, "salma", "passed")))[0].attestation
    name, first = certificates.issue(ctx, person(ctx), of, one.id, "fr", token="c")
    with pytest.raises(SentBefore):
        certificates.issue(ctx, person(ctx), of, one.id, "fr", token="c")
    again, second = certificates.issue(ctx, person(ctx), of, one.id, "ar", token="d")
    assert (name, again) == (f"{one.number}-1-fr.pdf", f"{one.number}-2-ar.pdf")
    found = verified(ctx, first)
    assert (found.standing, found.is_issued) == (Standing.genuine, True)
    said = verification_messages(Wording("fr"), found)
    assert "authentique" in said.title
    assert NAME in {value for _name, value in said.facts}
    flipped = bytearray(first)
    flipped[len(flipped) // 3] ^= 1
    assert verified(ctx, bytes(flipped)).standing is Standing.not_trusted
    withdrawn(ctx, of, one.id)
    for data in (first, second):
        gone = verified(ctx, data)
        assert gone.standing is Standing.not_trusted
        assert Code.COPY_REVOKED in gone.verdict.codes
        assert (
            verification_messages(Wording("en"), gone).title == "This copy was taken back: it is not to be relied on."
        )
    with pytest.raises(Unseen):
        certificates.issue(ctx, person(ctx), of, one.id, "fr", token="e")


@pango
def test_what_was_signed_but_not_handed_out_here_is_not_genuine(
    ctx: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyed(ctx)
    of = workshop(ctx)
    one = entered(ctx, of, typed((NAME, "", "passed")))[0].attestation
    data = certificates._made(ctx, one, 1, Wording("fr"))
    found = verified(ctx, data)
    assert found.standing is Standing.not_trusted
    assert Code.NOT_ISSUED in found.verdict.codes


@pytest.mark.exhaustive
def test_who_did_not_pass_has_no_certificate(ctx: AppContext) -> None:
    of = workshop(ctx)
    one = entered(ctx, of, typed((NAME, "salma", "attended")))[0].attestation
    assert trained(ctx, "salma") is None
    with pytest.raises(Unseen):
        certificates.issue(ctx, person(ctx), of, one.id, "fr", token="c")


# ---- the register ------------------------------------------------------------------------------------------------


def test_the_register_finds_what_ends_soon_less_what_was_renewed_or_withdrawn(ctx: AppContext) -> None:
    first = workshop(ctx)
    lines = entered(ctx, first, typed((NAME, "salma", "passed"), ("Omar", "omar", "passed"), ("Rachid", "", "passed")))
    ids = {one.attestation.name: one.attestation.id for one in lines}
    withdrawn(ctx, first, ids["Rachid"])

    def soon() -> set[str]:
        view = certificates.see_register(ctx, person(ctx, "academie"), ending=True)
        assert all(one.ends_soon for one in view.lines)
        return {one.attestation.name for one in view.lines}

    assert soon() == set()
    ctx.clock.turn_to(NOON + timedelta(days=731 - 91))  # type: ignore[attr-defined]
    assert soon() == set()
    ctx.clock.turn_to(NOON + timedelta(days=731 - 90))  # type: ignore[attr-defined]
    assert soon() == {NAME, "Omar"}
    later = _later(ctx)
    entered(ctx, later, typed((NAME, "salma", "passed")), token="l", day=ctx.now().date().isoformat())
    assert soon() == {"Omar"}
    every = certificates.see_register(ctx, person(ctx, "academie")).lines
    assert [one.ends_soon for one in every if one.attestation.name == NAME] == [False, False]


def _later(ctx: AppContext) -> str:
    from school_protocol.training import repository as training_repository

    of = workshop(ctx, code="XYZXYZ", ended=False)
    with ctx.directory.writing() as session:
        training_repository.end_workshop(session, of, {}, at=ctx.now())
    return of


@pytest.mark.exhaustive
def test_the_register_goes_page_by_page_and_its_list_holds_no_formula(ctx: AppContext) -> None:
    of = workshop(ctx)
    lines = typed(*((f"Personne {number:03}", "", "passed") for number in range(60)))
    entered(ctx, of, lines)
    academy = person(ctx, "academie")
    first = certificates.see_register(ctx, academy)
    second = certificates.see_register(ctx, academy, after=first.after)
    assert (len(first.lines), len(second.lines), second.after) == (50, 10, "")
    assert len({one.attestation.id for one in (*first.lines, *second.lines)}) == 60
    with pytest.raises(Unseen):
        certificates.see_register(ctx, academy, after="x~y")
    found = certificates.register_list(
        ctx, academy, ["name"], lambda one: [f"@{one.attestation.name}", "=1"], ending=False
    )
    told = b"".join(found).decode("utf-8-sig").splitlines()
    assert len(told) == 61
    assert all(one.startswith("'@Personne") and ";'=1" in one for one in told[1:])


# ---- who appoints a trainer --------------------------------------------------------------------------------------


def test_a_trainer_is_appointed_by_the_academy_and_by_nobody_below_it(ctx: AppContext) -> None:
    salma = account(ctx, "salma").id
    post = {
        "role": "trainer", "starts": DAY, "ends": "", "reason": "takes_up", "sentence": "",
    }  # fmt: skip
    with pytest.raises(TeamRefused) as refused:
        people_service.appoint(ctx, person(ctx, "admin.p"), salma, unit="01234A", **post, token="p")
    assert [one.code for one in refused.value.obstacles] == ["from_the_academy"]
    people_service.appoint(ctx, person(ctx, "admin.r"), salma, unit="R", **post, token="r")
    assert attestation_service.academy(ctx, person(ctx, "salma")).code == "R"


# ---- reminders ---------------------------------------------------------------------------------------------------


class Box:
    """A way out that keeps what it carries."""

    def __init__(self) -> None:
        self.out: list[tuple[str, Letter]] = []

    def carry(self, to: str, letter: Letter) -> None:
        self.out.append((to, letter))


def test_who_is_certified_and_their_coordinator_are_told_sixty_days_before_once(ctx: AppContext) -> None:
    of = workshop(ctx)
    entered(ctx, of, typed((NAME, "salma", "passed")))
    post = {"unit": "01234A", "starts": DAY, "ends": "", "reason": "takes_up", "sentence": ""}
    admin = person(ctx, "admin.r")
    people_service.appoint(ctx, admin, account(ctx, "salma").id, role="team_member", **post, token="a")
    _long = Certificate(account(ctx, "nadia").id, None, date(2031, 1, 1), admin.id, ctx.now())
    with ctx.directory.writing() as session:
        keep_certificates(session, [_long])
    end = IN_TWO_YEARS
    assert _told(ctx, end - timedelta(days=61)) == set()
    assert _told(ctx, end - timedelta(days=60)) == {"salma@example.ma", "nadia@example.ma"}
    assert _told(ctx, end - timedelta(days=59)) == set()
    assert _told(ctx, end - timedelta(days=20)) == set()
    with ctx.realm.writing() as session:
        work_queue.drop_done(session, ctx.now())  # as the worker does after a month
    assert _told(ctx, end - timedelta(days=19)) == set()
    own = certificate_reminders.certificates_ending(ctx, person(ctx, "salma"))
    theirs = certificate_reminders.certificates_ending(ctx, person(ctx, "nadia"))
    assert (own.own, own.team, theirs.own, theirs.team) == (end, 0, None, 1)
    assert (
        certificate_reminders.certificates_ending(ctx, person(ctx, "formateur")) == certificate_reminders.NOTHING_ENDS
    )
    assert (
        certificate_reminders.certificates_ending(replace(ctx, name="w"), person(ctx, "salma"))
        == certificate_reminders.NOTHING_ENDS
    )


def test_a_coordinators_own_certificate_is_told_to_the_head_and_names_nobody(ctx: AppContext) -> None:
    box = Box()
    ctx.clock.turn_to(NOON + timedelta(days=1))  # type: ignore[attr-defined]
    assert certificate_reminders.remind(ctx, Post(mail=box)) == 2
    assert {to for to, _letter in box.out} == {"nadia@example.ma", "patron@example.ma"}
    assert all("Nadia" not in letter.text + letter.subject for _to, letter in box.out)
    assert any("31 déc. 2026" in letter.text for _to, letter in box.out)


def test_whose_certificate_was_renewed_meanwhile_is_not_told(ctx: AppContext) -> None:
    certificate_reminders._look(ctx)
    with ctx.directory.writing() as session:
        nadia = account(ctx, "nadia").id
        keep_certificates(session, [Certificate(nadia, None, date(2028, 1, 1), nadia, ctx.now())])
    assert certificate_reminders.remind(ctx, Post(mail=Box())) == 0


def _told(ctx: AppContext, day: date) -> set[str]:
    box = Box()
    ctx.clock.turn_to(NOON.replace(year=day.year, month=day.month, day=day.day))  # type: ignore[attr-defined]
    certificate_reminders.remind(ctx, Post(mail=box))
    return {to for to, _letter in box.out}
