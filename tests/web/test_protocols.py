"""The protocol administrator's desk: a file is brought, looked at and published by two people; bad files do no harm."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import BytesIO

import pytest
from engine.telling import MOROCCAN, ROOT, SMALL
from flask import Flask
from flask.testing import FlaskClient
from services.administering import Desk, desk_of, failing
from werkzeug.test import TestResponse

from school_protocol.auth import repository as auth_repository
from school_protocol.auth import sign_in_repository
from school_protocol.engine.errors import Fault
from school_protocol.protocol.reader import read
from school_protocol.publishing import repository as publishing_repository
from school_protocol.publishing import service as publishing_service
from school_protocol.web import create_app

FIRST = SMALL.read_bytes().replace(b"  principal: {", b"  principal: {publishes: true, ", 1)
TEXT = FIRST.decode().replace("version: 1\n", "version: 2\n")
SECOND = TEXT.encode()


@pytest.fixture
def desk() -> Iterator[Desk]:
    with desk_of(FIRST) as made:
        yield made


@pytest.fixture
def rung() -> list[str]:
    return []


@pytest.fixture
def app(desk: Desk, rung: list[str]) -> Flask:
    return create_app(desk.ctx, testing=True, ring=lambda: rung.append("rung"))


class Person:
    """Somebody at a browser; forms are sent as their page shows them."""

    def __init__(self, app: Flask, desk: Desk, account: str, language: str = "en") -> None:
        self.client: FlaskClient = app.test_client()
        with desk.ctx.directory.writing() as session:
            auth_repository.set_language(session, account, language)
            token = sign_in_repository.open_web_session(session, account, now=desk.ctx.now(), user_agent="test")
        self.client.set_cookie("session", token)

    def get(self, address: str) -> TestResponse:
        return self.client.get(address)

    def read(self, address: str) -> str:
        answer = self.get(address)
        assert answer.status_code == 200, (address, answer.status_code)
        return plain(answer)

    def post(self, address: str, page: str = "", **data: object) -> TestResponse:
        return self.client.post(address, data={**self.hidden(page or address), **data})

    def hidden(self, address: str) -> dict[str, str]:
        source = self.get(address).get_data(as_text=True)
        token = re.search(r'name="csrf_token" value="([^"]+)"', source)
        shown = re.search(r'name="shown_to" value="([^"]+)"', source)
        assert token is not None
        return {"csrf_token": token[1], **({"shown_to": shown[1]} if shown else {})}

    def upload(self, content: bytes, name: str = "next.yaml") -> TestResponse:
        return self.post("/protocols/upload", file=(BytesIO(content), name))

    def uploaded(self, content: bytes) -> str:
        answer = self.upload(content)
        assert answer.status_code == 303, plain(answer)
        return str(answer.headers["Location"])


def plain(answer: TestResponse) -> str:
    text = re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True))
    for code, character in (("&#34;", '"'), ("&#39;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(code, character)
    return re.sub(r"\s+", " ", text)


Sign = Callable[..., Person]


@pytest.fixture
def sign_in(app: Flask, desk: Desk) -> Sign:
    return lambda name="first", language="en": Person(app, desk, desk.administrator(name).id, language)


# ---- the way of a version ------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_version_goes_from_a_file_to_the_cases(desk: Desk, sign_in: Sign, rung: list[str]) -> None:
    first, second = sign_in(), sign_in("second")
    draft = first.uploaded(SECOND)
    assert rung == ["rung"]
    assert "It is being worked out" in first.read(draft)
    desk.work_out()
    page = first.read(draft)
    assert "One property is proven" in page
    assert "Propose it to a second person" in page
    assert first.post(f"{draft}/propose", draft).status_code == 303
    page = first.read(draft)
    assert "You uploaded it yourself: another administrator has to agree." in page
    assert "Agree, and publish" not in page
    assert "Agree, and publish" in second.read(draft)
    digest = read(SECOND, "x").digest
    answer = second.post(f"{draft}/agree", draft, digest=digest)
    assert answer.status_code == 303
    page = second.read("/protocols")
    assert "brought by administrator first , agreed to by administrator second" in page
    assert desk.published() == [(1, False), (2, True)]
    assert first.get("/protocols/lost-things/1/2/difference").status_code == 200
    assert "/protocols/lost-things/1/2/difference" in first.get("/protocols").get_data(as_text=True)


def test_the_very_bytes_come_out(desk: Desk, sign_in: Sign) -> None:
    first = sign_in()
    draft = first.uploaded(SECOND)
    for address, content in ((f"{draft}/file", SECOND), ("/protocols/lost-things/1/file", FIRST)):
        answer = first.get(address)
        assert answer.data == content
        assert "attachment" in answer.headers["Content-Disposition"]


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_a_failing_proof_is_a_story_in_words(desk: Desk, sign_in: Sign, language: str) -> None:
    protocol = read(SECOND, "x")
    desk.proof = failing(protocol)
    first = sign_in(language=language)
    draft = first.uploaded(SECOND)
    desk.work_out()
    page = first.read(draft)
    story = desk.proof.faults[0].story
    assert story is not None
    for beat in story.beats:
        title = (protocol.acts | protocol.moves)[beat.do].title if beat.do else None
        assert title is None or title.in_language(language) in page
    assert protocol.needs[story.unmet[0]].sentence.in_language(language) in page
    assert protocol.states[story.state].title.in_language(language) in page
    assert "next.yaml:12" in page
    assert first.post(f"{draft}/propose", draft).status_code == 409
    assert desk.published() == [(1, True)]


def test_what_is_refused_says_why_and_changes_nothing(desk: Desk, sign_in: Sign) -> None:
    first = sign_in()
    draft = first.uploaded(SECOND)
    answer = first.post(f"{draft}/propose", draft)
    assert answer.status_code == 409
    assert "The proof is being worked out." in plain(answer)
    desk.work_out()
    first.post(f"{draft}/propose", draft)
    answer = first.post(f"{draft}/agree", draft, digest=read(SECOND, "x").digest)
    assert answer.status_code == 409
    assert "another administrator has to agree" in plain(answer)
    answer = sign_in("second").post(f"{draft}/agree", draft, digest="0" * 64)
    assert "This is not the file that you were shown" in plain(answer)
    assert desk.published() == [(1, True)]
    assert first.post(f"{draft}/withdraw", draft).status_code == 303
    assert first.post(f"{draft}/withdraw", draft).status_code == 409


# ---- who may -------------------------------------------------------------------------------------------------------


def test_nobody_signed_in_is_asked_who_they_are(app: Flask, desk: Desk) -> None:
    answer = app.test_client().get("/protocols")
    assert answer.status_code == 302
    assert "/sign-in" in answer.headers["Location"]


@pytest.mark.parametrize(
    "address",
    [
        "/protocols/drafts/nothing",
        "/protocols/lost-things/9/file",
        "/protocols/lost-things/99999999999999999999/file",
        "/protocols/x/settings",
    ],
)
def test_what_is_not_there_is_not_found(sign_in: Sign, address: str) -> None:
    assert sign_in().get(address).status_code == 404


# ---- settings ------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive(but=("ar",))
@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_a_setting_is_changed_in_a_form_and_becomes_a_draft(language: str) -> None:
    with desk_of(MOROCCAN.read_bytes()) as desk:
        app = create_app(desk.ctx, testing=True)
        first = Person(app, desk, desk.administrator().id, language)
        page = "/protocols/ma-cyberharassment/settings/follow-up"
        first.read("/protocols/ma-cyberharassment/settings")
        source = first.get(page).get_data(as_text=True)
        values = dict(re.findall(r'name="(a-follow_up[^"]+)" value="([^"]+)"', source))
        assert len(values) == 4
        name = next(iter(values))
        answer = first.post(page, **{**values, name: "10, x"})
        assert answer.status_code == 422
        assert 'value="10, x"' in answer.get_data(as_text=True), "what was typed is still there"
        answer = first.post(page, **{**values, name: "10, 20"})
        assert answer.status_code == 303
        draft = str(answer.headers["Location"]).rpartition("/")[2]
        content = publishing_service.export_draft(desk.ctx, desk.administrator(), draft).data
        protocol = read(content, "x")
        assert protocol.version == 2
        assert protocol.follow_up is not None
        assert protocol.follow_up.levels[1].days == (10, 20)
        assert first.get(f"/protocols/ma-cyberharassment/settings?draft={draft}").status_code == 200


def test_what_the_law_fixes_says_why(desk: Desk) -> None:
    with desk_of(MOROCCAN.read_bytes()) as moroccan:
        app = create_app(moroccan.ctx, testing=True)
        first = Person(app, moroccan, moroccan.administrator().id)
        page = first.read("/protocols/ma-cyberharassment/settings/deadlines")
        for deadline in read(MOROCCAN.read_bytes(), "x").deadlines.values():
            if deadline.lock:
                assert deadline.title.in_language("en") in page
                assert deadline.basis is not None
                assert deadline.basis.in_language("en") in page
        assert "The law fixes it: no version may go beyond." in page


# ---- bad input -----------------------------------------------------------------------------------------------------


def changed(old: str, new: str) -> tuple[str, str]:
    """The file with that changed, and what to look for in it."""
    assert TEXT.count(old) == 1, old
    return TEXT.replace(old, new), new.splitlines()[-1]


LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(24)
)

BAD: dict[str, tuple[str | bytes, str, str]] = {
    "not text": (b"a: b\n\x89PNG\r\n\x1a\n\xff\xd8", "\x89PNG", "the file is not UTF-8 text"),
    "an alias bomb": (LAUGHS, "a: &a", "anchors are not used in definitions"),
    "a move to nowhere": (*changed("to: agreed, by", "to: agred, by"), 'state "agred" is not declared'),
}


@pytest.mark.exhaustive(but=("not text",))
@pytest.mark.parametrize(("data", "where", "said"), BAD.values(), ids=BAD.keys())
def test_a_bad_file_is_told_with_its_line_and_is_nobodys_protocol(
    desk: Desk, sign_in: Sign, data: str | bytes, where: str, said: str
) -> None:
    content = data if isinstance(data, bytes) else data.encode()
    text = content.decode("latin-1" if isinstance(data, bytes) else "utf-8")
    line = text[: text.index(where)].count("\n") + 1
    first = sign_in()
    draft = first.uploaded(content)
    assert any(found == line and said in message for found, message in faults_on(first, draft)), faults_on(first, draft)
    assert desk.work_out() == 0
    assert first.post(f"{draft}/propose", draft).status_code == 409
    assert desk.published() == [(1, True)]
    assert desk.ctx.library.current()[0].digest == read(FIRST, "x").digest


def faults_on(person: Person, draft: str) -> list[tuple[int, str]]:
    source = person.get(draft).get_data(as_text=True)
    found = re.findall(r"<li><b>(\d+):</b> (.*?)(?:<br>|</li>)", source)
    return [(int(line), html.unescape(message)) for line, message in found]


ISOLATED = str.maketrans("⟨⟩", "\u2066\u2069")


def test_a_file_that_is_not_kept_is_told_in_arabic(sign_in: Sign) -> None:
    answer = sign_in("first", "ar").upload(b"#" * (2 * 1024 * 1024 + 1))
    assert answer.status_code == 422
    assert "حجم الملف المعلوماتي يتجاوز الحد الأقصى" in plain(answer)
    assert "larger than" not in plain(answer)


def kept_draft(desk: Desk, content: bytes, fault: Fault) -> str:
    """A draft as it was kept when faults were English alone."""
    account = desk.administrator().id
    with desk.ctx.directory.writing() as session:
        draft = publishing_repository.add(
            session, protocol="", version=0, digest="0" * 64, content=content, file="old.yaml",
            account=account, at=desk.ctx.now(), faults=(fault,), base="",
        )  # fmt: skip
    return f"/protocols/drafts/{draft}"


def test_faults_that_are_kept_in_english_are_found_again(desk: Desk, sign_in: Sign) -> None:
    draft = kept_draft(desk, changed("working: true", "working: perhaps")[0].encode(), Fault(1, "said otherwise then"))
    [(line, said)] = faults_on(sign_in("first", "ar"), draft)
    assert said == "⟨working⟩: «⟨perhaps⟩» ليس ⟨`true`⟩ ولا ⟨`false`⟩".translate(ISOLATED)
    assert TEXT.splitlines()[line - 1] == "working: true"


def test_a_kept_fault_that_is_found_no_more_stays_in_english(desk: Desk, sign_in: Sign) -> None:
    source = sign_in("first", "ar").get(kept_draft(desk, SECOND, Fault(3, "no such thing"))).get_data(as_text=True)
    assert '<li lang="en" dir="ltr"><b>3:</b> no such thing' in source


@pytest.mark.parametrize("size", [2 * 1024 * 1024 + 1, 10 * 1024 * 1024])
def test_a_file_that_is_too_large_is_told_so_and_not_kept(desk: Desk, sign_in: Sign, size: int) -> None:
    answer = sign_in().upload(b"#" * size)
    assert answer.status_code == 422
    assert "1: the file is larger than 2 MiB" in plain(answer)
    assert publishing_service.see_protocols(desk.ctx, desk.administrator()).drafts == ()


def test_no_file_at_all_is_asked_for(sign_in: Sign) -> None:
    answer = sign_in().post("/protocols/upload")
    assert answer.status_code == 422
    assert "An answer is needed here." in plain(answer)


@pytest.mark.exhaustive
def test_the_name_of_a_file_leads_nowhere(sign_in: Sign) -> None:
    first = sign_in()
    answer = first.upload(SECOND, '../../etc/<script>alert(1)</script>"\x1b.yaml')
    page = first.get(str(answer.headers["Location"])).get_data(as_text=True)
    assert "<script>alert" not in page
    assert "../" not in page


@pytest.mark.exhaustive
def test_every_bad_file_is_answered_in_no_time() -> None:
    """A generous guard, by killing the reader: a minute for all of them, and for what is large within the limit."""
    program = (
        "import sys; sys.path.insert(0, 'tests'); sys.path.insert(0, 'tests/web')\n"
        "from school_protocol.protocol.reader import read\n"
        "from school_protocol.engine.errors import DefinitionError\n"
        "from web.test_protocols import BAD\n"
        "large = ['a: [' + 'x, ' * 600_000 + ']', '- x\\n' * 500_000, 'k: {' * 400_000, '\\n' * 2_000_000,\n"
        "         '# ' * 1_000_000,\n"
        "         '\\n'.join(f'k{n}: x' for n in range(150_000)), 'a: \"' + '\\\\u00e9' * 300_000 + '\"']\n"
        "for data in [*(bad for bad, _where, _said in BAD.values()), *large]:\n"
        "    try:\n"
        "        read(data if isinstance(data, bytes) else data.encode(), 'x')\n"
        "    except DefinitionError as error:\n"
        "        assert all(fault.line >= 1 for fault in error.faults)\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=60, capture_output=True)
