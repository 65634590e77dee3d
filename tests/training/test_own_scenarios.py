"""A scenario that nobody here has seen: brought by page, checked apart, played; hostile files are refused in words."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from io import BytesIO
from pathlib import Path

import pytest
from click.testing import CliRunner
from werkzeug.test import TestResponse

from school_protocol.case_files.prepare_process import Broken, Stopped
from school_protocol.cases.story_player import TurnableClock, moment
from school_protocol.cli.group import main
from school_protocol.config import Settings
from school_protocol.engine.errors import BadInput, Fault, Unseen
from school_protocol.engine.texts import N_, Listing, Phrase, Translated, again, written
from school_protocol.mail import Post
from school_protocol.ops import worker
from school_protocol.training import room_store, scenario_library, workshop_end
from school_protocol.training import routes as training_routes
from school_protocol.training import service as training_service
from school_protocol.training.repository import UploadState
from school_protocol.training.room_store import scenario_of
from school_protocol.training.scenario_library import check_next, checked
from school_protocol.training.scenario_reader import read_scenario
from school_protocol.web import create_app
from training.live_table import sat_down
from training.room_browsing import Hall, Visitor
from training.rooms_of import NOON, ROOT, person

pytestmark = pytest.mark.files  # scenarios are proven on copies of SQLite files, wherever rooms lie

BLACKMAIL = (ROOT / "scenarios" / "silence.yaml").read_text("utf-8")
SMALL = (Path(__file__).parents[1] / "protocol" / "small.yaml").read_bytes()
PHONE = Path(__file__).with_name("found_phone.yaml").read_text("utf-8")
ASIDE = re.compile("[\u2066-\u2069]")


def own(version: int = 1, name: str = "our-own") -> str:
    """A scenario on the Moroccan protocol that is not shipped."""
    text = re.sub(r"(?m)^scenario: .*$", f"scenario: {name}", BLACKMAIL)
    return re.sub(r"(?m)^version: .*$", f"version: {version}", text)


def edited(old: str, new: str) -> bytes:
    """That scenario with one thing changed."""
    text = own()
    assert text.count(old) == 1, old
    return text.replace(old, new).encode()


def bring(hall: Hall, trainer: Visitor, content: bytes, name: str = "ours.yaml") -> TestResponse:
    hall.clock.turn_to(hall.host.now() + timedelta(minutes=1))
    trainer.get("/workshops/scenarios")
    return trainer.post(
        "/workshops/scenarios", {"file": (BytesIO(content), name)}, content_type="multipart/form-data"
    )  # fmt: skip


def brought(hall: Hall, trainer: Visitor, content: bytes, name: str = "ours.yaml") -> str:
    """The address of its page, once it has been checked."""
    answer = bring(hall, trainer, content, name)
    assert answer.status_code == 303, unescape(trainer.page)
    assert check_next(hall.host, checked)
    return str(answer.headers["Location"])


def states(hall: Hall) -> list[str]:
    return [one.state for one in scenario_library.see_own(hall.host, person(hall.host))]


def faults_of(hall: Hall, trainer: Visitor, content: bytes) -> list[tuple[str, str]]:
    """Line and sentence of each fault on the page."""
    page = unescape(trainer.get(brought(hall, trainer, content)).get_data(as_text=True))
    assert 'class="errors"' in page
    listed = page.split("faults", 1)[1]
    found = re.findall(r"<li[^>]*><b>(\d+)[^<]*</b> (.*?)(?:<br>|</li>)", listed, re.DOTALL)
    return [(line, ASIDE.sub("", said).strip()) for line, said in found]


# ---- the way through -------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_scenario_that_nobody_has_seen_is_checked_and_played(hall: Hall) -> None:
    trainer = hall.signed_in()
    answer = bring(hall, trainer, own().encode())
    page = answer.headers["Location"]
    waiting = trainer.get(page)
    assert waiting.headers["Refresh"] == "3"
    assert "script" not in waiting.get_data(as_text=True).split("<main")[1]
    assert check_next(hall.host, checked)
    assert not check_next(hall.host, checked), "each is checked once"
    ready = trainer.get(page)
    assert "Refresh" not in ready.headers
    assert states(hall) == ["ready"]
    offered = trainer.get("/workshops/new").get_data(as_text=True)
    value = f"own.{page.rpartition('/')[2]}"
    assert f'value="{value}"' in offered
    made = trainer.post("/workshops/new", {"scenario": value, "tables": "2", "hints": "1"})
    hall.id = made.headers["Location"].rpartition("/")[2]
    assert hall.room.scenario.scenario == "our-own"
    training_service.to_next(hall.room)
    workshop_end.end_workshop(hall.host, hall.room)
    assert trainer.get(f"/workshops/{hall.id}/debrief").status_code == 200
    assert trainer.get(f"/workshops/{hall.id}/attest").status_code == 200
    assert "our-own" not in trainer.get("/workshops").get_data(as_text=True), "its title is shown, not its key"


@pytest.mark.exhaustive
def test_one_on_a_protocol_that_is_published_here_and_not_shipped(hall: Hall) -> None:
    """Its protocol is at hand by publication alone; before that it is refused in words."""
    from school_protocol.protocol import repository as protocol_repository
    from school_protocol.protocol.reader import read

    trainer = hall.signed_in()
    assert any("lost-things" in said for _line, said in faults_of(hall, trainer, PHONE.encode()))
    protocol = read(SMALL, "small.yaml")
    with hall.host.directory.writing() as session:
        protocol_repository.publish(
            session, protocol=protocol.protocol, version=protocol.version, digest=protocol.digest, content=SMALL,
            published_at=hall.host.now(),
        )  # fmt: skip
    brought(hall, trainer, PHONE.encode())
    assert states(hall)[0] == "ready"


@pytest.mark.exhaustive
def test_the_way_back_from_faults_keeps_the_file(hall: Hall) -> None:
    trainer = hall.signed_in()
    wrong = edited("\nlevel: ", "\nlevels: ")
    page = brought(hall, trainer, wrong)
    shown = trainer.get(page).get_data(as_text=True)
    assert 'type="file"' in shown
    sent = trainer.get(f"{page}/file")
    assert sent.data == wrong
    assert "attachment" in sent.headers["Content-Disposition"]
    brought(hall, trainer, own().encode())
    assert states(hall) == ["ready", "refused"]


# ---- versions --------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_the_same_name_again_is_a_new_version_and_rooms_stay_as_they_are(hall: Hall) -> None:
    trainer = hall.signed_in()
    first = brought(hall, trainer, own().encode())
    trainer.get("/workshops/new")
    made = trainer.post("/workshops/new", {"scenario": f"own.{first.rpartition('/')[2]}", "tables": "1"})
    workshop = made.headers["Location"].rpartition("/")[2]
    before = scenario_of(hall.host, workshop)
    second = brought(hall, trainer, own(2).encode())
    assert states(hall) == ["ready", "replaced"]
    assert scenario_of(hall.host, workshop) == before == own().encode()
    assert hall.rooms.room(workshop).scenario.version == 1
    offered = trainer.get("/workshops/new").get_data(as_text=True)
    assert second.rpartition("/")[2] in offered
    assert first.rpartition("/")[2] not in offered
    gone = trainer.post("/workshops/new", {"scenario": f"own.{first.rpartition('/')[2]}", "tables": "1"})
    assert gone.status_code == 422


@pytest.mark.exhaustive
def test_other_contents_under_a_version_that_was_there_are_refused_at_its_line(hall: Hall) -> None:
    trainer = hall.signed_in()
    brought(hall, trainer, own(2).encode())
    text = own(2) + "# changed\n"
    line = str(text[: text.index("version: 2")].count("\n") + 1)
    said = "version : la version 2 a déjà été déposée avec un autre contenu : écrivez 3 ici"
    assert faults_of(hall, trainer, text.encode()) == [(line, said.replace(" :", "\u00a0:"))]
    assert [number for number, _said in faults_of(hall, trainer, own(1).encode())] == [line]
    brought(hall, trainer, own(3).encode())
    assert states(hall)[0] == "ready"


@pytest.mark.exhaustive
def test_the_same_bytes_are_the_same_file_and_come_back_after_they_were_withdrawn(hall: Hall) -> None:
    trainer = hall.signed_in()
    page = brought(hall, trainer, own().encode())
    assert bring(hall, trainer, own().encode()).headers["Location"] == page
    trainer.get(page)
    assert trainer.post(f"{page}/withdraw").status_code == 302
    assert states(hall) == ["withdrawn"]
    assert page.rpartition("/")[2] not in trainer.get("/workshops/new").get_data(as_text=True)
    again_there = brought(hall, trainer, own().encode())
    assert again_there != page
    assert states(hall) == ["ready", "withdrawn"]


@pytest.mark.exhaustive
def test_a_name_of_what_is_shipped_is_refused_at_its_line(hall: Hall) -> None:
    [(line, said)] = faults_of(hall, hall.signed_in(), own(9, "silence").encode())
    assert "silence" in said
    assert int(line) == own()[: own().index("scenario: our-own")].count("\n") + 1


# ---- whose it is -----------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_nobody_else_sees_or_uses_it(hall: Hall) -> None:
    page = brought(hall, hall.signed_in(), own().encode())
    other = hall.signed_in("formatrice")
    kit = f"/workshops/kits/own.{page.rpartition('/')[2]}"
    assert hall.signed_in().get(kit).status_code == 200, "the control"
    for path in (page, f"{page}/file", kit, f"{kit}/file"):
        assert other.get(path).status_code == 404
    other.get("/workshops/new")
    assert page.rpartition("/")[2] not in other.page
    assert other.post(f"{page}/withdraw").status_code == 404
    made = other.post("/workshops/new", {"scenario": f"own.{page.rpartition('/')[2]}", "tables": "1"})
    assert made.status_code == 422
    assert states(hall) == ["ready"]
    assert hall.signed_in("academie").get("/workshops/scenarios").status_code == 404


# ---- hostile files ---------------------------------------------------------------------------------------------------

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE: dict[str, bytes] = {
    "aliases": BOMB.encode(),
    "tags": b"format: !!python/object/apply:os.system ['true']\n",
    "script": edited('story:\n  fr: "', 'story:\n  fr: "<script>alert(1)</script> '),
    "latin": own().encode("cp1252", "replace"),
    "utf-16": own().encode("utf-16"),
    "nul": own().encode() + b"\0",
    "binary": bytes(range(256)) * 20,
    "list": b"- one\n- two\n",
    "spaces": b"   \n\n",
    "deep": b"[" * 5000,
    "other version": edited("versions: ", "versions: [99] # "),
}


@pytest.mark.exhaustive(
    but=(
        "aliases",
        "script",
        "utf-16",
        "nul",
        "latin",
    )
)
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_refused_in_words(hall: Hall, kind: str) -> None:
    trainer = hall.signed_in()
    faults = faults_of(hall, trainer, HOSTILE[kind])
    assert faults
    assert all(said and int(line) > 0 for line, said in faults)
    assert states(hall) == ["refused"]
    assert "<script>alert" not in trainer.page.replace("&lt;", "")


@pytest.mark.parametrize("size", [257 * 1024, 10 * 1024 * 1024])
def test_what_is_too_large_or_empty_is_said_at_once_and_not_kept(hall: Hall, size: int) -> None:
    trainer = hall.signed_in()
    answer = bring(hall, trainer, b"#" * size)
    assert answer.status_code == 422
    assert "256" in answer.get_data(as_text=True).split('class="errors"')[1].split("</div>")[0]
    assert bring(hall, trainer, b"").status_code == 422
    trainer.get("/workshops/scenarios")
    assert trainer.post("/workshops/scenarios").status_code == 422
    assert states(hall) == []
    assert bring(hall, trainer, own().encode()).status_code == 303, "the control"


def test_a_file_name_that_is_a_path_or_a_script(hall: Hall) -> None:
    trainer = hall.signed_in()
    page = brought(hall, trainer, b"x", "../../etc/<b>passwd.yaml")
    shown = trainer.get(page).get_data(as_text=True)
    assert "<b>passwd" not in shown
    assert "&lt;b&gt;passwd.yaml" in shown
    assert "etc" not in shown.split("<main")[1].split("&lt;b&gt;")[0][-80:]


def test_not_more_than_a_few_wait_at_once(hall: Hall) -> None:
    trainer = person(hall.host)
    for number in range(scenario_library.WAITING_MOST):
        scenario_library.bring(hall.host, trainer, b"#%d" % number, "f.yaml")
    with pytest.raises(BadInput):
        scenario_library.bring(hall.host, trainer, b"#more", "f.yaml")
    scenario_library.bring(hall.host, person(hall.host, "formatrice"), b"#more", "f.yaml")
    while check_next(hall.host, checked):
        pass
    scenario_library.bring(hall.host, trainer, b"#more", "f.yaml")


def test_refused_files_do_not_pile_up(hall: Hall) -> None:
    trainer = person(hall.host)
    for number in range(scenario_library.REFUSED_MOST + 4):
        scenario_library.bring(hall.host, trainer, b"#%d" % number, "f.yaml")
        check_next(hall.host, checked)
    assert len(scenario_library.see_own(hall.host, trainer)) == scenario_library.REFUSED_MOST + 1


def test_checking_that_breaks_off_is_said_and_one_that_is_left_is_taken_up_again(hall: Hall) -> None:
    trainer = person(hall.host)
    upload = scenario_library.bring(hall.host, trainer, own().encode(), "f.yaml")

    def gone(_ctx: object, _content: bytes, _name: str) -> tuple[Fault, ...]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_next(hall.host, gone)
    assert not check_next(hall.host, checked), "somebody may still be at it"
    hall.clock.turn_to(hall.host.now() + scenario_library.LEASE * 2)

    def breaking(error: Exception) -> Callable[..., tuple[Fault, ...]]:
        def check(*_told: object) -> tuple[Fault, ...]:
            raise error

        return check

    assert check_next(hall.host, breaking(Stopped("too long")))
    waiting = scenario_library.see_upload(hall.host, trainer, upload, "fr").upload.state
    assert waiting == UploadState.waiting, "a busy machine is no verdict"
    hall.clock.turn_to(hall.host.now() + scenario_library.LEASE * 2)
    assert check_next(hall.host, breaking(Broken("MemoryError")))
    view = scenario_library.see_upload(hall.host, trainer, upload, "fr")
    assert [one.is_english for one in view.faults] == [False]
    assert view.upload.state == UploadState.refused


@pytest.mark.exhaustive
def test_checked_in_a_process_apart_it_says_the_same(hall: Hall) -> None:
    check = scenario_library.checked_apart(hall.host.settings)
    for content in (own().encode(), HOSTILE["script"]):
        assert check(hall.host, content, "f.yaml") == checked(hall.host, content, "f.yaml")


def test_another_id_than_ones_own_is_absent(hall: Hall) -> None:
    for upload in ("", "none", "x" * 4000, "a\0b"):
        with pytest.raises(Unseen):
            scenario_library.see_upload(hall.host, person(hall.host), upload, "fr")


@pytest.mark.exhaustive
def test_a_laptop_checks_what_its_trainer_brings_in_a_thread_of_its_own(tmp_path: Path) -> None:
    ctx = room_store.open_laptop(Settings(data=tmp_path), TurnableClock(NOON))
    ring = worker.checking(ctx)
    app = create_app(ctx, testing=True, ring=ring)
    trainer = Visitor(app.test_client())
    assert trainer.get(f"/trainer/{room_store.key_of(ctx)}").status_code == 302
    trainer.get("/workshops/scenarios")
    answer = trainer.post(
        "/workshops/scenarios", {"file": (BytesIO(own().encode()), "ours.yaml")}, content_type="multipart/form-data"
    )  # fmt: skip
    assert answer.status_code == 303
    until = time.monotonic() + 120
    while scenario_library.see_own(ctx, None)[0].state == UploadState.waiting and time.monotonic() < until:
        time.sleep(0.2)
    (line,) = scenario_library.see_own(ctx, None)
    assert (line.state, scenario_library.name_of(ctx, None)) == (UploadState.ready, "")
    trainer.get("/workshops/new")
    made = trainer.post("/workshops/new", {"scenario": f"own.{line.id}", "tables": "1"})
    assert made.status_code == 302
    app.extensions[training_routes.ROOMS].close()
    ctx.close()


def test_the_worker_checks_when_it_is_rung(hall: Hall) -> None:
    scenario_library.bring(hall.host, person(hall.host), b"- no scenario", "f.yaml")
    queue = worker.queue_of(hall.host, Post())
    queue.ring()
    while (task := queue.dequeue()) is not None:
        if task.name == "scenarios":
            queue.execute(task)
    assert states(hall) == ["refused"]


# ---- words that are kept ---------------------------------------------------------------------------------------------


def test_words_that_are_kept_are_said_as_before() -> None:
    inner = Phrase(N_("%(place)s: %(fault)s"), place="a.b", fault=Translated({"en": "late", "fr": "tard"}))
    said = Phrase(N_("declared but never read %(x)s %(n)s"), x=Listing((inner, "y"), "or"), n=3)
    kept = again(written(said))
    assert isinstance(kept, Phrase)
    assert (kept, kept.text, kept.args) == (said, said.text, said.args)
    assert type(kept.args["x"]) is Listing
    short = Phrase("long %(words)s", words="x" * 50).shortened(20)
    assert again(written(short)) == short
    assert again(written("plain")) == "plain"


# ---- quite unlike those that are shipped -----------------------------------------------------------------------------


def test_one_that_ends_where_no_shipped_one_does_goes_all_the_way(hall: Hall, tmp_path: Path) -> None:
    """From its file to its debrief without a line of code: checked, played by script, brought, played at a table."""
    file = Path(__file__).parent / "data" / "parody.yaml"
    shipped = [read_scenario(path.read_bytes(), path.name) for path in sorted((ROOT / "scenarios").glob("*.yaml"))]
    told = read_scenario(file.read_bytes(), file.name)
    assert told.path.ends not in {one.path.ends for one in shipped}
    assert told.scenario not in {one.scenario for one in shipped}

    def run(*line: str) -> str:
        result = CliRunner().invoke(main, list(line))
        assert result.exit_code == 0, result.output
        return str(result.output)

    assert "no fault found" in run("scenario", "check", str(file))
    steps = [{"at": "2027-02-04T10:20", "as": "referent_er", "do": "dismiss", "reason": "Personne n’est visé."}]
    steps += [one.model_dump(by_alias=True, exclude_defaults=True, exclude={"mark"}) for one in told.path.steps]
    script = tmp_path / "steps.json"
    script.write_text(json.dumps({"steps": steps}), "utf-8")
    played = run("scenario", "play", str(file), "--script", str(script), "--json", "--language", "en")
    by_script = json.loads(played[played.index("{") :])["debrief"]

    trainer = hall.signed_in()
    page = brought(hall, trainer, file.read_bytes(), file.name)
    trainer.get("/workshops/new")
    sent = {"scenario": f"own.{page.rpartition('/')[2]}", "tables": "2", "hints": "1"}
    hall.id = trainer.post("/workshops/new", sent).headers["Location"].rpartition("/")[2]
    table = sat_down(hall.room)
    training_service.turn_to(hall.room, moment("2027-02-04T10:20", "at"))
    phone = hall.seated("Rouge", "team_coordinator")
    [number] = hall.cases()
    phone.get(f"/cases/{number}")
    phone.get(f"/cases/{number}/moves/dismiss")
    refused = phone.post(f"/cases/{number}/moves/dismiss", {"reason": "Personne n’est visé."})
    assert refused.status_code in (409, 422), "by its page, too soon"
    assert "alone" in hall.table(1).traps
    table.play(told.path.steps)
    assert hall.table(1).cases[0]["state"] == told.path.ends
    live = table.debrief()
    assert [(one.kind.value, one.key) for one in live.errors] == [
        (one["kind"], one["key"]) for one in by_script["errors"]
    ]  # fmt: skip
    assert ("trap", "alone") in [(one.kind.value, one.key) for one in live.errors]
    assert [(one.duty, one.verdict.value) for one in live.duties] == [
        (one["duty"], one["verdict"]) for one in by_script["duties"]
    ]  # fmt: skip
    workshop_end.end_workshop(hall.host, hall.room)
    for language, said in (("fr", "Classer seul"), ("ar", "الحفظ بقرار فردي")):
        trainer.get("/workshops")
        trainer.post("/language", {"language": language})
        assert said in trainer.get(f"/workshops/{hall.id}/debrief").get_data(as_text=True)
