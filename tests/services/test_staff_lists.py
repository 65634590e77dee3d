"""Lists of places and people: read however they were saved, shown line by line, applied as they were shown, or not."""

from __future__ import annotations

import csv
import io
import itertools
import time
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from school_protocol.auth import repository as auth_repository
from school_protocol.auth import sign_in_repository, sign_in_service
from school_protocol.auth.models import AccountRow, AppointmentRow, UnitRow
from school_protocol.context import today_for
from school_protocol.engine.definition_parts import LEAST_RUNS
from school_protocol.engine.errors import Unseen
from school_protocol.language import Wording
from school_protocol.people import import_plan, import_repository, imports, invitations, spreadsheets, staff_list
from school_protocol.people import presenters as people_presenters
from school_protocol.people.import_repository import Line, State, Verdict
from school_protocol.people.spreadsheets import Unreadable, guarded, is_formula, rows
from school_protocol.people.teams import TeamRefused
from school_protocol.privacy import repository as privacy_repository
from school_protocol.storage.engines import BUSY_SECONDS
from school_protocol.storage.models import AdministrationRow

from .test_staff import Office, refused
from .test_staff import office as office

FRENCH = (
    "type;code;rattachement;nom;nom (arabe);identifiant;fonction;établissement;du;au;e-mail;téléphone;"
    "attestation jusqu’au"
)
ARABIC = (
    "النوع;الرمز;التبعية;الاسم بالفرنسية;الاسم;اسم المستخدم;الدور;المؤسسة;من;إلى;البريد الإلكتروني;الهاتف;"
    "التكوين صالح إلى"
)
SCHOOL_LINE = "école;01234C;REHEARSAL-P;Collège Al Amal;إعدادية الأمل;;;;;;;;"
PERSON_LINE = (
    "personne;;;Élodie Çelik;نادية الفاسي;elodie;membre_er;01234C;01/09/2026;;elodie@ecole.example;06 12 34 56 78;"
    "31/08/2028"
)


def text(*lines: str, head: str = FRENCH) -> str:
    return "\r\n".join((head, *lines)) + "\r\n"


def person(username: str = "nadia", **cells: str) -> str:
    """A line about somebody, in the order of the French headings."""
    values = {
        "type": "personne", "code": "", "parent": "", "name_fr": "Nadia", "name_ar": "", "username": username,
        "role": "declarant", "unit": "00000A", "starts": "", "ends": "", "email": "", "phone": "", "until": "",
    }  # fmt: skip
    return ";".join({**values, **cells}.values())


class Clerk:
    """Somebody who brings lists."""

    def __init__(self, place: Office, who: str = "chief") -> None:
        self.office, self.who, self.ctx = place, who, place.ctx

    def bring(self, content: str | bytes, encoding: str = "utf-8") -> str:
        found = content.encode(encoding) if isinstance(content, str) else content
        return imports.bring(self.ctx, self.office.actor(self.who), found, "liste.csv").id

    def see(self, batch: str, **more: Any) -> imports.ImportView:
        return imports.see_import(self.ctx, self.office.actor(self.who), batch, **more)

    def said(self, batch: str) -> list[tuple[str, tuple[str, ...]]]:
        return [(line.verdict.value, tuple(map(str, line.said))) for line in self.see(batch).lines]

    def verdicts(self, *lines: str) -> list[tuple[str, tuple[str, ...]]]:
        return self.said(self.bring(text(*lines)))

    def confirm(self, batch: str) -> State:
        digest = self.see(batch).batch.digest
        return imports.confirm(self.ctx, self.office.actor(self.who), batch, digest).state

    def apply(self, *lines: str) -> str:
        batch = self.bring(text(*lines))
        assert self.confirm(batch) is State.applied
        return batch

    def sizes(self) -> tuple[int, ...]:
        with self.ctx.directory.reading() as session:
            tables = (AccountRow, UnitRow, AppointmentRow, AdministrationRow)
            return tuple(session.scalar(select(func.count()).select_from(one)) or 0 for one in tables)


@pytest.fixture
def clerk(office: Office) -> Clerk:
    return Clerk(office)


# ---- as spreadsheets write them ------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "cp1256"])
@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_every_way_of_saving_is_read_alike(encoding: str, separator: str) -> None:
    lines = [FRENCH, "école;01234C;P;École Étoile Ça;;;;;;;;;", "personne;;;Élodie Çelik;;elodie;;;;;;;"]
    content = "\r\n".join(lines).replace(";", separator)
    if encoding == "cp1256":  # it has no capital letters with accents
        content = content.replace("École Étoile Ça", "école étoile ça").replace("Élodie Çelik", "élodie çelik")
    found = list(rows(content.encode(encoding)))
    assert [row.cells["name_fr"].casefold() for row in found] == ["école étoile ça", "élodie çelik"]
    assert [spreadsheets.kind_of(row.cells) for row in found] == ["school", "person"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1256"])
def test_arabic_headings_and_names_are_read(encoding: str) -> None:
    content = text("مؤسسة;01234C;P;;إعدادية الأمل;;;;;;;;", "شخص;;;;نادية الفاسي;nadia;عضو;00000A;;;;;", head=ARABIC)
    found = list(rows(content.encode(encoding)))
    assert [row.cells["name_ar"] for row in found] == ["إعدادية الأمل", "نادية الفاسي"]
    assert [spreadsheets.kind_of(row.cells) for row in found] == ["school", "person"]


def test_what_excel_and_people_add_is_passed_over() -> None:
    content = "sep=;\r\n\r\n NOM D’UTILISATEUR ;Nom;Remarque\r\n\r\n\u200fnadia\u202c ; Nadia  El Fassi ;x\r\n;;\r\n"
    assert [dict(row.cells) for row in rows(content.encode())] == [{"username": "nadia", "name_fr": "Nadia El Fassi"}]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"username\r\n", "empty"),
        (b"a;b\r\n1;2\r\n", "no_heading"),
        (b"username;identifiant\r\na;b\r\n", "heading_twice"),
        (b"username\r\n\0\r\n", "not_a_list"),
        (b"PK\x03\x04\x00\x00username", "not_a_list"),
        (b"username\r\n" + b"a\r\n" * (spreadsheets.LINES_MOST + 1), "too_many_lines"),
        (b"x" * (spreadsheets.LARGEST + 1), "too_large"),
        ("a;b\n1;2".encode("utf-16"), "no_heading"),
        (b"\xff\xfe\xd8", "encoding"),
        (b'username\r\n"' + b"x" * 200_000, "breaks_off"),
    ],
)
def test_what_is_no_list_is_said_and_nothing_is_kept(clerk: Clerk, content: bytes, code: str) -> None:
    with pytest.raises(Unreadable) as caught:
        clerk.bring(content)
    assert caught.value.code == code
    for language in ("fr", "ar", "en"):
        assert people_presenters.unreadable(Wording(language), caught.value)
    assert imports.see_imports(clerk.ctx, clerk.office.actor("chief")) == ()


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\u200e=1", "\u2066\u202a＝1", "＋1", "\ufeff@x", " =1", "\t=1"],
)
def test_no_cell_is_reckoned_with_neither_coming_in_nor_going_out(clerk: Clerk, cell: str) -> None:
    assert is_formula(cell)
    assert guarded(cell) == f"'{cell}"
    assert clerk.verdicts(person(name_fr=cell)) == [("refused", ("formula:name_fr",))]


@pytest.mark.parametrize("cell", ["-3", "+12.5", "Nadia", "", "نادية", "06 12"])
def test_numbers_and_words_stay_as_they_are(cell: str) -> None:
    assert guarded(cell) == cell


# ---- what becomes of each line -------------------------------------------------------------------------------------


def test_a_list_of_places_and_people_is_shown_and_nothing_is_written(clerk: Clerk) -> None:
    before = clerk.sizes()
    batch = clerk.bring(text(PERSON_LINE, SCHOOL_LINE))
    assert [verdict for verdict, _said in clerk.said(batch)] == ["new", "new"]
    assert clerk.sizes() == before
    assert clerk.see(batch).counts.to_apply == 2


def test_a_new_line_says_all_that_it_writes_as_it_was_read(clerk: Clerk) -> None:
    head = f"{FRENCH};niveau;ville"
    school = f"{SCHOOL_LINE};collégial;Salé"
    line = person(
        unit="01234C", role="membre_er", starts="01/02/2026", ends="03/04/2027", email="n@ecole.example",
        until="05/06/2027",
    )  # fmt: skip
    batch = clerk.bring(text(school, f"{line};;", head=head))
    place, somebody = (said_of(Wording("en"), clerk, line) for line in clerk.see(batch).lines)
    assert place == [
        "kind of place: School", "level of the school: Lower secondary school",
        f"belongs to: {clerk.office.province.name('fr')} (REHEARSAL-P)", "town or commune: Salé",
        "name in French: Collège Al Amal", "name in Arabic: إعدادية الأمل",
    ]  # fmt: skip
    assert somebody == [
        "role: Resource team member (01234C)", "first day: 1 Feb 2026", "last day: 3 Apr 2027",
        "certified until: 5 Jun 2027", "e-mail: n@ecole.example", "name in French: Nadia",
    ]  # fmt: skip
    assert "1 Feb 2026" in b"".join(
        imports.results(
            clerk.ctx, clerk.office.actor("chief"), batch,
            lambda one: people_presenters.as_text(
                Wording("en"), staff_list.admin_of(clerk.ctx, clerk.office.actor("chief")).roles, one
            ), [],
        )
    ).decode()  # fmt: skip
    clerk.confirm(batch)
    again = clerk.bring(text(person(unit="00000A", starts="07/08/2026", ends="09/10/2027")))
    (changed,) = clerk.see(again).lines
    assert said_of(Wording("en"), clerk, changed)[1:] == ["first day: – → 7 Aug 2026", "last day: – → 9 Oct 2027"]


def said_of(w: Wording, clerk: Clerk, line: Line) -> list[str]:
    return list(people_presenters.line(w, staff_list.admin_of(clerk.ctx, clerk.office.actor("chief")).roles, line))


def test_a_list_stands_among_those_brought_as_what_can_be_done_with_it(clerk: Clerk) -> None:
    refused_list = clerk.bring(text(person(role="nobody")))
    ready, applied = clerk.bring(text(SCHOOL_LINE, person())), clerk.apply(SCHOOL_LINE)
    unchanged = clerk.bring(text(SCHOOL_LINE))
    found = imports.see_imports(clerk.ctx, clerk.office.actor("chief"))
    standing = {one.batch.id: one.standing for one in found}
    assert standing == {refused_list: "refused", ready: "ready", applied: "applied", unchanged: "unchanged"}


@pytest.mark.exhaustive
def test_it_is_applied_as_it_was_shown_and_twice_changes_nothing(clerk: Clerk) -> None:
    clerk.apply(PERSON_LINE, SCHOOL_LINE)
    with clerk.ctx.directory.reading() as session:
        account = auth_repository.account_named(session, "elodie")
        unit = auth_repository.unit_coded(session, "01234C")
        assert account is not None
        assert unit is not None
        assert (account.names, account.email, account.phone) == (
            {"fr": "Élodie Çelik", "ar": "نادية الفاسي"}, "elodie@ecole.example", "0612345678",
        )  # fmt: skip
        assert account.is_trained(clerk.ctx.now().date())
        actor = auth_repository.actor(session, account.id, realm="main", today=clerk.ctx.now().date())
        assert actor is not None
        assert [(held.role, held.unit) for held in actor.appointments] == [("team_member", unit.id)]
        assert unit.parents == (clerk.office.province.id, clerk.office.region.id)
        kinds = session.scalars(select(AdministrationRow.kind).where(AdministrationRow.reason == "list")).all()
    assert sorted(kinds) == ["account_created", "appointed", "certificate_seen", "unit_created"]
    before = clerk.sizes()
    again = clerk.bring(text(PERSON_LINE, SCHOOL_LINE))
    assert clerk.said(again) == [("unchanged", ()), ("unchanged", ())]
    with pytest.raises(TeamRefused):
        clerk.confirm(again)
    assert clerk.sizes() == before


def test_arabic_that_was_saved_as_question_marks_is_refused(clerk: Clerk) -> None:
    content = text(SCHOOL_LINE).encode("cp1252", "replace")
    assert b"??" in content
    with pytest.raises(spreadsheets.Unreadable) as refused:
        clerk.bring(content)
    assert refused.value.code == "letters_lost"


@pytest.mark.parametrize("said", ["Référent", "referent", "Référent(e)", "منسق"])
def test_a_role_is_known_by_the_first_words_of_its_title(clerk: Clerk, said: str) -> None:
    clerk.apply(SCHOOL_LINE, person(role=said, until="31/08/2028"))
    assert [one.role for one in clerk.office.posts_named("nadia")] == ["team_coordinator"]


def test_changes_are_shown_from_what_to_what(clerk: Clerk) -> None:
    clerk.apply(PERSON_LINE, SCHOOL_LINE)
    found = clerk.verdicts(
        "école;01234C;;Collège Al Wifaq;;;;;;;;;",
        "personne;;;Élodie Martin;;elodie;membre_er;01234C;;30/06/2027;e.martin@ecole.example;;31/08/2029",
    )
    assert found[0] == ("changed", ("['name_fr', 'Collège Al Amal', 'Collège Al Wifaq']",))
    assert found[1][0] == "changed"
    assert [one.split("'")[1] for one in found[1][1]] == ["name_fr", "email", "certified_until", "ends"]
    clerk.apply("personne;;;;;elodie;membre_er;01234C;;30/06/2027;;;")
    assert clerk.office.posts_named("elodie")[0].ends is not None


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (person("نادية"), "not_a_username"),
        (person(role="capitaine"), "unknown_role"),
        (person(unit="99999Z"), "unknown_unit"),
        (person(unit=""), "role_and_unit"),
        (person(role="", unit=""), "role_and_unit"),
        (person(name_fr=""), "no_name"),
        (person(starts="10/12/2026", ends="01/12/2026"), "ends_before_it_starts"),
        (person(starts="31/02/2026"), "not_a_date"),
        (person(ends="01/01/2026", starts="01/01/2025"), "in_the_past"),
        (person(email="nadia"), "not_an_address"),
        (person(phone="abc"), "not_a_phone"),
        (person(role="membre_er"), "untrained"),
        (person(role="superviseur_dp"), "not_of_this_place"),
        (person(name_fr="x" * 400), "too_long:300"),
        ("vaisseau;X;;;;;;;;;;;", "unknown_kind"),
        ("école;;REHEARSAL-P;Nom;;;;;;;;;", "no_code"),
        ("école;123;REHEARSAL-P;Nom;;;;;;;;;", "not_gresa"),
        ("école;01234D;NULLEPART;Nom;;;;;;;;;", "unknown_parent"),
        ("école;01234D;REHEARSAL-R;Nom;;;;;;;;;", "wrong_parent"),
        ("école;01234D;;Nom;;;;;;;;;", "no_parent"),
        ("école;01234D;REHEARSAL-P;;;;;;;;;;", "no_name"),
        ("province;00000A;;Nom;;;;;;;;;", "kind_stays"),
    ],
)
def test_a_line_that_cannot_be_is_refused_and_says_why(clerk: Clerk, line: str, code: str) -> None:
    (verdict, codes), = clerk.verdicts(line)  # fmt: skip
    assert (verdict, code in codes) == ("refused", True), codes
    batch = clerk.bring(text(line))
    found = clerk.see(batch).lines[0]
    roles = staff_list.admin_of(clerk.ctx, clerk.office.actor("chief")).roles
    for language in ("fr", "ar", "en"):
        sentence = people_presenters.as_text(Wording(language), roles, found)
        assert code.partition(":")[0] not in sentence.split(), f"{code} has no words in {language}"


@pytest.mark.exhaustive
def test_lines_of_one_list_know_of_each_other(clerk: Clerk) -> None:
    found = clerk.verdicts(
        person("nadia"), person("nadia", name_fr="Somebody else"), person("nadia"),
        person("nadia", role="admin_tech", name_fr=""), person("omar", role="directeur"),
        person("omar", role="admin_tech", name_fr=""), "école;01234C;REHEARSAL-P;A;;;;;;;;;",
        "école;01234C;REHEARSAL-P;B;;;;;;;;;",
    )  # fmt: skip
    codes = [codes for _verdict, codes in found]
    assert [verdict for verdict, _codes in found] == [
        "new", "refused", "refused", "changed", "new", "refused", "new", "refused",
    ]  # fmt: skip
    assert (codes[1], codes[2]) == (("username_twice",), ("username_twice",))
    assert (codes[5], codes[7]) == (("administers_or_carries",), ("code_twice",))


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("cell", "right", "wrong"), [("phone", "0612345678", "0699999999"), ("email", "a@b.ma", "c@d.ma")]
)
def test_no_list_tells_how_somebody_who_works_elsewhere_too_is_reached(
    clerk: Clerk, cell: str, right: str, wrong: str
) -> None:
    clerk.apply(person("partly", email="a@b.ma", phone="0612345678"))
    local = Clerk(clerk.office, "local")
    assert local.verdicts(person("partly", **{cell: right})) == [("unchanged", ())], "wholly theirs: told"
    clerk.apply(person("partly", role="superviseur_dp", unit="REHEARSAL-P"))
    for guess in (right, wrong):
        assert local.verdicts(person("partly", **{cell: guess})) == [("refused", ("works_elsewhere",))]


def test_a_list_gives_no_role_that_administers_but_from_above_or_by_command(clerk: Clerk) -> None:
    line = person("puppet", role="admin_tech", unit=clerk.office.region.code)
    assert clerk.verdicts(line, person("below", role="admin_tech")) == [
        ("refused", ("from_above",)),
        ("new", ("['appointment', '', 'technical_admin@00000A']", "['name_fr', '', 'Nadia']")),
    ]  # fmt: skip
    actor = clerk.office.actor("chief")
    batch = imports.bring(clerk.ctx, actor, text(line).encode(), "liste.csv", by_command=True)
    digest = clerk.see(batch.id).batch.digest
    assert imports.confirm(clerk.ctx, actor, batch.id, digest).state is not State.applied, "pages are not it"
    assert clerk.said(batch.id) == [("refused", ("from_above",))]
    batch = imports.bring(clerk.ctx, actor, text(line).encode(), "liste.csv", by_command=True)
    digest = clerk.see(batch.id).batch.digest
    done = imports.confirm(clerk.ctx, actor, batch.id, digest, by_command=True)
    assert done.state is State.applied
    assert [post.role for post in clerk.office.posts_named("puppet")] == [clerk.office.admin_role]


def test_an_administrator_of_a_school_brings_in_that_school_alone(clerk: Clerk) -> None:
    clerk.apply(person("elsewhere", unit="00000B"))
    local = Clerk(clerk.office, "local")
    found = local.verdicts(
        person("here"), person("there", unit="00000B"), person("above", role="superviseur_dp", unit="REHEARSAL-P"),
        person("elsewhere"), "école;01234C;REHEARSAL-P;A;;;;;;;;;", "école;00000B;;Autre nom;;;;;;;;;",
        person("local", role="directeur"), person("publisher", role="admin_protocole"),
    )  # fmt: skip
    assert [verdict for verdict, _codes in found] == ["new", *["refused"] * 7]
    assert found[3][1] == ("works_elsewhere_unseen",)
    assert "own_rights" in found[6][1]
    assert found[7][1] == ("from_the_top",)


# ---- confirmed, all or nothing -------------------------------------------------------------------------------------


def test_only_what_was_shown_is_applied(clerk: Clerk) -> None:
    """The directory changes between the preview and the press: a new preview, and not a line written."""
    batch = clerk.bring(text(person("nadia"), person("omar")))
    clerk.office.create()
    before = clerk.sizes()
    assert clerk.confirm(batch) is State.ready
    view = clerk.see(batch)
    assert (view.batch.fault, clerk.sizes()) == ("changed_meanwhile", before)
    assert [line.verdict for line in view.lines] == [Verdict.changed, Verdict.new]
    assert clerk.confirm(batch) is State.applied


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "bad",
    [
        "école;123;REHEARSAL-P;Nom;;;;;;;;;", person("نادية"), person("omar", role="membre_er"),
        person("omar", role="membre_er", until="01/02/1950"), person("omar", name_fr="=1+1"),
    ],
    ids=["school", "person", "untrained", "certificate", "formula"],
)  # fmt: skip
def test_one_refused_line_keeps_back_the_whole_list_whoever_posts_anyway(clerk: Clerk, bad: str) -> None:
    good = (SCHOOL_LINE, PERSON_LINE, person("nadia"))
    batch, before = clerk.bring(text(*good, bad)), clerk.sizes()
    view = clerk.see(batch)
    assert (view.counts.new, view.counts.refused, view.counts.to_apply) == (3, 1, 0)
    assert [line.line for line in view.lines if line.verdict is Verdict.refused] == [5]
    actor = clerk.office.actor("chief")
    for by_command in (False, True):
        call = (imports.confirm, clerk.ctx, actor, batch, view.batch.digest)
        assert refused(*call, by_command=by_command) == ("lines_refused",)
    assert (clerk.see(batch).batch.state, clerk.sizes()) == (State.ready, before)
    clerk.apply(*good)
    assert clerk.sizes() != before, "the control: without that line it is applied"


def test_a_list_confirmed_with_refused_lines_before_they_kept_it_back_is_shown_anew(clerk: Clerk) -> None:
    batch, before = clerk.bring(text(person("nadia"), person("omar", name_fr="=1+1"))), clerk.sizes()
    with clerk.ctx.directory.writing() as session:
        import_repository.set_state(session, batch, State.confirmed, at=clerk.ctx.now())
    assert imports.go_on(clerk.ctx)
    found = clerk.see(batch).batch
    assert (found.state, found.fault, clerk.sizes()) == (State.ready, "lines_refused", before)
    for language in ("fr", "ar", "en"):
        assert people_presenters.fault(Wording(language), found.fault)


def test_the_refused_lines_alone_are_a_list_that_can_be_mended_and_brought_again(clerk: Clerk) -> None:
    batch = clerk.bring(text(person("nadia"), person("omar", role="capitaine"), SCHOOL_LINE))
    assert "refused" in [verdict for verdict, _said in clerk.said(batch)]
    actor = clerk.office.actor("chief")
    roles, w = staff_list.admin_of(clerk.ctx, actor).roles, Wording("fr")
    found = imports.results(
        clerk.ctx,
        actor,
        batch,
        lambda one: people_presenters.as_text(w, roles, one),
        ("ligne", "raison"),
        verdict="refused",
    )
    sheet = b"".join(found).decode("utf-8-sig")
    table = list(csv.reader(io.StringIO(sheet), delimiter=";"))
    assert [line[0] for line in table] == ["ligne", "3"]
    assert "fonction" in table[1][1]
    clerk.confirm(clerk.bring(sheet.replace("capitaine", "declarant")))
    assert len(clerk.office.posts_named("omar")) == 1


def test_a_fault_in_the_middle_leaves_nothing(clerk: Clerk, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = clerk.bring(text(SCHOOL_LINE, *(person(f"p{place}") for place in range(20))))
    before, tries = clerk.sizes(), itertools.count()
    kept_all = import_repository.add_appointments

    def breaks(*args: Any) -> None:
        kept_all(*args)
        if next(tries) == 0:
            raise RuntimeError("the power went")

    monkeypatch.setattr(import_repository, "add_appointments", breaks)
    with pytest.raises(RuntimeError):
        clerk.confirm(batch)
    assert clerk.sizes() == before
    clerk.ctx.clock.advance(timedelta(minutes=3))  # type: ignore[attr-defined]
    assert imports.go_on(clerk.ctx), "the worker takes it up again"
    assert clerk.see(batch).batch.state is State.applied
    assert clerk.sizes()[0] == before[0] + 20


@pytest.mark.exhaustive
def test_a_long_list_is_read_and_applied_by_the_worker_and_says_how_far_it_is(clerk: Clerk) -> None:
    count = imports.AT_ONCE + 1
    batch = clerk.bring(text(*(person(f"p{place}") for place in range(count))))
    view = clerk.see(batch)
    assert (view.batch.state, view.batch.done, view.batch.total) == (State.reading, 0, count)
    seen: list[int] = []
    imports.read_import(clerk.ctx, clerk.office.actor("chief"), batch, lambda done, total: seen.append(done))
    assert seen[-1] == count
    view = clerk.see(batch)
    assert (view.batch.state, view.batch.done) == (State.ready, count)
    assert clerk.confirm(batch) is State.confirmed
    assert imports.go_on(clerk.ctx)
    assert clerk.see(batch).batch.state is State.applied
    assert not imports.go_on(clerk.ctx)


def test_a_list_of_somebody_who_administers_no_more_is_put_away(clerk: Clerk) -> None:
    batch = clerk.bring(text(*(person(f"p{place}") for place in range(imports.AT_ONCE + 1))))
    before = clerk.sizes()
    with clerk.ctx.directory.writing() as session:
        auth_repository.set_active(session, clerk.office.ids["chief"], False)
    imports.go_on(clerk.ctx)
    with clerk.ctx.directory.reading() as session:
        found = import_repository.batch(session, batch)
    assert found is not None
    assert (found.state, found.fault) == (State.withdrawn, "not_yours_any_more")
    assert clerk.sizes() == before


def test_a_list_is_its_bringers_alone_and_is_forgotten(clerk: Clerk) -> None:
    batch = clerk.bring(text(person("nadia")))
    other = Clerk(clerk.office, "local")
    with pytest.raises(Unseen):
        other.see(batch)
    with pytest.raises(Unseen):
        imports.confirm(clerk.ctx, clerk.office.actor("local"), batch, "x")
    imports.withdraw(clerk.ctx, clerk.office.actor("chief"), batch)
    assert clerk.see(batch).lines == ()
    with clerk.ctx.directory.reading() as session:
        assert import_repository.content_of(session, batch) == b""
    clerk.ctx.clock.advance(timedelta(days=31))  # type: ignore[attr-defined]
    imports.go_on(clerk.ctx)
    assert clerk.see(batch), "no day of work is known: it may be the clock"
    work_for(clerk, LEAST_RUNS + 1)
    clerk.ctx.clock.advance(timedelta(days=31))  # type: ignore[attr-defined]
    work_for(clerk, LEAST_RUNS + 1)
    imports.go_on(clerk.ctx)
    with pytest.raises(Unseen):
        clerk.see(batch)


def work_for(clerk: Clerk, days: int) -> None:
    """So many days on which the worker looked at the time limits."""
    for _day in range(days):
        with clerk.ctx.realm.writing() as session:
            privacy_repository.begin_day(session, today_for(clerk.ctx), clerk.ctx.now())
        clerk.ctx.clock.advance(timedelta(days=1))  # type: ignore[attr-defined]


def test_a_clock_that_leaps_takes_no_list_away(clerk: Clerk) -> None:
    work_for(clerk, LEAST_RUNS + 1)
    ready = clerk.bring(text(person("nadia")))
    long = clerk.bring(text(*(person(f"p{place}") for place in range(imports.AT_ONCE + 1))))
    clerk.ctx.clock.advance(timedelta(days=400))  # type: ignore[attr-defined]
    assert imports.go_on(clerk.ctx), "the worker still finds the long one"
    assert [clerk.see(one).batch.state for one in (ready, long)] == [State.ready] * 2


# ---- while it is applied -------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_others_write_while_a_list_is_compared(clerk: Clerk, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what they change there is seen: compared anew, and applied all the same where it changes nothing shown."""
    batch, plain, others = clerk.bring(text(person("nadia"))), import_plan.Plan.lines, itertools.count(1)

    def lines(self: import_plan.Plan, *given: Any) -> Any:
        yield from plain(self, *given)
        if next(others) <= imports.TRIES:
            clerk.office.create(by="other", username=f"beside{next(others)}", unit="00000B")

    monkeypatch.setattr(import_plan.Plan, "lines", lines)
    assert clerk.confirm(batch) is State.applied
    assert len(clerk.office.posts_named("nadia")) == 1


def test_what_changes_between_comparing_and_writing_gives_a_new_preview(
    clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, plain, first = clerk.bring(text(person("nadia"), person("omar"))), import_plan.Plan.lines, itertools.count()

    def lines(self: import_plan.Plan, *given: Any) -> Any:
        yield from plain(self, *given)
        if next(first) == 0:
            clerk.office.create()

    monkeypatch.setattr(import_plan.Plan, "lines", lines)
    assert clerk.confirm(batch) is State.ready
    assert [line.verdict for line in clerk.see(batch).lines] == [Verdict.changed, Verdict.new]
    with pytest.raises(AssertionError):
        clerk.office.posts_named("omar")


# ---- what comes out ------------------------------------------------------------------------------------------------


def test_slips_are_made_for_those_who_have_no_way_in(clerk: Clerk) -> None:
    batch = clerk.apply(person("nadia"), person("omar"))
    with clerk.ctx.directory.writing() as session:
        omar = auth_repository.account_named(session, "omar")
        assert omar is not None
        auth_repository.set_password(session, omar.id, "hash")
    found = invitations.of_list(clerk.ctx, clerk.office.actor("chief"), batch)
    assert [slip.username for slip in found] == ["nadia"]
    assert found[0].code
    by_unit = invitations.of_unit(clerk.ctx, clerk.office.actor("local"), "00000A")
    assert "nadia" in [slip.username for slip in by_unit]
    assert by_unit[0].code != found[0].code
    with pytest.raises(Unseen):
        invitations.of_unit(clerk.ctx, clerk.office.actor("local"), "00000B")


@pytest.mark.exhaustive
def test_people_are_known_while_a_long_list_holds_the_directory(clerk: Clerk) -> None:
    """That somebody was seen is written down once a minute; it waits for nobody, and is written with a later page."""
    ctx, who = clerk.ctx, clerk.office.ids["chief"]
    with ctx.directory.writing() as session:
        token = sign_in_repository.open_web_session(session, who, now=ctx.now())

    def seen_at() -> Any:
        with ctx.directory.reading() as session:
            return getattr(sign_in_repository.web_session(session, token, now=ctx.now()), "last_seen_at", None)

    before = seen_at()
    ctx.clock.advance(timedelta(minutes=5))  # type: ignore[attr-defined]
    with ctx.directory.writing() as session:
        began = time.monotonic()
        assert getattr(sign_in_service.recognise(ctx, token), "id", None) == who
        assert time.monotonic() - began < BUSY_SECONDS, "a writer waits as long"
    assert seen_at() == before
    sign_in_service.recognise(ctx, token)
    assert seen_at() == ctx.now()
