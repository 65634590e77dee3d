"""Somebody at a browser: signs in, reads, clicks what they read, fills forms in, sends them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Locator, Page, expect

from school_protocol.auth import repository as auth_repository
from school_protocol.auth import sign_in_repository
from school_protocol.auth.sign_in_service import recognise
from school_protocol.engine.definition import Act, ActKind, ScopeKind
from school_protocol.engine.definition_parts import FieldType, FormField
from school_protocol.language import Wording

from .served import PASSWORD, Served, Step

CONTROLS = """form => Object.fromEntries([...form.elements].filter(one => one.name && one.type != "hidden").map(
    one => [one.name, [one.type, one.closest("details:not([open])") != null]]))"""
SHAPE = """() => {
    const page = document.documentElement;
    return [page.scrollWidth - page.clientWidth, page.dir];
}"""
NAMED = {
    FieldType.danger: "dangers", FieldType.dangers: "dangers", FieldType.covers: "dangers", FieldType.target: "targets",
}  # fmt: skip
BESIDE = {ActKind.answer_referral: "referral", ActKind.review_hold: "hold"}
"""Acts that are found beside what they are about."""


def go_by(what: Locator) -> None:
    """Click what leads to a page, and wait for it: a click comes back before, and what is read next would be the page
    before, or none."""
    with what.page.expect_navigation(wait_until="load"):
        what.click()


@dataclass
class Person:
    """One member of the cast in front of their own browser."""

    served: Served
    page: Page
    role: str
    language: str = "fr"
    taps: int = 0
    """Clicks since the count was last begun."""
    answers: int = 0
    """Questions answered since then."""
    visited: list[str] = field(default_factory=list)
    wide: list[tuple[str, int]] = field(default_factory=list)
    """Pages that scroll sideways, with by how much."""
    types_again: bool = False
    """Whether name and password are typed each time; else by the first person of a store, once."""

    def __post_init__(self) -> None:
        self.w = Wording(self.language)
        self._controls: Mapping[str, tuple[str, bool]] = {}
        self.page.on("load", lambda page: self._arrived(page))

    def _arrived(self, page: Page) -> None:
        self.visited.append(page.url)

    def _(self, message: str, **values: Any) -> str:
        """What the pages say for `message`, in this person's language."""
        return self.w._(message, **values)

    def count_anew(self) -> None:
        self.taps = self.answers = 0

    # ---- getting about ---------------------------------------------------------------------------------------

    def open(self, path: str = "/") -> None:
        """Type an address; sign in where the page asks for it."""
        self._go_on()
        self.page.goto(self.served.url + path)
        if "/sign-in" in self.page.url:
            self.look()
            self.sign_in()
        self.look()

    def _go_on(self) -> None:
        """A session begins, or begins anew, as if the form had been filled in again; a seat has no name."""
        if self.types_again or self.role not in self.served.usernames:
            return
        ctx, name = self.served.ctx, "session"
        held = {one.get("name"): one.get("value", "") for one in self.page.context.cookies(self.served.url)}
        if recognise(ctx, held[name]) is not None if name in held else not self.served.was_typed:
            return
        with ctx.directory.writing() as session:
            account = auth_repository.account_named(session, self.served.usernames[self.role])
            assert account is not None
            token = sign_in_repository.open_web_session(session, account.id, now=ctx.now())
        self.page.context.add_cookies(
            [{"name": name, "value": token, "url": self.served.url, "httpOnly": True, "sameSite": "Lax"}]
        )

    def sign_in(self) -> None:
        """Name and password, and the code of the phone where the role asks for one."""
        code = self.served.code_for(self.served.usernames[self.role])
        main = self.page.locator("main")
        main.get_by_label(self._("User name")).fill(self.served.usernames[self.role])
        password = main.get_by_label(self._("Password"))
        password.fill(PASSWORD)
        with self.page.expect_navigation(wait_until="load"):
            password.press("Enter")
        if code is not None:
            main.locator("#code").fill(code)
            with self.page.expect_navigation(wait_until="load"):
                main.locator("#code").press("Enter")
        expect(self.page.locator("header .menu")).to_be_visible()
        self.served.was_typed = True

    def tap(self, what: Locator) -> None:
        """Click what leads to a page; what is folded away is unfolded first, as one does."""
        self.unfold(what)
        go_by(what)
        self.taps += 1
        self.look()

    def look(self) -> None:
        """Nothing on a page may stick out sideways, and it runs as its language runs."""
        beyond, direction = self.page.evaluate(SHAPE)
        if beyond > 0:
            self.wide.append((self.page.url, beyond))
        assert direction == self.w.direction, self.page.url

    def unfold(self, what: Locator) -> None:
        for _level in range(3):
            folded = what.locator("xpath=ancestor::details[not(@open)]")
            if not folded.count():
                return
            folded.first.locator(":scope > summary").click(force=True)

    def link(self, name: str) -> Locator:
        """A link of the page's content by its words, whether folded away or not."""
        return self.page.locator("main").get_by_role("link", name=name, include_hidden=True).first

    def button(self, name: str, exact: bool = True) -> Locator:
        return self.page.locator("main").get_by_role("button", name=name, exact=exact)

    def follow(self, name: str) -> None:
        """Click the link that reads `name`: from a case's tasks, else from all that may be written down there."""
        if not self.link(name).count() and self.page.locator("main .tabs").count():
            self.what_else()
        self.tap(self.link(name))

    def turn_to(self, part: str) -> None:
        """From a page of a case to another of its row."""
        self.tap(self.page.locator(f'main .tabs a[href$="/{part}"]'))

    def press(self, name: str) -> None:
        """Click the button that reads `name`."""
        self.tap(self.button(name))

    def note(self, what: str, answer: str) -> None:
        """One tap: press `answer` among the answers to `what`."""
        group = self.page.locator("main").get_by_role("group", name=what, exact=True)
        self.tap(group.get_by_role("button", name=answer, exact=True))

    def discover(self) -> str:
        """The number of the first case on this person's desk; from now on it is the story's case."""
        self.open("/")
        number = self.page.locator("main .cases a").first.get_attribute("href") or ""
        self.served.adopt(number.rpartition("/")[2])
        return self.served.number

    @property
    def has_receipts_alone(self) -> bool:
        """Whether this person reports, and never sees a case."""
        return self.served.protocol.roles[self.role.partition("/")[0]].sees is ScopeKind.receipt

    def open_case(self) -> None:
        """From the desk to the case, or the receipt, by its line in a list; an open case as it stands now."""
        address = f"{self.served.url}/cases/{self.served.number}"
        if self.page.url == address:
            self._go_on()
            self.page.reload()
            if "/sign-in" in self.page.url:
                self.sign_in()
            expect(self.page).to_have_url(address)
            return
        self.open("/")
        if self.has_receipts_alone:
            self.tap(self.page.locator('main a[href$="/receipt"]').first)
            return
        line = self.page.locator(f'main .cases a[href$="/cases/{self.served.number}"]')
        if not line.count():
            self.page.goto(f"{self.served.url}/?filter=ended")
        self.tap(line)
        expect(self.page).to_have_url(address)

    def label(self, act: str, key: str) -> str:
        """How the definition words a question, in this person's language."""
        protocol = self.served.protocol
        form = protocol.form_of(protocol.acts[protocol.resolve("acts", act)])
        return next(item.label.in_language(self.language) for item in form.fields if item.key == key)

    def numbers_first(self) -> None:
        """Whom to call stands in sight without scrolling; no form stands higher."""
        number = self.page.locator("main a.call[href^='tel:']").first
        expect(number).to_be_in_viewport(ratio=1)
        box, size = number.bounding_box(), self.page.viewport_size
        assert box is not None
        assert size is not None
        assert box["y"] + box["height"] <= size["height"]
        form = self.page.locator("main form").first.bounding_box()
        assert form is None or form["y"] >= box["y"]

    # ---- forms, by what is read on them ----------------------------------------------------------------------

    def say(self, label: str, text: str) -> None:
        """Write into the box with that label."""
        asked = self.page.locator("main form :not([name^=paper])")  # "written on paper first" stays folded
        asked.and_(self.page.get_by_label(label)).fill(text)
        self.answers += 1

    def pick(self, question: str, *answers: str) -> None:
        """Tick these answers of that question."""
        group = self.page.locator("main form").get_by_role("group", name=re.compile(f"^{re.escape(question)}"))
        for answer in answers:
            what = group.get_by_label(answer, exact=True)
            if not what.count():
                what = group.get_by_label(re.compile(f"^{re.escape(answer)}"))
            self.unfold(what)
            what.check()
        self.answers += 1

    def choose(self, label: str, answer: str) -> None:
        """Choose what begins so from the list with that label."""
        box = self.page.locator("main form").get_by_label(label)
        offered = box.locator("option").all_inner_texts()
        box.select_option(label=next(one for one in offered if one.startswith(answer)))
        self.answers += 1

    def said(self) -> Locator:
        """What the page says of what was just done."""
        return self.page.locator("main > .alert.ok")

    # ---- forms, by the definition's keys ---------------------------------------------------------------------

    def fill(self, act: Act, answers: Mapping[str, Any]) -> None:
        """Fill the form of `act` in by the definition's keys, from top to bottom, in a story's shapes."""
        asked = [item for item in self.served.protocol.form_of(act).fields if item.key in answers]
        assert {item.key for item in asked} == set(answers)
        self.read_controls()
        for item in asked:
            self.answer(item, f"a-{item.key}", self._meant(item, answers[item.key]))
            self.answers += 1

    def _meant(self, item: FormField, value: Any) -> Any:
        """What a story's short words stand for: `@role` for a person, `T04` for a danger, `parquet` for a target."""
        if isinstance(value, list):
            return [self._meant(item, one) for one in value]
        if isinstance(value, Mapping):
            columns = {column.key: column for column in item.fields}
            return {key: self._meant(columns.get(key, item), one) for key, one in value.items()}
        if value.startswith("@"):
            return self.served.player.actor(value[1:]).id
        kind = NAMED.get(item.type)
        return self.served.protocol.resolve(kind, value) if kind else value

    def answer(self, item: FormField, name: str, value: Any) -> None:
        match item.type:
            case FieldType.rows:
                self._rows(item, name, value)
            case FieldType.person:
                self._people(item, name, [value])
            case FieldType.persons:
                self._people(item, name, value)
            case FieldType.grid | FieldType.danger_answers:
                for key, said in value.items():
                    self._choose(f"{name}-{key}", said)
            case _ if isinstance(value, list):
                for one in value:
                    self._choose(name, one)
            case _:
                self._choose(name, value)

    def _choose(self, name: str, value: str) -> None:
        """Whatever kind of control it is. A box is clicked where it stands, and must be ticked then."""
        kind, is_folded = self._controls[name]
        is_box = kind in ("radio", "checkbox")
        what = self.page.locator(f'main form [name="{name}"]' + (f'[value="{value}"]' if is_box else ""))
        if is_folded:
            self.unfold(what)
        if is_box:
            what.check(force=True)
        elif kind == "select-one":
            what.select_option(value)
        else:
            what.fill(value)

    def read_controls(self) -> None:
        """Learn which controls the form has now: of what type, and whether they are folded away."""
        self._controls = self.page.locator("main form:has(textarea, .actions)").first.evaluate(CONTROLS)

    def _rows(self, item: FormField, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        columns = {column.key: column for column in item.fields}
        for number, row in enumerate(rows):
            if not self._has(f"{name}-{number}-"):
                self._one_more(item)
            for key, value in row.items():
                self.answer(columns[key], f"{name}-{number}-{key}", value)

    def _people(self, item: FormField, name: str, people: Sequence[Any]) -> None:
        new = 0
        for one in people:
            if isinstance(one, str):
                self._choose(name, one)
                continue
            if not self._has(f"{name}-new-{new}-"):
                self._one_more(item)
            for part, value in one.items():
                if f"{name}-new-{new}-{part}" in self._controls:
                    self._choose(f"{name}-new-{new}-{part}", value)
                else:
                    box = self.page.locator(f'main form input[type="hidden"][name="{name}-new-{new}-{part}"]')
                    assert box.get_attribute("value") == value
            new += 1

    def _one_more(self, item: FormField) -> None:
        self.tap(self.page.locator(f'main form button[name="more"][value="{item.key}"]'))
        self.read_controls()

    def _has(self, prefix: str) -> bool:
        return any(name.startswith(prefix) for name in self._controls)

    def sign_if_asked(self) -> None:
        password = self.page.locator("main #password")
        if password.count():
            password.fill(PASSWORD)

    def send(self) -> None:
        """Press the form's own button."""
        self.sign_if_asked()
        self.tap(self.page.locator("main form .actions button").first)

    # ---- a story's steps -------------------------------------------------------------------------------------

    def do(self, step: Step) -> None:
        """One step of a story, as somebody makes it: from the desk to the case, to the form or the move, and back."""
        name, answers = str(step["do"]), step.get("answers", {})
        protocol = self.served.protocol
        act = protocol.acts.get(protocol.resolve("acts", name))
        self.open_case()
        if act is None:
            self.move(protocol.moves[protocol.resolve("moves", name)].title.in_language(self.language), step)
        elif step.get("expect") == "refused":
            self.is_closed(act)
        elif act.kind is ActKind.sign:
            self.sign_waiting(protocol.acts[protocol.resolve("acts", answers["record"][1:])])
        elif act.kind is ActKind.raise_danger:
            self.raise_danger(answers["which_danger"])
        else:
            self.write(act, answers)

    def raise_danger(self, danger: str) -> None:
        """From the case's page: in danger, which one; the first minutes are shown."""
        found = self.served.protocol.dangers[self.served.protocol.resolve("dangers", danger)]
        self.tap(self.page.locator("header .sos"))
        self.tap(self.page.locator(f'main button[name=danger][value="{found.key}"]'))
        expect(self.page.locator("h1")).to_have_text(self._("First minutes"))

    def is_closed(self, act: Act) -> None:
        """The act isn't offered, and its page says why."""
        case = self.page.url.removesuffix("/receipt")
        if not self.has_receipts_alone:
            self.what_else()
        expect(self.way_to(act)).to_have_count(0)
        self.page.goto(f"{case}/acts/{act.key}")
        if self.has_receipts_alone:
            expect(self.page.locator("h1")).to_have_text(self._("This page was not found"))
        else:
            expect(self.page.locator('main [aria-labelledby="closed"] .reasons')).to_be_visible()

    def what_else(self) -> None:
        """From a case's page to all that may be written down."""
        self.tap(self.page.locator('main a[href$="/write"]').first)

    def way_to(self, act: Act) -> Locator:
        """The link to an act: among all of them that may be written down, among the few of a receipt."""
        return self.page.locator(f':is([aria-labelledby="acts"], [aria-labelledby="then"]) a[href$="/acts/{act.key}"]')

    def write(self, act: Act, answers: Mapping[str, Any]) -> None:
        """Find the act on the case's page, fill it in, send it; it is recorded."""
        title = act.title.in_language(self.language)
        if act.kind in BESIDE:
            key = BESIDE[act.kind]
            self.turn_to("outcomes")
            self.tap(self.page.locator(f'main a[href$="/acts/{act.key}?{key}={answers[key]}"]'))
        else:
            asked = self.page.locator(f'main .list a[href$="/acts/{act.key}"]')
            if not self.has_receipts_alone and not asked.count():
                self.what_else()
            self.tap(asked.first if asked.count() else self.way_to(act))
        expect(self.page.locator("h1")).to_have_text(title)
        self.fill(act, answers)
        self.send()
        self.recorded(title)

    def recorded(self, title: str) -> None:
        said = self._("Recorded: %(title)s.", title=title)
        expect(self.said()).to_have_text(said)

    def sign_waiting(self, act: Act) -> None:
        """Sign a record of that act, which waits at the top of the case's page."""
        waiting = self.page.locator('main [aria-labelledby="to-sign"] a')
        self.tap(waiting.filter(has_text=act.title.in_language(self.language)).first)
        expect(self.page.locator('main [aria-labelledby="signed"]')).to_be_visible()
        self.sign_if_asked()
        self.press(self._("Sign"))
        expect(self.said()).to_be_visible()

    def move(self, title: str, step: Step) -> None:
        """Make the move that reads `title`; or see that it isn't open, and why."""
        way = self.page.locator("main .ways > li, main .do p").filter(
            has_text=re.compile(f"^\\s*{re.escape(title)}(?!\\w)")
        )
        if step.get("expect") == "refused":
            self.unfold(way.first)
            expect(way.get_by_role("link", name=title, exact=True, include_hidden=True)).to_have_count(0)
            return
        self.tap(way.get_by_role("link", name=title, exact=True, include_hidden=True))
        if "reason" in step:
            self.page.locator("#reason").fill(step["reason"])
        self.press(self._("Confirm: %(title)s", title=title))
        expect(self.said()).to_have_text(self._("Done: %(title)s.", title=title))
