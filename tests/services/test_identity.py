"""Who gets in, and who does not: passwords, invitations, second factors, lost ones."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from time import process_time

import pytest
from argon2 import PasswordHasher
from engine.telling import MOROCCAN, NOW
from sqlalchemy import delete, select

from school_protocol.auth import (
    access_codes,
    own_account,
    passwords,
    second_factor,
    sign_in_repository,
    sign_in_service,
)
from school_protocol.auth import repository as auth_repository
from school_protocol.auth import service as auth_service
from school_protocol.auth.models import CodeSeedRow, RecoveryCodeRow
from school_protocol.auth.service import IdentityRefused
from school_protocol.auth.sign_in_repository import Stage
from school_protocol.auth.sign_in_service import Visitor
from school_protocol.cases.story_player import throwaway
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import BadInput, Unseen
from school_protocol.engine.visibility import UnitKind
from school_protocol.ops.journal_checks import verify
from school_protocol.storage import case_keys
from school_protocol.storage.administration_log import Kind
from school_protocol.storage.journal import Flaw

from .proving import PASSWORD, People

INVENTORIES = Path(__file__).parents[2] / "docs" / "inventories.md"
HOME = "1" * 40
"""The mark of a browser."""


@pytest.fixture
def people(moroccan: Protocol) -> Iterator[People]:
    with throwaway(moroccan, MOROCCAN.read_bytes(), NOW) as player:
        yield People(player)


def refused(problems: BadInput) -> str:
    return next(iter(problems.problems.values()))[0]


# ---- passwords -------------------------------------------------------------------------------------------------------


OWNER = ("nadia", "Nadia El Fassi", "Collège Ibn Rochd")
ELSEWHERE = ("Collège Ibn Rochd", "Lycée qualifiant Oum Rabii", "إعدادية الزيتونة", "Collège")
WEAK = {
    "too_short:12": ["onze signes"],
    "too_long:1024": ["é" * 513],
    "easy_to_guess": ["aaaaaaaaaaaa", "abcabcabcabc", "bonjour-bonjour", "a1" * 512, "." * 20, "ـ" * 20],
    "says_who_you_are": ["nadia.elfassi26", "Ibn Rochd 2026!", "N@dia3lfassi", "elfassi&nadia"],
    "a_place": ["Lycée Oum Rabii 12", "oumrabii2026", "الزيتونة 2026", "Casablanca2026", "Maroc@2026!!",
                "مراكش الحمراء", "lyceemoulayyoussef"],
    "a_number": ["05221234567a", "0661 23 45 67 ab", "+212661234567", "٠٦٦١٩٣٠٥٤٨ اب", "G134567890ab", "12/05/1984 ab"],
    "keys_in_a_row": ["azertyuiop123", "1a2z3e4r5t6y", "&é\"'(-è_çà)=", "1aqw2zsx3edc", "azeqsdwxc123", "شسيبلاتنمكط12",
                      "poiuytrezaqsd", "zyxwvutsrqpo"],
    "common": ["motdepasse2026", "P@ssw0rd1234", "Bismillah 2026", "السلام عليكم 123", "administration", "1q2w3e4r5t6y",
               "jesuisprofesseur", "je.suis professeur", "Professeur@2026", "salam3alaikum", "kanbghik hbiba",
               "dimaraja1949", "Fatimazahra1998", "هذه كلمة السر", "cyberharcelement", "iloveyou1234",
               "ecolepublique1"],
}  # fmt: skip
STRONG = (
    "quatre tasses de thé", "brouette violon moutarde", "la girafe mange des clous", "tortue-piano-neige-89",
    "سبعة حمير فوق الجبل", "جرادة تقرأ الجريدة في القطار", "7elzoun kayjri f tramway", "kL9#xq2LmPz0", "kL9#xq2?mPz-",
    "-?d;e4qwTF-!", "xqvbtwplzkrm", "k7m2-p9qr-s4tv", "un cartable bleu sur le toit de la " + "mairie" * 50,
)  # fmt: skip


@pytest.mark.parametrize(("password", "why"), [(one, why) for why, some in WEAK.items() for one in some])
def test_a_new_password_is_long_and_not_what_everybody_tries_first(password: str, why: str) -> None:
    assert passwords.problem_of(password, OWNER, ELSEWHERE) == why


@pytest.mark.parametrize("password", STRONG)
def test_a_good_passphrase_is_taken(password: str) -> None:
    assert passwords.problem_of(password, OWNER, ELSEWHERE) is None


def test_no_password_takes_longer_to_judge_than_a_blink() -> None:
    """Signs that could each be two letters, repeated: zxcvbn alone takes seconds for them."""
    passwords.problem_of(STRONG[0])
    begun = process_time()
    for password in ("4@8({[<3691!|70$5+7%2" * 20, "a1" * 512, "un cartable " * 80):
        passwords.problem_of(password, OWNER, ELSEWHERE)
    assert process_time() - begun < 1


def test_the_estimator_is_loaded_by_the_first_new_password() -> None:
    says = "import sys, school_protocol.auth.own_account; print('zxcvbn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", says], capture_output=True, text=True, check=True).stdout == "False\n"


def test_the_name_of_any_school_makes_no_password(people: People) -> None:
    with people.ctx.directory.writing() as session:
        parent = auth_repository.units_of_kind(session, UnitKind.province)[0].id
        names = {"fr": "École Tournesol Vagabond", "ar": "مدرسة تورنوسول"}
        auth_repository.add_unit(session, kind=UnitKind.school, code="77001Z", names=names, parent=parent)
    with people.ctx.directory.reading() as session, pytest.raises(BadInput) as problems:
        access_codes.check_new(session, people.ctx, people.actor("head").id, "tournesol-vagabond")
    assert refused(problems.value) == "a_place"


@pytest.mark.parametrize("password", ["\udc80" * 20, "a\0b" * 6, "😀" * 200])
def test_strange_passwords_are_kept_and_known_again(password: str) -> None:
    kept = passwords.hash_password(password)
    assert passwords.matches(kept, password)
    assert not passwords.matches(kept, password + "x")


@pytest.mark.parametrize("longest", ["a" * passwords.MOST, "é" * (passwords.MOST // 2)])
def test_what_is_typed_beyond_the_longest_password_counts(longest: str) -> None:
    kept = passwords.hash_password(longest)
    assert passwords.matches(kept, longest)
    assert not passwords.matches(kept, longest + "x")


def test_a_password_costs_what_is_said(monkeypatch: pytest.MonkeyPatch, shipped_hasher: PasswordHasher) -> None:
    monkeypatch.setattr(passwords, "_HASHER", shipped_hasher)
    said = re.search(r"argon2id, (\d+) MiB, (\d+) passes, (\d+) lane", INVENTORIES.read_text("utf-8"))
    assert said is not None
    memory, passes, lanes = map(int, said.groups())
    cost = f"$argon2id$v=19$m={memory * 1024},t={passes},p={lanes}$"
    assert (memory, passes) >= (19, 2), "what OWASP asks for at least"
    assert passwords.hash_password("un cartable bleu").startswith(cost)
    asked: list[int] = []
    monkeypatch.setattr(passwords, "hash_secret_raw", lambda *_given, **named: asked.append(named["memory_cost"]))
    passwords.stretched("abcde23456", b"salt" * 4)
    assert asked == [memory * 1024], "a recovery code costs as much"


# ---- invitations -----------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_an_invitation_lets_in_once(people: People) -> None:
    head, member = people.actor("head"), people.actor("team_member")
    token = access_codes.invite(people.ctx, head, member.id, people.ctx.now())
    seen = access_codes.see_invitation(people.ctx, token)
    assert seen is not None
    assert seen.username == people.username("team_member")
    with pytest.raises(BadInput) as weak:
        access_codes.accept_invitation(people.ctx, token, "motdepasse2026")
    assert refused(weak.value) == "common"
    assert access_codes.accept_invitation(people.ctx, token, PASSWORD)
    assert not access_codes.accept_invitation(people.ctx, token, "un autre cartable vert")
    assert people.is_in(people.enter("team_member"))
    assert people.log("team_member") == [
        (Kind.invited, head.id, "helped"), (Kind.invitation_accepted, member.id, "own"),
    ]  # fmt: skip


def test_a_newer_invitation_ends_the_one_before(people: People) -> None:
    head, member = people.actor("head"), people.actor("team_member")
    first, second = (access_codes.invite(people.ctx, head, member.id, people.ctx.now()) for _ in range(2))
    assert access_codes.see_invitation(people.ctx, first) is None
    assert access_codes.see_invitation(people.ctx, second) is not None


@pytest.mark.parametrize(("hours", "is_good"), [(71.9, True), (72, False)])
def test_an_invitation_is_good_for_three_days(people: People, hours: float, is_good: bool) -> None:
    token = access_codes.invite(people.ctx, people.actor("head"), people.actor("team_member").id, people.ctx.now())
    people.wait(hours=hours)
    assert access_codes.accept_invitation(people.ctx, token, PASSWORD) is is_good


def test_who_has_a_password_is_not_invited_and_who_has_none_gets_no_code(people: People) -> None:
    head, member = people.actor("head"), people.actor("team_member")
    with pytest.raises(IdentityRefused, match="has_no_password"):
        access_codes.new_password_slip(people.ctx, head, member.id, people.ctx.now())
    people.give_password("team_member")
    with pytest.raises(IdentityRefused, match="has_password"):
        access_codes.invite(people.ctx, head, member.id, people.ctx.now())


@pytest.mark.parametrize(
    ("who", "whom", "may"),
    [
        ("head", "team_member", True),
        ("head", "reporter", True),
        ("head", "head/2", False),
        ("head", "directorate", False),
        ("head", "technical_admin", False),
        ("technical_admin", "head", True),
        ("technical_admin", "team_member", True),
        ("technical_admin", "directorate", False),  # this one administers the school alone
        ("directorate", "head", True),
        ("directorate", "team_member", True),
        ("directorate", "directorate/2", False),
        ("team_coordinator", "team_member", False),
        ("academy", "head", False),
        ("trainer", "team_member", False),
        ("data_officer", "team_member", False),
    ],
)
def test_who_helps_whom(people: People, who: str, whom: str, may: bool) -> None:
    if may:
        assert access_codes.invite(people.ctx, people.actor(who), people.actor(whom).id, people.ctx.now())
    else:
        with pytest.raises(Unseen):
            access_codes.invite(people.ctx, people.actor(who), people.actor(whom).id, people.ctx.now())


@pytest.mark.parametrize("who", ["head", "technical_admin", "directorate"])
def test_nobody_helps_themselves(people: People, who: str) -> None:
    people.give_password(who)
    people.give_phone(who)
    actor, now = people.actor(who), people.ctx.now()
    for help_oneself in (
        lambda: access_codes.new_password_slip(people.ctx, actor, actor.id, now),
        lambda: access_codes.ask_restoring(people.ctx, actor, actor.id),
        lambda: access_codes.agree(people.ctx, actor, actor.id),
    ):
        with pytest.raises(Unseen):
            help_oneself()


def test_who_works_elsewhere_too_is_not_the_heads_to_help(people: People) -> None:
    """A head who could reset a supervisor's password would see other schools."""
    head, member = people.actor("head"), people.actor("team_member")
    with people.ctx.directory.writing() as session:
        province = auth_repository.unit(session, head.appointments[0].unit).parents[0]
        auth_repository.appoint(session, member.id, role="directorate", unit=province, starts=date(2020, 1, 1))
    with pytest.raises(Unseen):
        access_codes.invite(people.ctx, head, member.id, people.ctx.now())


def test_another_schools_head_helps_nobody_here(people: People) -> None:
    with people.ctx.directory.writing() as session:
        school = auth_repository.add_unit(session, kind=UnitKind.school, code="00009Z", names={"fr": "Ailleurs"})
        other = auth_repository.add_account(
            session, username="ailleurs", names={"fr": "A"}, language="fr", created_at=NOW
        )
        auth_repository.appoint(session, other, role="head", unit=school, starts=date(2020, 1, 1))
        actor = auth_repository.actor(session, other, realm="main", today=NOW.date())
    assert actor is not None
    with pytest.raises(Unseen):
        access_codes.invite(people.ctx, actor, people.actor("team_member").id, people.ctx.now())


def test_the_first_administrator_is_invited_by_whoever_runs_the_house_and_nobody_after(people: People) -> None:
    name = people.username("technical_admin")
    token = access_codes.invite_the_first(people.ctx, name, people.ctx.now())
    assert access_codes.accept_invitation(people.ctx, token, PASSWORD)
    people.actor("technical_admin/2")
    with pytest.raises(IdentityRefused, match="not_the_first"):
        access_codes.invite_the_first(people.ctx, people.username("technical_admin/2"), people.ctx.now())


# ---- a forgotten password --------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_printed_code_sets_a_new_password_once_and_ends_every_session(people: People) -> None:
    people.give_password("team_member", "l’ancien cartable rouge")
    before = people.enter("team_member", "l’ancien cartable rouge")
    name, now = people.username("team_member"), people.ctx.now()
    slip = access_codes.new_password_slip(people.ctx, people.actor("head"), people.actor("team_member").id, now)
    assert people.is_in(before), "until it is used the old password holds"
    assert not access_codes.set_password_by_code(people.ctx, name, "000000000000", PASSWORD)
    assert not access_codes.set_password_by_code(people.ctx, people.username("reporter"), slip.code, PASSWORD)
    typed = slip.code.translate(str.maketrans("0123456789-", "٠١٢٣٤٥٦٧٨٩ "))
    assert access_codes.set_password_by_code(people.ctx, name, typed, PASSWORD)
    assert not access_codes.set_password_by_code(people.ctx, name, slip.code, "encore un autre cartable")
    assert not people.is_in(before)
    assert people.enter("team_member", "l’ancien cartable rouge") is None
    assert people.is_in(people.enter("team_member"))
    assert [kind for kind, _by, _why in people.log("team_member")] == [Kind.password_code_made, Kind.password_set]


def test_a_code_for_a_lost_phone_sets_no_password(people: People) -> None:
    people.give_password("directorate")
    people.give_phone("directorate")
    account = people.actor("directorate").id
    with people.ctx.directory.writing() as session:
        secret = access_codes.digits_hash(people.ctx, account, "1234-5678-9012")
        given = sign_in_repository.OneTimeCode(account, access_codes.FACTOR, account, NOW, NOW + timedelta(hours=72))
        sign_in_repository.keep_code(session, given, secret)
    name = people.username("directorate")
    assert not access_codes.set_password_by_code(people.ctx, name, "123456789012", "encore un autre cartable")


# ---- the second factor -----------------------------------------------------------------------------------------------


def test_a_role_that_asks_for_it_is_led_to_set_it_up_first(people: People) -> None:
    people.give_password("directorate")
    half = people.enter("directorate")
    assert half is not None
    assert not people.is_in(half)
    waiting = sign_in_service.pending(people.ctx, half)
    assert waiting is not None
    assert waiting.stage is Stage.enrol
    seed = second_factor.draw_seed()
    assert sign_in_service.enrol(people.ctx, half, seed, "000000") is None
    done = sign_in_service.enrol(people.ctx, half, seed, people.code(seed))
    assert done is not None
    whole, codes = done
    assert people.is_in(whole)
    assert sign_in_service.pending(people.ctx, half) is None
    assert len(set(codes)) == second_factor.RECOVERY
    assert [kind for kind, *_ in people.log("directorate")] == [Kind.code_factor_set, Kind.recovery_codes_made]


def test_a_second_factor_that_was_taken_away_from_outside_is_told_by_the_check_of_the_night(people: People) -> None:
    people.give_password("head")
    seed, head = second_factor.draw_seed(), people.actor("head").id
    own_account.set_up_codes(people.ctx, people.actor("head"), PASSWORD, seed, people.code(seed))
    assert verify(people.ctx).breaks == [], "the control"
    with people.ctx.directory.engine.begin() as behind:
        behind.execute(delete(CodeSeedRow).where(CodeSeedRow.account == head))
    assert [(one.case_id, one.flaw) for one in verify(people.ctx).breaks] == [(f"code_seed {head}", Flaw.gone)]


@pytest.mark.parametrize(
    ("who", "asks"),
    [
        ("directorate", True), ("academy", True), ("trainer", True), ("protocol_admin", True),
        ("technical_admin", True), ("data_officer", True), ("head", False), ("team_member", False),
        ("team_coordinator", False), ("psychosocial", False), ("reporter", False), ("workshop_participant", False),
    ],
)  # fmt: skip
def test_which_roles_ask_for_it(people: People, who: str, asks: bool) -> None:
    people.give_password(who)
    assert people.is_in(people.enter(who)) is not asks


@pytest.mark.exhaustive
def test_a_code_of_the_phone_counts_once_and_about_now(people: People) -> None:
    people.give_password("directorate")
    seed = people.give_phone("directorate")

    def tried(code: str) -> str | None:
        half = people.enter("directorate", mark=HOME)
        assert half is not None
        return sign_in_service.prove_factor(people.ctx, half, code, Visitor(mark=HOME))

    assert tried(people.code(seed, -2)) is None
    assert tried(people.code(seed, 2)) is None
    now = people.code(seed)
    assert people.is_in(tried(now))
    assert tried(now) is None, "the same code a second time"
    assert tried(people.code(seed, -1)) is None, "an earlier code after a later one"
    assert people.is_in(tried(people.code(seed, 1))), "the clock of a phone may be half a minute ahead"
    assert tried(people.code(seed, 1)) is None


def test_a_recovery_code_counts_once_and_is_written_down(people: People) -> None:
    people.give_password("head")
    actor, seed = people.actor("head"), second_factor.draw_seed()
    codes = own_account.set_up_codes(people.ctx, actor, PASSWORD, seed, people.code(seed)).recovery
    for code, is_good in ((codes[0].upper().replace("-", " "), True), (codes[0], False), (codes[1], True)):
        half = people.enter("head", mark=HOME)
        assert half is not None
        assert people.is_in(sign_in_service.prove_factor(people.ctx, half, code, Visitor(mark=HOME))) is is_good
    with people.ctx.directory.reading() as session:
        assert sign_in_repository.recovery_left(session, actor.id) == second_factor.RECOVERY - 2
    assert [kind for kind, *_ in people.log("head")].count(Kind.recovery_code_used) == 2


def test_recovery_codes_are_kept_as_slowly_hashed_as_passwords(people: People) -> None:
    ctx, head = people.ctx, people.actor("head")
    people.give_password("head")
    seed = second_factor.draw_seed()
    made = own_account.set_up_codes(ctx, head, PASSWORD, seed, people.code(seed)).recovery
    with ctx.directory.reading() as session:
        kept = set(session.scalars(select(RecoveryCodeRow.hashed)))
    assert len(kept) == second_factor.RECOVERY
    assert {len(one) for one in kept} == {32}
    assert not kept & {auth_service.hashed(ctx, "recovery", head.id, auth_service.plain_code(one)) for one in made}


def test_a_recovery_code_from_before_they_were_hashed_slowly_still_counts_once(people: People) -> None:
    ctx, head = people.ctx, people.actor("head")
    people.give_password("head")
    people.give_phone("head")
    with ctx.directory.writing() as session:
        sign_in_repository.keep_recovery(
            session, head.id, [auth_service.hashed(ctx, "recovery", head.id, "abcde23456")]
        )
    for is_good in (True, False):
        half = people.enter("head", mark=HOME) or ""
        assert people.is_in(sign_in_service.prove_factor(ctx, half, "ABCDE-23456", Visitor(mark=HOME))) is is_good


def test_somebody_elses_recovery_code_opens_nothing(people: People) -> None:
    for who in ("head", "team_member"):
        people.give_password(who)
    found = {}
    for who in ("head", "team_member"):
        seed = second_factor.draw_seed()
        found[who] = own_account.set_up_codes(people.ctx, people.actor(who), PASSWORD, seed, people.code(seed)).recovery
    half = people.enter("head")
    assert half is not None
    assert sign_in_service.prove_factor(people.ctx, half, found["team_member"][0]) is None


def test_the_seed_lies_nowhere_in_clear(people: People) -> None:
    seed = people.give_phone("directorate")
    people.ctx.directory.engine.dispose()
    files = [path for path in people.ctx.settings.data.rglob("*") if path.is_file()]
    assert files
    assert not any(seed.encode() in path.read_bytes() for path in files)
    with people.ctx.directory.reading() as session:
        kept = sign_in_repository.seed_of(session, people.ctx.vault, people.actor("directorate").id)
    assert kept is not None
    assert kept.secret == seed


def test_a_turned_master_key_still_opens_seeds(people: People) -> None:
    seed = people.give_phone("directorate")
    ctx, account = people.ctx, people.actor("directorate").id
    before = ctx.vault.newest
    assert case_keys.rotate((ctx.realm, ctx.directory), ctx.vault) >= 1
    assert before in case_keys.retire_masters((ctx.realm, ctx.directory), ctx.vault)
    with ctx.directory.reading() as session:
        kept = sign_in_repository.seed_of(session, ctx.vault, account)
    assert kept is not None
    assert kept.secret == seed


def test_the_last_factor_of_who_must_have_one_stays(people: People) -> None:
    for who, must in (("directorate", True), ("head", False)):
        people.give_password(who)
        people.give_phone(who)
        if must:
            with pytest.raises(IdentityRefused, match="last_factor"):
                own_account.drop_codes(people.ctx, people.actor(who), PASSWORD)
        else:
            assert people.is_in(own_account.drop_codes(people.ctx, people.actor(who), PASSWORD).token)


# ---- a lost factor ---------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_lost_phone_is_restored_by_two_people(people: People) -> None:
    ctx, head = people.ctx, people.actor("head")
    people.give_password("head")
    people.give_phone("head")
    admin, overseer = people.actor("technical_admin"), people.actor("directorate")
    with pytest.raises(IdentityRefused, match="not_asked"):
        access_codes.agree(ctx, overseer, head.id)
    access_codes.ask_restoring(ctx, admin, head.id)
    with pytest.raises(IdentityRefused, match="two_people_needed"):
        access_codes.agree(ctx, admin, head.id)
    with pytest.raises(Unseen):
        access_codes.agree(ctx, people.actor("team_coordinator"), head.id)
    slip = access_codes.agree(ctx, overseer, head.id)
    with pytest.raises(IdentityRefused, match="two_people_needed"):
        access_codes.agree(ctx, people.actor("technical_admin/2"), head.id)

    half = people.enter("head")
    assert half is not None
    assert access_codes.restore(ctx, half, "000000000000") is None
    new = access_codes.restore(ctx, half, slip.code)
    assert people.is_in(new), "no role of theirs asks for a factor: in at once"
    assert [(kind, by) for kind, by, _why in people.log("head")] == [
        (Kind.restoration_asked, admin.id), (Kind.restoration_agreed, overseer.id), (Kind.factors_restored, head.id),
    ]  # fmt: skip
    again = people.enter("head")
    assert people.is_in(again)
    with ctx.directory.reading() as session:
        assert not second_factor.factors_of(session, ctx, head.id).has_any


@pytest.mark.exhaustive
def test_whoever_must_have_a_factor_sets_a_new_one_up(people: People) -> None:
    ctx, one = people.ctx, people.actor("technical_admin")
    people.give_password("technical_admin")
    seed = people.give_phone("technical_admin")
    access_codes.ask_restoring(ctx, people.actor("technical_admin/2"), one.id)
    slip = access_codes.agree(ctx, people.actor("technical_admin/3"), one.id)
    half = people.enter("technical_admin")
    assert half is not None
    new = access_codes.restore(ctx, half, slip.code)
    assert new is not None
    assert not people.is_in(new)
    waiting = sign_in_service.pending(ctx, new)
    assert waiting is not None
    assert waiting.stage is Stage.enrol
    assert sign_in_service.prove_factor(ctx, new, people.code(seed)) is None, "the lost phone opens nothing"


def test_a_withdrawn_restoration_and_its_code_are_worth_nothing(people: People) -> None:
    ctx, head = people.ctx, people.actor("head")
    people.give_password("head")
    people.give_phone("head")
    access_codes.ask_restoring(ctx, people.actor("technical_admin"), head.id)
    slip = access_codes.agree(ctx, people.actor("directorate"), head.id)
    access_codes.withdraw(ctx, people.actor("technical_admin"), head.id)
    half = people.enter("head")
    assert half is not None
    assert access_codes.restore(ctx, half, slip.code) is None


@pytest.mark.exhaustive
def test_the_code_alone_without_the_password_does_nothing(people: People) -> None:
    ctx, head = people.ctx, people.actor("head")
    people.give_password("head")
    people.give_phone("head")
    access_codes.ask_restoring(ctx, people.actor("technical_admin"), head.id)
    slip = access_codes.agree(ctx, people.actor("directorate"), head.id)
    assert access_codes.restore(ctx, "no session", slip.code) is None
    assert not access_codes.set_password_by_code(ctx, people.username("head"), slip.code, "encore un cartable vert")


# ---- how long a session lasts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("waited", "is_in"), [((9, 9), True), ((10,), False), ((9,) * 6, True), ((9,) * 7, False)])
def test_a_session_lasts_as_the_settings_say(people: People, waited: tuple[int, ...], is_in: bool) -> None:
    short = replace(people.ctx.settings, session_idle=timedelta(minutes=10), session_lifetime=timedelta(hours=1))
    people.player.ctx = replace(people.ctx, settings=short)
    people.give_password("head")
    token = people.enter("head")
    assert token
    seen = []
    for minutes in waited:
        people.wait(minutes=minutes)
        seen.append(people.is_in(token))
    assert seen == [*(True for _ in waited[1:]), is_in]
    listed = own_account.see_account(people.ctx, people.actor("head"), token).sessions
    assert len(listed) == is_in
