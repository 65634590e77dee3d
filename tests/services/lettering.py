"""A case with everything that letters may and may not say: planted names, words of listenings, addresses, a hold."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from typing import Any

from pypdf import PdfReader

from school_protocol.case_files.service import academy_of, issue_letter
from school_protocol.cases.loading import load
from school_protocol.pdf.signing_keys import Validity, make_authority
from services.conftest import School

FOREVER = timedelta(days=3650)
PUPIL, OTHER, WITNESS, MOTHER, FATHER, OTHER_MOTHER = (
    "Yasmine Benali", "Omar Tazi", "Salma Idrissi", "Khadija Benali", "Rachid Benali", "Naïma Tazi",
)  # fmt: skip
SAID = "elle pleure chaque soir derrière la porte"
ADDRESS, INTIMATE_ADDRESS, HANDLE = "https://exemple.invalid/groupe-3b", "https://exemple.invalid/intime", "@omar.t.07"
DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
FACTS = "Le 12 novembre, un groupe a relayé des moqueries. Omar Tazi y a écrit deux messages ; Salma Idrissi les a lus."
SUMMARY = "Yasmine Benali reçoit des messages humiliants depuis octobre. Salma Idrissi en a parlé à un adulte."
PEOPLE = [
    {"slot": "targeted_pupil", "name": PUPIL, "grade": "2 AC", "massar": "G123456789"},
    {"slot": "pupil_concerned", "name": OTHER, "grade": "2 AC"},
    {"slot": "witness", "name": WITNESS},
]
GUARDIANS = [
    {"slot": "guardian", "name": MOTHER},
    {"slot": "guardian", "name": FATHER},
    {"slot": "guardian_concerned", "name": OTHER_MOTHER},
]


def told(school: School, *, danger: bool = False) -> School:
    """The case up to its referrals; with `danger`, one that puts every guardian on hold."""
    school.report(about_whom=PEOPLE, what_happened=f"On m’a dit : « {SAID} »")
    school.act("team_member", "add_person", persons=GUARDIANS)
    school.act(
        "team_member", "report_more", violence_types=["cyberharassment", "impersonation"], platforms=["whatsapp"],
        content_online="yes", out_of_school="yes", first_seen_on="2026-11-02",
    )  # fmt: skip
    if danger:
        school.act("team_member", "raise_danger", which_danger="home_danger")
    evidence(school)
    return school


def evidence(school: School) -> None:
    common: dict[str, Any] = {
        "platform": "whatsapp", "content_type": "group", "captured_by_role": "targeted_pupil", "source": "pupil",
        "still_online": "yes", "content_status": "online",
    }  # fmt: skip
    school.act(
        "team_member", "evidence", common, kind="screenshot", sexual_or_intimate="no", url=ADDRESS, handle=HANDLE,
        sha256=DIGEST, description=f"Capture où on lit {OTHER} : « {SAID} »",
    )  # fmt: skip
    school.act(
        "team_member", "evidence", common, kind="url", sexual_or_intimate="yes", url=INTIMATE_ADDRESS,
        description="Non consulté",
    )  # fmt: skip


def refer(
    school: School, target: str, *, who: str = "head", named: tuple[str, ...] = ("targeted_pupil-1",), **others: Any
) -> None:
    answers = {
        "target": target, "covers": ["need"], "channel": "letter", "sent_by": school.account(who), "urgency": "day",
        "sent_at": school.ctx.now().isoformat(),
        "summary": SUMMARY, "legal_basis": ["cpp_42"], "persons": list(named),
        **others,
    }  # fmt: skip
    school.act(who, "referral", answers)


def issue(school: School, who: str, document: str, about: str = "", language: str = "fr", token: str = "") -> Any:
    return issue_letter(
        school.ctx, school.person(who), school.number, document, about, language, token=token or school.token()
    )


def keys(school: School, *, begins: timedelta = -FOREVER, ends: timedelta = FOREVER) -> None:
    """An authority, and the key of the school's academy."""
    with school.ctx.realm.reading() as session:
        unit = load(school.ctx, session, school.person("head"), school.number).around.unit
    now, folder = school.ctx.now(), school.ctx.settings.data / "signing"
    make_authority(folder, "Root", {academy_of(school.ctx, unit).code: "Academy"}, Validity(now + begins, now + ends))


def text_of(pdf: bytes) -> str:
    return " ".join(pages_text(pdf))


def pages_text(pdf: bytes) -> list[str]:
    return [" ".join(page.extract_text().split()) for page in PdfReader(BytesIO(pdf)).pages]


def pages_of(pdf: bytes) -> int:
    return len(PdfReader(BytesIO(pdf)).pages)
