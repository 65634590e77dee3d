"""The directory of contacts: who keeps which, what is believed, what is written down; old cases keep what they said."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from engine.telling import NOW
from sqlalchemy import delete, select, update

from school_protocol.auth import permissions, sign_in_service
from school_protocol.auth import repository as auth_repository
from school_protocol.cases.showing import see_record
from school_protocol.engine.errors import BadInput, SentBefore, Unseen
from school_protocol.engine.visibility import Actor, Permission, UnitKind
from school_protocol.language import ZONE
from school_protocol.ops.journal_checks import verify
from school_protocol.people import repository
from school_protocol.people import repository as people_repository
from school_protocol.people.contacts import contact_lines
from school_protocol.people.models import ContactRow
from school_protocol.people.teams import TeamRefused
from school_protocol.storage.journal import Flaw
from school_protocol.storage.models import AdministrationRow
from school_protocol.supervision import referral_contacts
from school_protocol.supervision.referral_contacts import ContactView, Kept, phone_of, spans_of

from .conftest import School

TODAY = NOW.astimezone(ZONE).date()
SAID: dict[str, str | None] = {
    "name_fr": "Cellule du tribunal de Salé", "name_ar": "خلية محكمة سلا", "phone": "0537 88 00 11", "url": "",
    "hours": "weekdays", "opens": "8h30", "closes": "16:30", "verified": "no",
}  # fmt: skip


class Desk:
    """Two academies of one country, each with its keeper; and whoever keeps the country's."""

    def __init__(self, school: School) -> None:
        self.school, self.ctx = school, school.ctx
        role = next(one for one in school.player.protocol.roles.values() if one.keeps_contacts)
        with self.ctx.directory.writing() as session:
            self.country = auth_repository.add_unit(session, kind=UnitKind.country, code="KMA", names={"fr": "Maroc"})
            self.ids: dict[str, str] = {}
            below = (
                ("KR1", UnitKind.region, "KMA"), ("KR2", UnitKind.region, "KMA"), ("KP1", UnitKind.province, "KR1"),
                ("00009K", UnitKind.school, "KP1"),
            )  # fmt: skip
            for name, kind, parent in below:
                above = self.country if parent == "KMA" else self.ids[parent]
                self.ids[name] = auth_repository.add_unit(
                    session, kind=kind, code=name, names={"fr": name}, parent=above
                )
            self.people = {
                who: self._person(session, who, role.key, unit)
                for who, unit in (("academy", self.ids["KR1"]), ("other", self.ids["KR2"]), ("ministry", self.country))
            }

    def _person(self, session: Any, who: str, role: str, unit: str) -> str:
        account = auth_repository.add_account(session, username=who, names={"fr": who}, language="fr", created_at=NOW)
        auth_repository.appoint(session, account, role=role, unit=unit, starts=date(2020, 1, 1))
        return account

    def actor(self, who: str) -> Actor:
        if who not in self.people:
            return self.school.person(who)
        with self.ctx.directory.reading() as session:
            found = sign_in_service.actor_of(self.ctx, self.people[who], session)
        assert found is not None
        return found

    def add(self, who: str = "academy", target: str = "prosecutor", unit: str = "KP1", **changes: str | None) -> str:
        token = changes.pop("token", None) or self.school.token()
        said = {**SAID, **changes}
        return referral_contacts.add_contact(
            self.ctx, self.actor(who), target=target, unit=unit, token=token, **said
        ).id

    def correct(self, who: str, contact: str, expected: int, **changes: str | None) -> Kept:
        token = changes.pop("token", None) or self.school.token()
        return referral_contacts.correct(
            self.ctx, self.actor(who), contact, expected=expected, token=token, **{**SAID, **changes}
        )

    def press(self, change: Any, who: str, contact: str, expected: int) -> Kept:
        done: Kept = change(self.ctx, self.actor(who), contact, expected=expected, token=self.school.token())
        return done

    def see(self, who: str, contact: str) -> ContactView:
        return referral_contacts.see_contact(self.ctx, self.actor(who), contact)

    def shown(self, unit: str = "00009K") -> list[str | None]:
        """The numbers that a team of that place is shown."""
        (protocol,) = self.ctx.library.current()
        return [line.phone for line in contact_lines(self.ctx, protocol, self.ids[unit])]

    def log(self) -> list[tuple[str, str]]:
        with self.ctx.directory.reading() as session:
            rows = session.scalars(select(AdministrationRow).where(AdministrationRow.draft.is_not(None))).all()
        return [(row.kind, row.sentence) for row in sorted(rows, key=lambda row: (row.at, row.kind))]


@pytest.fixture
def desk(school: School) -> Desk:
    return Desk(school)


def problems(call: Any, *args: Any, **more: Any) -> dict[str, tuple[str, ...]]:
    with pytest.raises(BadInput) as caught:
        call(*args, **more)
    return dict(caught.value.problems)


# ---- behind the program ----------------------------------------------------------------------------------------------


def test_a_number_that_was_changed_and_one_that_was_taken_away_are_told_by_the_check_of_the_night(desk: Desk) -> None:
    kept, gone = desk.add(), desk.add(name_fr="Autre", phone="0537 88 00 12")
    assert verify(desk.ctx).breaks == [], "the control"
    with desk.ctx.directory.engine.begin() as behind:
        behind.execute(update(ContactRow).where(ContactRow.id == kept).values(phone="0600000000"))
        behind.execute(delete(ContactRow).where(ContactRow.id == gone))
    told = {(one.case_id, one.flaw) for one in verify(desk.ctx).breaks}
    assert told == {(f"contact {kept}", Flaw.forged), (f"contact {gone}", Flaw.gone)}


# ---- who keeps which -----------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_an_academy_keeps_its_own_and_notes_only_that_the_countrys_are_right(desk: Desk) -> None:
    own, national = desk.add(), desk.add("ministry", "child_line", "KMA", phone="2511")
    with desk.ctx.directory.reading() as session:
        units = {one.id: one.unit for one in repository.contacts_of(session, desk.ids["00009K"])}
    assert units == {own: desk.ids["KP1"], national: None}
    assert desk.see("academy", own).may_change
    assert not desk.see("academy", national).may_change
    assert desk.see("ministry", own).may_change
    with pytest.raises(Unseen):
        desk.correct("academy", national, 1)
    with pytest.raises(Unseen):
        desk.press(referral_contacts.retire, "academy", national, 1)
    desk.press(referral_contacts.verify, "academy", national, 1)
    assert (desk.see("academy", national).verified_on, desk.see("ministry", national).verified_by) == (TODAY, "academy")
    for change in (referral_contacts.verify, referral_contacts.retire):
        with pytest.raises(Unseen):
            desk.press(change, "other", own, 1)
    with pytest.raises(Unseen):
        desk.see("other", own)
    assert problems(desk.add, "other") == {"unit": ("not_your_unit",)}
    assert problems(desk.add, "academy", unit="") == {"unit": ("required",)}
    assert problems(desk.add, "academy", unit="KMA") == {"unit": ("not_your_unit",)}


def test_nobody_else_keeps_any(desk: Desk) -> None:
    keeping = {role.key for role in desk.school.player.protocol.roles.values() if role.keeps_contacts}
    assert keeping
    for role in desk.school.player.protocol.roles:
        assert permissions.may(desk.ctx, desk.actor(role), Permission.keep_contacts) == (role in keeping)
        if role not in keeping:
            with pytest.raises(Unseen):
                referral_contacts.see_contacts(desk.ctx, desk.actor(role))
            assert referral_contacts.stale_contacts(desk.ctx, desk.actor(role)) == 0


def test_one_that_is_unknown_is_absent(desk: Desk) -> None:
    for change in (referral_contacts.verify, referral_contacts.retire):
        with pytest.raises(Unseen):
            desk.press(change, "academy", "none", 1)
    with pytest.raises(Unseen):
        desk.see("academy", "none")


# ---- what is kept --------------------------------------------------------------------------------------------------


def test_a_contact_is_added_corrected_verified_and_retired_and_each_is_written_down(desk: Desk) -> None:
    added = desk.add()
    view = desk.see("academy", added)
    assert (view.names["ar"], view.phone, spans_of(view.hours)) == (
        "خلية محكمة سلا", "0537 88 00 11", ("weekdays", "08:30", "16:30"),
    )  # fmt: skip
    assert (view.verified_on, view.is_stale, view.revision) == (None, True, 1)
    assert desk.shown() == ["0537 88 00 11"]
    desk.press(referral_contacts.verify, "academy", added, 1)
    assert (desk.see("academy", added).verified_on, desk.see("academy", added).is_stale) == (TODAY, False)
    desk.correct("academy", added, 2, phone="0537 88 00 12")
    view = desk.see("academy", added)
    assert (view.phone, view.verified_on) == ("0537 88 00 12", None), "another number has not been found right yet"
    desk.correct("academy", added, 3, phone="0537 88 00 12", name_fr="Cellule", verified="today")
    assert desk.see("academy", added).verified_on == TODAY
    desk.correct("academy", added, 4, phone="0537 88 00 12", hours="always")
    assert desk.see("academy", added).verified_on == TODAY, "the number is the same"
    desk.press(referral_contacts.retire, "academy", added, 5)
    assert desk.shown() == []
    with pytest.raises(Unseen):
        desk.see("academy", added)
    assert sorted(desk.log()) == [
        ("contact_added", "prosecutor: 0537 88 00 11"),
        ("contact_corrected", "prosecutor: 0537 88 00 11 → 0537 88 00 12"),
        ("contact_corrected", "prosecutor: 0537 88 00 12"),
        ("contact_corrected", "prosecutor: 0537 88 00 12"),
        ("contact_retired", "prosecutor: 0537 88 00 12"),
        ("contact_verified", "prosecutor: 0537 88 00 11"),
    ]
    seen = referral_contacts.see_contacts(desk.ctx, desk.actor("academy")).changes
    assert {(one.target.key if one.target else "", one.actor) for one in seen} == {("prosecutor", "academy")}


def test_a_name_in_a_language_that_the_form_does_not_ask_for_is_kept(desk: Desk) -> None:
    added = desk.add(name_en="Salé court unit")
    desk.correct("academy", added, 1, phone="19")
    assert dict(desk.see("academy", added).names)["en"] == "Salé court unit"
    desk.correct("academy", added, 2, name_fr="", name_ar="")
    assert dict(desk.see("academy", added).names) == {"en": "Salé court unit"}, "one of the names is enough"
    desk.correct("academy", added, 3, name_en="")
    assert "en" not in desk.see("academy", added).names


def test_only_whoever_kept_a_contact_is_told_that_it_was_retired(desk: Desk) -> None:
    added = desk.add()
    assert not referral_contacts.was_retired(desk.ctx, desk.actor("academy"), added)
    desk.press(referral_contacts.retire, "academy", added, 1)
    told = [referral_contacts.was_retired(desk.ctx, desk.actor(who), added) for who in ("academy", "ministry", "other")]
    assert told == [True, True, False]
    assert not referral_contacts.was_retired(desk.ctx, desk.actor("academy"), "unknown")
    with pytest.raises(Unseen):
        referral_contacts.was_retired(desk.ctx, desk.actor("team_member"), added)


@pytest.mark.exhaustive
def test_pressed_twice_it_is_done_once_and_another_answer_is_told(desk: Desk) -> None:
    token = desk.school.token()
    first = desk.add(token=token)
    assert desk.add(token=token) == first
    assert len(desk.shown()) == 1
    with pytest.raises(SentBefore):
        desk.add(token=token, phone="19")


def test_of_two_who_change_it_at_once_one_is_told(desk: Desk) -> None:
    added = desk.add()
    desk.correct("ministry", added, 1, phone="19")
    for call in (
        lambda: desk.correct("academy", added, 1, phone="177"),
        lambda: desk.press(referral_contacts.retire, "academy", added, 1),
        lambda: desk.press(referral_contacts.verify, "academy", added, 1),
    ):
        with pytest.raises(TeamRefused):
            call()
    assert desk.shown() == ["19"]


@pytest.mark.exhaustive
def test_a_case_keeps_what_was_called_whatever_becomes_of_the_contact(desk: Desk) -> None:
    school = desk.school
    school.report()
    school.act("team_member", "raise_danger", which_danger="blackmail")
    school.act(
        "head", "referral", target="police", covers=["blackmail"], channel="call", number_called="19",
        sent_at=NOW.isoformat(),
    )  # fmt: skip
    before = recorded(school)
    national = desk.add("ministry", "police", "KMA", phone="19")
    desk.correct("ministry", national, 1, phone="190")
    desk.press(referral_contacts.retire, "ministry", national, 2)
    assert recorded(school) == before
    assert "19" in repr(before)


def recorded(school: School) -> Any:
    """What the referral's entry says, and the length of the case."""
    _head, record = see_record(school.ctx, school.person("head"), school.number, school.last_seq())
    return record.answers, school.last_seq()


# ---- by town -------------------------------------------------------------------------------------------------------


SALE, RABAT = {"city_fr": "Salé", "city_ar": "سلا"}, {"city_fr": "Rabat", "city_ar": "الرباط"}


@pytest.mark.exhaustive
def test_the_keeper_finds_those_of_one_town_however_it_is_written(desk: Desk) -> None:
    sale, rabat, all_ = desk.add(**SALE), desk.add(**RABAT), desk.add(target="police", phone="19")

    def found(city: str) -> set[str]:
        view = referral_contacts.see_contacts(desk.ctx, desk.actor("academy"), city)
        return {one.id for place in view.places for one in place.contacts}

    assert found("") == {sale, rabat, all_}
    assert found("SALE") == found("سلا") == {sale}
    assert found("Nowhere") == {sale, rabat, all_}, "a town where nobody is narrows nothing"
    assert referral_contacts.see_contacts(desk.ctx, desk.actor("academy")).cities == ("Rabat", "Salé")
    desk.correct("academy", sale, 1, **RABAT)
    assert found("Rabat") == {sale, rabat}
    assert dict(desk.see("academy", sale).city) == {"fr": "Rabat", "ar": "الرباط"}


def test_a_school_is_offered_those_of_its_own_town_first_among_those_of_one_place(desk: Desk) -> None:
    desk.add(phone="11", **RABAT)
    desk.add(phone="22", **SALE)
    desk.add(phone="33")
    desk.add(unit="KR1", phone="44", **SALE)
    assert desk.shown() == ["11", "22", "33", "44"], "the control: nobody said where the school is"
    with desk.ctx.directory.writing() as session:
        people_repository.set_city(session, desk.ids["00009K"], "SALE")
    assert desk.shown() == ["22", "11", "33", "44"], "what is kept nearer stays nearer"


def test_a_town_that_is_too_long_is_said_at_its_box(desk: Desk) -> None:
    assert problems(desk.add, city_ar="س" * 61) == {"city_ar": ("too_long:60",)}


# ---- what is believed ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("19", "19"), ("2511", "2511"), (" 0537 71 20 00 ", "0537 71 20 00"),
        ("+212 5 37 26 66 00", "+212 5 37 26 66 00"),
        ("05.37-71(20)00", "05.37-71(20)00"), ("٠٥٣٧ ٧١ ٢٠ ٠٠", "0537 71 20 00"),
        ("05 37\u00a071 20 00", "05 37 71 20 00"),
        ("", ""), (None, ""), ("1", None), ("19a", None), ("++19", None), ("19;drop", None), ("=19+1", None),
        ("1" * 31, None), ("19,20", None), ("+", None),
    ],
)  # fmt: skip
def test_a_number_is_kept_as_it_was_typed_or_refused(typed: str | None, kept: str | None) -> None:
    assert phone_of(typed) == kept


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"name_fr": "", "name_ar": " "}, {"name_fr": ("required",)}),
        ({"name_ar": "x" * 121}, {"name_ar": ("too_long:120",)}),
        ({"phone": "call me"}, {"phone": ("not_a_phone",)}),
        ({"phone": ""}, {"phone": ("phone_or_address",)}),
        ({"phone": "", "url": "javascript:alert(1)"}, {"url": ("not_a_web_address",)}),
        ({"url": "https://user@x.ma/"}, {"url": ("not_a_web_address",)}),
        ({"url": "https://[x"}, {"url": ("not_a_web_address",)}),
        ({"hours": "sometimes"}, {"hours": ("unknown_option",)}),
        ({"opens": "", "closes": "25:00"}, {"opens": ("required",), "closes": ("not_a_time",)}),
        ({"opens": "16:30", "closes": "8:30"}, {"closes": ("closes_first",)}),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_box(desk: Desk, changes: dict[str, str], found: dict[str, Any]) -> None:
    assert problems(desk.add, **changes) == found
    assert desk.shown() == []
    assert desk.log() == []


def test_an_unknown_target_or_place_is_refused(desk: Desk) -> None:
    assert problems(desk.add, target="") == {"target": ("required",)}
    assert problems(desk.add, target="mayor", unit="XX") == {"target": ("unknown_option",), "unit": ("not_your_unit",)}


# ---- stale ---------------------------------------------------------------------------------------------------------


def test_after_so_many_days_whoever_keeps_it_and_whoever_reads_it_are_told(desk: Desk) -> None:
    desk.add(verified="today")
    (protocol,) = desk.ctx.library.current()

    def told() -> tuple[int, int, bool]:
        (line,) = contact_lines(desk.ctx, protocol, desk.ids["00009K"])
        view = referral_contacts.see_contacts(desk.ctx, desk.actor("academy"))
        return referral_contacts.stale_contacts(desk.ctx, desk.actor("academy")), view.stale, line.is_stale

    desk.school.wait(days=180)
    assert told() == (0, 0, False)
    desk.school.wait(days=1)
    assert told() == (1, 1, True)
    desk.ctx = replace(desk.ctx, settings=replace(desk.ctx.settings, contact_days=200))
    assert told() == (0, 0, False)
    desk.ctx = replace(desk.ctx, settings=replace(desk.ctx.settings, contact_days=30))
    assert told() == (1, 1, True)


@pytest.mark.exhaustive
def test_what_is_kept_further_up_is_no_business_of_the_desk(desk: Desk) -> None:
    desk.add("ministry", "police", "KMA", phone="19")
    assert referral_contacts.stale_contacts(desk.ctx, desk.actor("academy")) == 0
    assert referral_contacts.stale_contacts(desk.ctx, desk.actor("ministry")) == 1
    assert timedelta(days=desk.ctx.settings.contact_days) == timedelta(days=180)


@pytest.mark.exhaustive
def test_the_page_of_contacts_counts_as_the_desk_does_and_says_what_is_kept_further_up(desk: Desk) -> None:
    desk.add()
    desk.add("ministry", "police", "KMA", phone="19")
    for who, own, above in (("academy", 1, 1), ("ministry", 2, 0)):
        view = referral_contacts.see_contacts(desk.ctx, desk.actor(who))
        assert (view.stale, view.stale_above) == (own, above)
        assert referral_contacts.stale_contacts(desk.ctx, desk.actor(who)) == own


def test_the_log_tells_of_a_contact_without_a_number_by_its_name(desk: Desk) -> None:
    """Such ones come with an installation: a form asks for a number or an address."""
    with desk.ctx.directory.writing() as session:
        added = repository.add_contact(
            session, target="prosecutor", unit=desk.ids["KP1"], position=1, names={"fr": "Cellule"}, phone="", url=""
        )
    desk.press(referral_contacts.verify, "academy", added, 1)
    desk.press(referral_contacts.retire, "academy", added, 2)
    changes = referral_contacts.see_contacts(desk.ctx, desk.actor("academy")).changes
    said = {one.kind: (one.target.key if one.target else "", one.sentence) for one in changes}
    assert said == {"contact_retired": ("prosecutor", "Cellule"), "contact_verified": ("prosecutor", "Cellule")}
