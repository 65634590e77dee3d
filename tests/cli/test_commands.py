"""The `school-protocol` command, run as scripts run it: answers on stdout, reasons on stderr, the agreed exit codes."""

from __future__ import annotations

import configparser
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from signing_off import sign_by_hand

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.passwords import hash_password
from school_protocol.auth.sign_in_service import actor_named
from school_protocol.cases.showing import see_record
from school_protocol.cases.story_player import SCHOOL_WEEK, Player, prepared
from school_protocol.cases.view_models import PaperLine
from school_protocol.cli import group
from school_protocol.cli.group import REFUSED, main
from school_protocol.cli.serve_commands import SHOWN
from school_protocol.config import SECRETS, Settings, SettingUnreadable, settings_from, with_files
from school_protocol.context import SystemClock, open_context
from school_protocol.engine.clock import Calendar
from school_protocol.engine.visibility import UnitKind
from school_protocol.mail import Post
from school_protocol.notifications.service import see_waiting, sweep
from school_protocol.pdf.verdicts import CertificateExpired
from school_protocol.people import repository as people_repository
from school_protocol.protocol.reader import read

SMALL = Path(__file__).parents[1] / "protocol" / "small.yaml"
MOROCCAN = Path(__file__).parents[2] / "protocol_definitions" / "ma-cyberharassment" / "1.yaml"
ROLES = {"tous": "anybody", "surv": "warden", "dir": "principal"}

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with the small definition and one account a role, named as the role's code."""
    data = tmp_path_factory.mktemp("installation")
    ctx = open_context(Settings(data=data), SystemClock())
    content = SMALL.read_bytes()
    player: Player = prepared(ctx, SystemClock(), read(content, str(SMALL)), content)  # type: ignore[arg-type]
    with ctx.directory.writing() as session:
        for username, role in ROLES.items():
            account = auth_repository.add_account(
                session, username=username, names={"fr": username}, language="fr", created_at=datetime.now(UTC),
                password_hash=hash_password("secret"), certified=True, trained_until=date(2099, 1, 1),
            )  # fmt: skip
            auth_repository.appoint(session, account, role=role, unit=player.school, starts=date(2000, 1, 1))
    sign_by_hand(ctx, player.school)
    ctx.close()
    return data


@pytest.fixture
def run(installation: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("SCHOOL_PROTOCOL_DATA", str(installation))

    def command(*arguments: str) -> Result:
        return CliRunner().invoke(main, list(arguments))

    return command


@pytest.fixture
def number(run: Run, tmp_path: Path) -> str:
    answers = tmp_path / "slip.yaml"
    answers.write_text("what: Un cartable bleu\nkind: other\n", "utf-8")
    opened = run("case", "open", "--definition", "lost-things", "--answers", str(answers), "--as", "tous")
    assert opened.exit_code == 0, opened.stderr
    return str(json.loads(opened.stdout)["number"])


def test_a_case_is_opened_listed_and_shown_without_anything_personal(run: Run, number: str) -> None:
    listed = run("cases", "list", "--as", "surv", "--json")
    assert number in [case["number"] for case in json.loads(listed.stdout)["cases"]]
    shown = run("case", "show", number, "--as", "surv", "--json")
    assert json.loads(shown.stdout)["state"] == "noted"
    assert "cartable" not in listed.stdout + shown.stdout


def test_available_names_every_act_and_move_with_its_reasons(run: Run, number: str) -> None:
    choices = json.loads(run("case", "available", number, "--as", "surv", "--json").stdout)
    closed = [one for one in choices if not one["open"]]
    assert closed
    assert all(one["reasons"] for one in closed)
    assert {one["kind"] for one in choices} == {"act", "move"}


def test_a_refused_move_exits_with_three_and_says_why(run: Run, number: str) -> None:
    choices = json.loads(run("case", "available", number, "--as", "surv", "--json").stdout)
    move = next(one for one in choices if one["kind"] == "move" and any(r["need"] for r in one["reasons"]))
    refused = run("case", "move", number, move["key"], "--as", "surv")
    assert refused.exit_code == REFUSED
    assert str(next(r["need"] for r in move["reasons"] if r["need"])) in refused.stderr


def test_a_move_is_made_once_its_need_is_met(run: Run, number: str, tmp_path: Path) -> None:
    def state() -> str:
        return str(json.loads(run("case", "show", number, "--as", "surv", "--json").stdout)["state"])

    assert run("case", "move", number, "start_looking", "--as", "surv").exit_code == REFUSED
    ctx = open_context(settings_from(os.environ), SystemClock())
    keeper = actor_named(ctx, "surv")
    ctx.close()
    assert keeper is not None
    answers = tmp_path / "chair.yaml"
    answers.write_text(f"seat: keeper\nwho: {keeper.id}\n", "utf-8")
    given = run("case", "act", number, "give_chair", "--answers", str(answers), "--as", "dir")
    assert given.exit_code == 0, given.stderr
    assert state() == "noted"
    made = run("case", "move", number, "start_looking", "--as", "surv")
    assert made.exit_code == 0, made.stderr
    assert state() == "looking"


def test_answers_that_a_form_refuses_exit_with_three(run: Run, tmp_path: Path) -> None:
    answers = tmp_path / "bad.yaml"
    answers.write_text("kind: no_such_kind\n", "utf-8")
    refused = run("case", "open", "--definition", "lost-things", "--answers", str(answers), "--as", "tous")
    assert refused.exit_code == REFUSED
    assert "what: required" in refused.stderr
    assert "kind: unknown_option" in refused.stderr


def test_a_case_that_one_may_not_see_is_like_one_that_is_not(run: Run, number: str) -> None:
    foreign = run("case", "show", number, "--as", "tous")
    absent = run("case", "show", "1234567890123", "--as", "tous")
    assert (foreign.exit_code, absent.exit_code) == (1, 1)
    assert foreign.stderr.replace(number, "") == absent.stderr.replace("1234567890123", "")


def test_an_unknown_account_is_said(run: Run) -> None:
    assert "no active account" in run("cases", "list", "--as", "nobody").stderr


@pytest.mark.exhaustive
def test_the_case_file_is_written(run: Run, number: str, tmp_path: Path) -> None:
    protocol = read(SMALL.read_bytes(), "small")
    document = next(iter(protocol.documents.values()))
    profile = next(key for key, one in document.profiles.items() if "warden" in one.for_ or "principal" in one.for_)
    username = "surv" if "warden" in document.profiles[profile].for_ else "dir"
    out = tmp_path / "file.pdf"
    issued = run(
        "case-file", "issue", number, "--profile", profile, "--language", "ar", "-o", str(out), "--as", username
    )
    assert issued.exit_code == 0, issued.stderr
    assert out.read_bytes().startswith(b"%PDF")


def test_the_journal_holds_and_the_index_can_be_made_anew(run: Run, number: str) -> None:
    assert run("index", "rebuild").exit_code == 0
    assert number in run("cases", "list", "--as", "surv").stdout
    verified = run("journal", "verify")
    assert (verified.exit_code, verified.stdout) == (0, "")


@pytest.mark.exhaustive
def test_a_definition_is_checked_with_file_and_line(run: Run, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text(SMALL.read_text("utf-8").replace("initial: true", "inital: true"), "utf-8")
    good = run("definitions", "check", "--no-proof", str(SMALL), str(MOROCCAN))
    bad = run("definitions", "check", str(broken))
    assert (good.exit_code, good.stdout) == (0, "")
    assert bad.exit_code == 1
    assert any(line.startswith(f"{broken}:") and "inital" in line for line in bad.stdout.splitlines())


def test_faults_are_said_in_the_language_asked_for(run: Run, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text(SMALL.read_text("utf-8").replace("initial: true", "inital: true"), "utf-8")
    english = f'{broken}:20: unknown key "inital" in states.noted; did you mean "initial"?'
    said = {
        language: run("definitions", "check", str(broken), "--language", language) for language in ("fr", "ar", "en")
    }
    assert run("definitions", "check", str(broken)).stdout.splitlines()[0] == english
    assert said["en"].stdout.splitlines()[0] == english
    assert said["fr"].stdout.splitlines()[0].replace("\u00a0", " ") == (
        f"{broken}:20: clé inconnue « inital » dans `states.noted` ; vouliez-vous dire « initial » ?"
    )
    assert said["ar"].stdout.splitlines()[0] == (
        f"{broken}:20: \u2067مفتاح غير معروف «\u2066inital\u2069» في \u2066states.noted\u2069؛ "
        "هل تقصد «\u2066initial\u2069»؟\u2069"
    )
    assert {answer.exit_code for answer in said.values()} == {1}
    told = json.loads(run("definitions", "check", str(broken), "--json", "--language", "ar").stdout)
    assert told[0]["faults"][0] == {"file": str(broken), "line": 20, "message": english.partition(":20: ")[2]}
    assert told[0].keys() == {"file", "faults"}
    other = run("definitions", "diff", str(SMALL), str(broken), "--language", "fr")
    assert other.stdout.splitlines()[0] == said["fr"].stdout.splitlines()[0]


def test_a_definition_is_proven_and_what_fails_is_a_story(run: Run, tmp_path: Path) -> None:
    kiva = MOROCCAN.parents[1] / "fi-kiva" / "1.yaml"
    faulty, stories = tmp_path / "faulty.yaml", tmp_path / "stories"
    faulty.write_text(
        re.sub(r", distinct: \[\[.*?\]\]", ", distinct: [[mover, referral_answer]]", kiva.read_text("utf-8")), "utf-8"
    )
    sound = run("definitions", "check", str(kiva))
    assert sound.exit_code == 0
    assert re.search(r"(\d+) of \1 proven, \d+ combinations", sound.stdout)
    failed = run("definitions", "check", str(faulty), "--json", "--stories", str(stories))
    assert failed.exit_code == 1
    [one] = json.loads(failed.stdout)
    refused = [result for result in one["results"] if result["verdict"] == "failed"]
    assert {result["property"] for result in refused} == {"four_eyes"}
    assert all(result["lines"] for result in refused)
    assert len(list(stories.glob("*.yaml"))) == sum(result["script"] is not None for result in one["results"])
    late = run("definitions", "check", str(kiva), "--limit", "0", "--json")
    assert late.exit_code == 1
    assert "not_proven" in {result["verdict"] for result in json.loads(late.stdout)[0]["results"]}


def test_a_script_is_rehearsed_and_what_goes_otherwise_is_marked(run: Run, tmp_path: Path) -> None:
    script = tmp_path / "script.yaml"
    script.write_text(
        '- {at: "2026-11-25T10:00", as: tous, do: slip, answers: {what: Une gourde, kind: other}}\n'
        "- {as: surv, do: slip, expect: refused, answers: {what: encore, kind: other}}\n",
        "utf-8",
    )
    played = run("definitions", "rehearse", str(SMALL), "--script", str(script), "--json")
    steps = json.loads(played.stdout)
    assert played.exit_code == 0, played.stdout
    assert steps[0]["events"][0] == "CaseOpened"
    assert steps[1]["refused"]
    script.write_text(script.read_text("utf-8").replace("expect: refused, ", ""), "utf-8")
    assert run("definitions", "rehearse", str(SMALL), "--script", str(script)).exit_code == 1


@pytest.mark.exhaustive
def test_a_contradiction_is_said_in_the_definitions_own_words(run: Run, tmp_path: Path) -> None:
    script = tmp_path / "script.yaml"
    script.write_text(
        '- {at: "2026-11-25T10:00", as: membre_er, do: F1, answers: {what_happened: x, danger_now: no,'
        " adult_concerned: no, how_it_came: seen}}\n"
        "- {as: membre_er, do: F2, expect: refused, answers: {dangers: [T04], safe_now: yes, who_stays: not_needed}}\n",
        "utf-8",
    )
    played = run("definitions", "rehearse", str(MOROCCAN), "--script", str(script))
    assert played.exit_code == 0, played.stdout
    assert "who_stays: A danger is ticked: say who stays with the pupil." in played.stdout


def test_a_word_that_scripts_do_not_have_is_named(run: Run, tmp_path: Path) -> None:
    script = tmp_path / "script.yaml"
    script.write_text("- {as: tous, dos: slip}\n", "utf-8")
    assert "dos" in run("definitions", "rehearse", str(SMALL), "--script", str(script)).stderr


@pytest.mark.exhaustive
def test_the_doctor_says_what_there_is(run: Run) -> None:
    found = run("doctor")
    assert "lost-things 1" in found.stdout
    assert "calendar" not in found.stderr


@pytest.mark.exhaustive
def test_the_doctor_names_a_school_in_which_nothing_can_be_reported(run: Run, installation: Path) -> None:
    ctx = open_context(Settings(data=installation), SystemClock())
    with ctx.directory.writing() as session:
        lonely = auth_repository.add_unit(session, kind=UnitKind.school, code="09999Z", names={"fr": "Sans calendrier"})
    assert "no calendar: school 09999Z" in run("doctor").stderr
    with ctx.directory.writing() as session:
        people_repository.set_calendar(session, lonely, Calendar(opening=SCHOOL_WEEK))
    assert "calendar" not in run("doctor").stderr


def test_an_address_is_kept_shown_and_taken_away(run: Run) -> None:
    kept = run("users", "address", "SURV", "--email", "surv@college.example", "--phone", "06 00 00 00 01")
    assert json.loads(kept.stdout) == {"username": "surv", "email": "surv@college.example", "phone": "0600000001"}
    assert json.loads(run("users", "address", "surv", "--email", "").stdout)["email"] is None
    assert json.loads(run("users", "address", "surv").stdout)["phone"] == "0600000001"


def test_what_is_no_address_is_refused_and_nobody_is_not_found(run: Run) -> None:
    refused = run("users", "address", "surv", "--email", "surv at college", "--phone", "12")
    assert refused.exit_code == REFUSED
    assert "email: not_an_address" in refused.stderr
    assert "phone: not_a_number" in refused.stderr
    assert run("users", "address", "personne", "--email", "a@college.example").exit_code == 1


@pytest.mark.exhaustive
def test_the_doctor_says_what_waits_and_what_the_post_lacks(
    run: Run, number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking = run("doctor").stderr
    assert "mail: no way out: set SCHOOL_PROTOCOL_SMTP; 0 waiting" in lacking
    assert "SCHOOL_PROTOCOL_ADDRESS" in lacking
    assert "4 active accounts have no mail address" in lacking
    for username in ROLES:
        assert run("users", "address", username, "--email", f"{username}@college.example").exit_code == 0
    ctx = open_context(settings_from(os.environ), SystemClock())
    sweep(ctx, Post())
    waiting = see_waiting(ctx).mail
    assert waiting > 0
    assert f"{waiting} waiting" in run("doctor").stderr
    monkeypatch.setenv("SCHOOL_PROTOCOL_SMTP", "smtp://u:s3cret@mail.invalid")
    assert "SCHOOL_PROTOCOL_MAIL_FROM" in run("doctor").stderr
    monkeypatch.setenv("SCHOOL_PROTOCOL_MAIL_FROM", "protocole@college.example")
    monkeypatch.setenv("SCHOOL_PROTOCOL_ADDRESS", "https://desk.example")
    monkeypatch.setenv("SCHOOL_PROTOCOL_SMS_HOOK", "https://sms.invalid/s3cret")
    found = run("doctor")
    assert f"mail: goes out; {waiting} waiting" in found.stdout
    lacking = ("mail", "short messages", "messages", "post")
    told = [line.removeprefix(SHOWN["note"]).removeprefix(SHOWN["wrong"]) for line in found.stderr.splitlines()]
    assert not [line for line in told if line.startswith(lacking)]
    assert [line for line in told if line.startswith("anchors")], "the control: other lines are read so, too"
    assert "s3cret" not in found.stdout


def test_an_entry_is_taken_back_once(run: Run, number: str, tmp_path: Path) -> None:
    answers = tmp_path / "jot.yaml"
    answers.write_text("words: Dans le mauvais dossier\n", "utf-8")
    written = json.loads(run("case", "act", number, "jot", "--answers", str(answers), "--as", "surv").stdout)["event"]
    others = run("case", "undo", number, str(written), "--as", "dir")
    assert (others.exit_code, others.stderr) == (REFUSED, "refused: undo_not_yours\n")
    assert json.loads(run("case", "undo", number, str(written), "--as", "surv").stdout) == {"event": written + 1}
    again = run("case", "undo", number, str(written), "--as", "surv")
    assert (again.exit_code, again.stderr) == (REFUSED, "refused: undone_already\n")
    assert run("journal", "verify").exit_code == 0
    assert run("index", "rebuild").exit_code == 0


@pytest.mark.exhaustive
def test_what_was_written_on_paper_is_typed_in(run: Run, number: str, tmp_path: Path) -> None:
    answers, now = tmp_path / "jot.yaml", datetime.now(UTC)
    answers.write_text("words: Lu sur la fiche\n", "utf-8")
    typed = ("case", "act", number, "jot", "--answers", str(answers), "--as", "dir")
    written = run(*typed, "--written-at", now.isoformat(), "--written-by", "surv")
    assert written.exit_code == 0, written.stderr
    seq = json.loads(written.stdout)["event"]
    ctx = open_context(settings_from(os.environ), SystemClock())
    typist = actor_named(ctx, "dir")
    assert typist is not None
    _head, record = see_record(ctx, typist, number, seq)
    assert record.paper == PaperLine("surv", "warden", now)
    assert (record.actor, record.occurred_at) == ("dir", now)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--written-at", "2099-01-01T10:00"], "refused: paper.at: in_the_future"),
        (["--written-at", "2020-01-01T10:00"], "refused: paper.at: paper_too_old:92"),
        (["--written-at", "noon"], "refused: paper.at: not_a_moment"),
        (["--written-by", "surv"], "refused: paper.at: required"),
    ],
)
def test_a_paper_that_cannot_be_is_refused(
    run: Run, number: str, tmp_path: Path, options: list[str], said: str
) -> None:
    answers = tmp_path / "jot.yaml"
    answers.write_text("words: Lu sur la fiche\n", "utf-8")
    tried = run("case", "act", number, "jot", "--answers", str(answers), "--as", "dir", *options)
    assert (tried.exit_code, tried.stderr) == (REFUSED, f"{said}\n")


@pytest.mark.exhaustive
def test_paper_by_nobody_or_by_who_may_not_is_refused(run: Run, number: str, tmp_path: Path) -> None:
    answers, now = tmp_path / "jot.yaml", datetime.now(UTC).isoformat()
    answers.write_text("words: Lu sur la fiche\n", "utf-8")
    typed = ("case", "act", number, "jot", "--answers", str(answers), "--as", "dir", "--written-at", now)
    assert "no active account is called 'personne'" in run(*typed, "--written-by", "personne").stderr
    others = run(*typed, "--written-by", "tous")
    assert (others.exit_code, others.stderr) == (
        REFUSED, "refused: paper.by: writer_without_role:mediator:warden:principal\n",
    )  # fmt: skip


def test_a_case_is_opened_from_paper(run: Run, tmp_path: Path) -> None:
    answers = tmp_path / "slip.yaml"
    answers.write_text("what: Un cartable bleu\nkind: other\n", "utf-8")
    week = (datetime.now(UTC) - timedelta(days=7)).isoformat()
    opened = run(
        "case", "open", "--definition", "lost-things", "--answers", str(answers), "--as", "surv", "--written-at", week,
        "--written-by", "tous",
    )  # fmt: skip
    assert opened.exit_code == 0, opened.stderr


@pytest.mark.parametrize("said", ["soon", "-1", "1e3", "9999999", "٢٠"])
def test_a_setting_that_says_nothing_is_named(said: str) -> None:
    with pytest.raises(SettingUnreadable, match="SCHOOL_PROTOCOL_QUIET_SECONDS"):
        settings_from({"SCHOOL_PROTOCOL_QUIET_SECONDS": said})
    assert settings_from({"SCHOOL_PROTOCOL_QUIET_SECONDS": " "}).quiet == timedelta(seconds=20)


@pytest.mark.exhaustive
def test_another_country_is_a_zone_and_a_country(tmp_path: Path) -> None:
    asked = (
        "from datetime import UTC, date, datetime; from school_protocol.language import Wording; "
        "from school_protocol.people.contacts import is_public_holiday, named; "
        "from school_protocol.people import school_time; calendar = school_time.usual(); "
        "print(Wording('fr').moment(datetime(2026, 7, 1, 23, 30, tzinfo=UTC)), calendar.timezone, "
        "is_public_holiday(date(2026, 3, 20), None), date(2026, 7, 30) in calendar.closed, len(named(2026, 'ar')) > 5)"
    )
    place = {"SCHOOL_PROTOCOL_TIMEZONE": "Asia/Riyadh", "SCHOOL_PROTOCOL_COUNTRY": "TN"}
    for environ, said in (
        ({}, "2 juil. 2026, 00:30 Africa/Casablanca True True True"),
        (place, "2 juil. 2026, 02:30 Asia/Riyadh True False True"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", asked], env={**os.environ, **environ}, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == said


@pytest.mark.parametrize(("name", "said"), [("TIMEZONE", "Africa/Nowhere"), ("TIMEZONE", "../x"), ("COUNTRY", "ma")])
def test_a_zone_or_country_that_is_none_is_named(name: str, said: str) -> None:
    with pytest.raises(SettingUnreadable, match=f"SCHOOL_PROTOCOL_{name} is "):
        settings_from({f"SCHOOL_PROTOCOL_{name}": said})


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("SESSION_IDLE_MINUTES", 5, 60), ("SESSION_HOURS", 1, 24), ("CONTACT_DAYS", 1, 3650),
        ("WEB_PROCESSES", 1, 1000), ("EVIDENCE_MEGABYTES", 1, 25),
    ],
)  # fmt: skip
def test_a_number_has_its_bounds(name: str, least: int, most: int) -> None:
    for said in (least, most):
        settings_from({f"SCHOOL_PROTOCOL_{name}": str(said)})
    for said in (least - 1, most + 1):
        with pytest.raises(SettingUnreadable, match=f"SCHOOL_PROTOCOL_{name} .* {least} to {most}"):
            settings_from({f"SCHOOL_PROTOCOL_{name}": str(said)})


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_may_stand_in_a_file(name: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("postgresql://site:s3cret@db/school\n")
    plain, file = "postgresql://site:s3cret@db/school", str(tmp_path / "secret")
    assert with_files({f"{name}_FILE": file, "OTHER": "kept"})[name] == plain
    provider = {"SCHOOL_PROTOCOL_OPENID_ISSUER": "https://id.example", "SCHOOL_PROTOCOL_OPENID_CLIENT": "desk"}
    provider["SCHOOL_PROTOCOL_OPENID_CLAIM"] = "preferred_username"
    assert settings_from({f"{name}_FILE": file, **provider}) == settings_from({name: plain, **provider})
    if name != "SCHOOL_PROTOCOL_DATABASE_OWNER_URL":  # which is no setting of the site
        assert settings_from({name: plain, **provider}) != settings_from(provider)
    with pytest.raises(SettingUnreadable, match="both"):
        settings_from({f"{name}_FILE": file, name: "other"})
    with pytest.raises(SettingUnreadable, match=f"{name}_FILE: .*absent can't be read") as said:
        settings_from({f"{name}_FILE": str(tmp_path / "absent")})
    assert "s3cret" not in str(said.value)


def test_the_version_is_that_of_setup_cfg() -> None:
    read = configparser.ConfigParser(interpolation=None)
    read.read(Path(__file__).parents[2] / "setup.cfg")
    done = CliRunner().invoke(main, ["--version"])
    assert (done.exit_code, done.output) == (0, f"school-protocol {read['metadata']['version']}\n")


def test_a_document_that_can_not_be_signed_says_why() -> None:
    said = group._in_words(CertificateExpired("2025-11-01"))
    assert said == (
        "The academy’s certificate has expired, so nothing can be signed: ask the authority for a new one. (2025-11-01)"
    )
