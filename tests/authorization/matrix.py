"""Every address × everybody × every kind of case, asked for and compared with the answers written by hand.

`differences` tells where the product answers otherwise than `expected.yaml` says: another status, an answer that tells
a hidden thing from one that nobody has, something written down that should not be, a word that is not for its reader.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from types import MappingProxyType
from typing import Any
from zipfile import ZipFile

from sqlalchemy import delete
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from authorization.spec import ABSENT, ANYONE, METHODS, Spec, Way, expected
from authorization.world import ANSWERED, COMING, FORMER, HEARD, NAME, PASSWORD, ROLES, TOLD, World
from school_protocol.auth.models import ThrottleRow
from school_protocol.case_files import bulk
from school_protocol.case_files import repository as case_files_repository
from school_protocol.case_files.bulk import Wish
from school_protocol.engine.events import DoorOpened
from school_protocol.privacy import emergency_access
from school_protocol.ui import routing

NOBODY = ""
"""Somebody who is not signed in."""
ONLY_READ = frozenset({"access", "draft", "throttle"})
"""Tables to which a page that is shown may add."""
TYPED: Mapping[str, str] = {
    "document": "case_file", "copy": "1", "reason": "", "profile": "nobody", "sentence": "x" * 9000,
    "danger": "made-up", "expected": "99", "language": "fr", "about": "nothing", "justified": "", "token": "x",
}  # fmt: skip
"""What every form is sent with: never enough to record anything."""
WORDS = {"name": NAME, "told": TOLD, "heard": HEARD, "answered": ANSWERED}
NOWHERE = "/never-heard-of"
NONE = "9999"
"""A number that no entry, copy or opening has."""


# ---- asking --------------------------------------------------------------------------------------------------------


def asked(world: World, who: str, way: Way, path: str, **values: str) -> TestResponse:
    """The answer to one way; `{fresh}` in what is typed is another word each time."""
    browser = world.browser(who)
    if way.method == "get":
        return browser.get(path)
    values = {"fresh": world.token(), **values}
    return browser.post(path, {**TYPED, **{key: said.format(**values) for key, said in way.typed.items()}})


def told(response: TestResponse, *paths: str) -> tuple[Any, ...]:
    """An answer without what differs each time: the address that was asked for, the tokens of its forms."""
    body = response.get_data().decode("utf-8", "replace")
    body = re.sub(r'name="(csrf_token|shown_to|token)" value="[^"]*"', "", body)
    kept = {name: value for name, value in response.headers if name not in ("Set-Cookie", "Content-Length")}
    for path in paths:
        body = body.replace(path.replace("&", "&amp;"), "PATH")
        kept = {name: value.replace(path, "PATH") for name, value in kept.items()}
    return response.status_code, body, kept


@dataclass
class Matrix:
    """The asking of everything, part by part; `tried` counts the answers that were compared."""

    world: World
    spec: Spec = field(default_factory=expected)
    tried: int = 0
    counts: bool = True
    """Whether rows are counted before and after."""
    brief: bool = False
    """Whether the same decision is asked once: of one of those who have the same rights, about one case of a kind."""
    gone: dict[tuple[str, str, str], tuple[Any, ...]] = field(default_factory=dict)
    """Answers about what nobody has, kept: whoever asks gets the same one each time."""
    alike: set[tuple[object, ...]] = field(default_factory=set)
    """What nobody has and is answered as an address that is not there, by who asked for it."""
    turns: Counter[str] = field(default_factory=Counter)
    desks: dict[str, str] = field(default_factory=dict)
    """The page that each begins with, opened once."""

    def forget(self) -> None:
        """Keep no answer of before: the program is another one now."""
        for kept in (self.gone, self.alike, self.desks):
            kept.clear()

    def differences(self) -> Iterator[str]:
        """All of it."""
        yield from self.table()
        yield from self.shut_out()
        yield from self.knocks()
        yield from self.cases()
        yield from self.lists()
        yield from self.registers()
        yield from self.queues()
        yield from self.pupils()
        yield from self.words()
        yield from self.shown()
        yield from self.opened()
        yield from self.many()
        yield from self.parts()
        yield from self.own()
        yield from self.schools()
        yield from self.others()
        yield from self.emergencies()
        yield from self.systems()
        yield from self.shared()
        yield from self.visited()

    # ---- the table ---------------------------------------------------------------------------------------------

    def table(self, doors: Iterable[str] | None = None) -> Iterator[str]:
        """Every endpoint stands in the file, and asks what the file says."""
        routed = {rule.endpoint for rule in self.world.app.url_map.iter_rules()}
        for endpoint in sorted(routed ^ set(self.spec.asks)) if doors is None else ():
            yield f"{endpoint}: {'has no row in the file' if endpoint in routed else 'is in the file alone'}"
        for endpoint in sorted(routed & set(self.spec.asks) & set(routed if doors is None else doors)):
            self.tried += 1
            found = routing.PERMISSIONS.get(endpoint)
            if found is None or found.value != self.spec.asks[endpoint]:
                yield f"{endpoint}: asks {found}, not {self.spec.asks[endpoint]}"

    # ---- signed out --------------------------------------------------------------------------------------------

    def shut_out(self, doors: Iterable[str] | None = None) -> Iterator[str]:
        """Who is not signed in is led to the sign-in page, but for the few pages that are anybody's."""
        for rule, method in self._rules(doors):
            path = self._address(rule)
            way = Way(rule.endpoint, method, path, {})
            status = self.spec.signed_out.get(rule.endpoint) if self._has(rule.endpoint, method) else None
            if rule.endpoint.startswith("room."):
                status = 404  # whatever way it is asked: a room's own application has them, the host none
            if rule.endpoint.startswith("sign_in."):
                self.world.browsers.pop(NOBODY, None)
            answer = asked(self.world, NOBODY, way, self._free_path(rule.endpoint, method) or path)
            self.tried += 1
            if status is not None:
                fits = answer.status_code == status
            elif self.spec.asks.get(rule.endpoint) == ANYONE:
                fits = answer.status_code < 500 and not _leads_to_sign_in(answer)
            else:
                fits = _leads_to_sign_in(answer)
            if not fits:
                yield f"signed out {method} {path}: {answer.status_code}"

    # ---- who may knock -----------------------------------------------------------------------------------------

    def knocks(self, doors: Iterable[str] | None = None) -> Iterator[str]:
        """Where who somebody is decides, everybody else is answered as at an address that is not there."""
        for rule, method in self._rules(doors):
            people = self.spec.knocks.get(self.spec.asks.get(rule.endpoint, ""))
            for person in ROLES if people is not None else ():
                if person not in (people or ()):
                    yield from self._no_answer(person, Way(rule.endpoint, method, self._address(rule), {}))

    def _no_answer(self, who: str, way: Way) -> Iterator[str]:
        answer = asked(self.world, who, way, way.path)
        self.tried += 1
        if told(answer, way.path) != self._nowhere(who, way) or answer.status_code != 404:
            yield f"{who} {way.method} {way.path}: {answer.status_code}, not as an address that is not there"

    def _nowhere(self, who: str, way: Way) -> tuple[Any, ...]:
        """The answer at an address that is not there."""
        key = (who, way.method, NOWHERE)
        if key not in self.gone:
            self.gone[key] = told(asked(self.world, who, way, NOWHERE), NOWHERE)
        return self.gone[key]

    def _nobodys(
        self,
        who: str,
        way: Way,
        path: str,
        *also: str,
        like: object = "",
        values: Mapping[str, str] = MappingProxyType({}),
    ) -> tuple[Any, ...]:
        """The answer about what nobody has. In brief it is asked by one of those who are `like` each other.

        Where theirs was that of an address which is not there, the others must get that.
        """
        one = (like, way.door, way.method, way.path)
        if one in self.alike:
            return self._nowhere(who, way)
        key = (who, way.method, path)
        if key not in self.gone:
            self.gone[key] = told(asked(self.world, who, way, path, **values), path, *also)
            if self.brief and self.gone[key] == self._nowhere(who, way):
                self.alike.add(one)
        return self.gone[key]

    def _in_turn(self, what: str, found: Collection[str]) -> list[str]:
        """In brief the next one of them, each time another; else all."""
        if not self.brief or not found:
            return list(found)
        self.turns[what] += 1
        return [list(found)[self.turns[what] % len(found)]]

    def _desk(self, who: str) -> str:
        if who not in self.desks:
            self.desks[who] = self.world.browser(who).get("/").get_data(as_text=True)
        return self.desks[who]

    def _rules(self, doors: Iterable[str] | None) -> Iterator[tuple[Rule, str]]:
        wanted = None if doors is None else set(doors)
        for rule in self.world.app.url_map.iter_rules():
            if wanted is None or rule.endpoint in wanted:
                yield from ((rule, method) for method in METHODS if method.upper() in (rule.methods or ()))

    def _has(self, endpoint: str, method: str) -> bool:
        """Whether the file says how that address answers when it is asked in this way."""
        return any((way.door, way.method) == (endpoint, method) for way in self.spec.free)

    def _free_path(self, endpoint: str, method: str) -> str | None:
        found = (way.path for way in self.spec.free if (way.door, way.method) == (endpoint, method))
        return next((path.format(**self.world.said) for path in found), None)

    def _address(self, rule: Rule) -> str:
        """An address of that rule, about the own case where it is about one."""
        values = {"number": self.world.cases["own"], **self.world.said}
        return re.sub(
            r"<(int:|path:)?(\w+)>", lambda found: values.get(found[2], "1" if found[1] == "int:" else "x"), rule.rule
        )

    # ---- cases -------------------------------------------------------------------------------------------------

    def people(self) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Everybody with what they see: by role, and those whose appointment is over or to come."""
        yield from self.spec.sees.items()
        for role, sees in self.spec.sees.items():
            if sees and role in ROLES:
                yield f"{FORMER} {role}", {}
                yield f"{COMING} {role}", {}

    def cases(
        self,
        doors: Iterable[str] | None = None,
        kinds: Sequence[str] | None = None,
        who: Callable[[str], bool] = lambda _who: True,
    ) -> Iterator[str]:
        """Each way to each case for each person; what is hidden as what nobody has, and nothing written."""
        ways = [way for way in self.spec.doors if doors is None or way.door in doors]
        for person, sees in self.people():
            if who(person):
                few = [way for way in ways if way.everywhere or way.method == "post"] if " " in person else ways
                share = self._share(person, sees, few)
                for kind in kinds or self.world.cases:
                    if " " not in person or kind in ("own", "early"):
                        yield from self._case(person, kind, sees.get(kind, ABSENT), few if kind in sees else share)

    def _share(self, person: str, sees: Mapping[str, str], ways: list[Way]) -> list[Way]:
        """In brief, who has no right in the own case as others haven't — gone, coming, of elsewhere — shares its doors
        with them.
        """
        kind = kind_of(person, sees)
        if not self.brief or not kind:
            return ways
        alike = [one for one, seen in self.people() if kind_of(one, seen) == kind]
        doors = list(dict.fromkeys((way.door, way.method) for way in ways))
        mine = doors[alike.index(person) :: len(alike)]
        return [way for way in ways if (way.door, way.method) in mine]

    def _case(self, who: str, kind: str, sight: str, ways: Iterable[Way]) -> Iterator[str]:
        self.world.browser(who)
        before = self._rows()
        hidden = {(way.door, way.method): way for way in reversed(tuple(ways))}.values()
        with self.world.recognised():
            for way in hidden if sight == ABSENT and (self.brief or kind != "own") else self._of(who, kind, ways):
                if sight == ABSENT or kind == "own" or way.everywhere:
                    wanted = ABSENT if sight == ABSENT else way.status(who)
                    base, gone = (f"/cases/{number}" for number in (self.world.cases[kind], self.world.absent))
                    yield from self._compared(who, way, base, gone, wanted, kind, first=self.world.firsts[kind])
        after = self._rows()
        allowed = ONLY_READ if sight != ABSENT else frozenset()
        for table in sorted(name for name in after if after[name] != before[name] and name not in allowed):
            yield f"{who}, {kind}: {table} was written to"

    def _of(self, who: str, kind: str, ways: Iterable[Way]) -> Iterable[Way]:
        """In brief, a case that is like the own one is asked for, and one more page of it.

        So is the own one by all that is asked everywhere, by who reads it by a place above as a role here does.
        """
        if not self.brief or (kind == "own" and who in ROLES):
            return ways
        everywhere = {way.path: way for way in ways if way.everywhere}
        first, *more = everywhere
        return [everywhere[path] for path in (first, *(more if kind == "own" else self._in_turn("page", more)))]

    def _rows(self) -> dict[str, int]:
        return self.world.rows() if self.counts else {}

    def _compared(
        self, who: str, way: Way, base: str, gone: str, wanted: int | str, kind: str, **values: str
    ) -> Iterator[str]:
        """One answer: the status that is wanted, or the very answer about what nobody has."""
        said = {**self.world.said, **values}
        path = base + way.path.format(**said)
        answer = asked(self.world, who, way, path, **said)
        self.tried += 1
        if wanted != ABSENT:
            if answer.status_code != wanted:
                yield f"{who} {way.method} {way.path} ({kind}): {answer.status_code}, not {wanted}"
        elif told(answer, path, base) != self._gone(who, way, gone, kind):
            yield f"{who} {way.method} {way.path} ({kind}): {answer.status_code}, not as what nobody has"

    def _gone(self, who: str, way: Way, gone: str, kind: str) -> tuple[Any, ...]:
        path = gone + way.path.format(**self.world.said)
        sees = "sees" if kind in self.spec.sees.get(who, ()) else "does not see"
        found = self._nobodys(who, way, path, gone, like=sees, values=self.world.said)
        return found if found[0] == 404 else (404, "an answer about what nobody has is no 404", {})

    def lists(self, who: Callable[[str], bool] = lambda _who: True) -> Iterator[str]:
        """The desk, the search and the choice of many copies know of exactly the cases that somebody sees."""
        for person, sees in self.people():
            if not who(person):
                continue
            page = self._desk(person)
            shown = {kind for kind, number in self.world.cases.items() if _leads_to(page, number)}
            self.tried += 1
            if shown != set(sees):
                yield f"{person}: the desk shows {sorted(shown)}, not {sorted(sees)}"
            hidden = [kind for kind in self.world.cases if kind not in sees]
            for kind in (*self._in_turn("found", sees), *self._in_turn("not found", hidden)):
                number = self.world.cases[kind]
                found = self.world.browser(person).post("/search", {"q": number}).status_code == 302
                self.tried += 1
                if found != (kind in sees):
                    yield f"{person}: the search {'finds' if found else 'does not find'} {kind}"

    def registers(self) -> Iterator[str]:
        """The register of referrals lists the cases whose content somebody sees by what they are in a place."""
        for person, sees in self.people():
            answer = self.world.browser(person).get("/referrals?show=all")
            page = answer.get_data(as_text=True)
            listed = {kind for kind, number in self.world.cases.items() if f"/cases/{number}" in page}
            of_content = {kind for kind, sight in sees.items() if sight != "metadata"}
            is_for = person.partition("@")[0] in self.spec.knocks["see_referrals"]
            self.tried += 1
            if (answer.status_code, listed) != ((200, of_content) if is_for else (404, set())):
                yield f"{person}: the register shows {sorted(listed)} ({answer.status_code}), not {sorted(of_content)}"

    def queues(self) -> Iterator[str]:
        """What waits for review stands in the queue of whoever reviews, of the cases that they see by what they are."""
        for person, sees in self.people():
            answer = self.world.browser(person).get("/review")
            page = answer.get_data(as_text=True)
            listed = {kind for kind, number in self.world.cases.items() if _leads_to(page, number)}
            is_for = person.partition("@")[0] in self.spec.knocks["review"]
            self.tried += 1
            if (answer.status_code, listed) != ((200, set(sees)) if is_for else (404, set())):
                yield f"{person}: the queue shows {sorted(listed)} ({answer.status_code}), not {sorted(sees)}"
            counted = re.search(r"kind=urgent&amp;[^>]*>[^<]*<small>[^\d]*(\d+)", page)
            if is_for and (int(counted[1]) if counted else 0) != len(sees):
                yield f"{person}: the queue counts {counted and counted[1]}, not {len(sees)}"
        for person, kinds in self.spec.told["queued"].items():
            page = self.world.browser(person).get("/review").get_data(as_text=True)
            yield from self._kinds(f"{person}: the queue", _numbers(page), kinds)

    def pupils(self) -> Iterator[str]:
        """A pupil is found in one's own school, among the cases whose content one sees."""
        for person, sees in self.spec.sees.items():
            page = self.world.browser(person).post("/search", {"q": NAME}).get_data(as_text=True)
            found = {kind for kind, number in self.world.cases.items() if f"/cases/{number}" in page}
            self.tried += 1
            if found != set(self.spec.told["finds_pupil"].get(person, ())):
                yield f"{person}: a pupil's name finds {sorted(found)} among {sorted(sees)}"

    def words(self, who: Callable[[str], bool] = lambda _who: True) -> Iterator[str]:
        """Names and words of the own case reach those for whom they are."""
        last = self.world.events("own")[-1].seq
        paths = [
            "",
            "/chronology",
            *(f"/entries/{seq}" for seq in range(2, last + 1)),
            "/sight",
            "/acts/rights_request",
        ]
        for person in self.spec.sees:
            if not who(person):
                continue
            browser, pages = self.world.browser(person), ""
            for path in paths:
                answer = browser.get(f"/cases/{self.world.cases['own']}{path}")
                pages += answer.get_data(as_text=True) if answer.status_code == 200 else ""
            for word, readers in self.spec.reads.items():
                self.tried += 1
                if (WORDS[word] in pages) != (person in readers):
                    yield f"{person}: {'reads' if WORDS[word] in pages else 'does not read'} what is “{word}”"

    # ---- what the page of a case says of sight ---------------------------------------------------------------------

    def shown(self) -> Iterator[str]:
        """The page says of exactly those that they see the case who do; and tells no more than its reader may know."""
        for kind, said in self.spec.told["shown"].items():
            page = self._sight_page(said["reader"], kind)
            found = set(re.findall(r"<li><b>(?:<bdi[^>]*>)?([^<]+)", _part(page, "who")))
            self.tried += 1
            if found != set(said["people"]):
                yield f"the page of {kind} shows {sorted(found ^ set(said['people']))} otherwise"
        for person, sees in self.spec.sees.items():
            if "own" in sees:
                page = self._sight_page(person, "own")
                told = self.spec.told
                self.tried += 2
                if bool(_part(page, "out")) != (person in told["knows_exclusions"]):
                    yield f"{person}: the page {'tells' if _part(page, 'out') else 'does not tell'} of exclusions"
                names = set(re.findall(r"</time> <b>(?:<bdi[^>]*>)?([^<]+)", _part(page, "read")))
                if (names - {person} != set()) != (person in told["knows_readings"]):
                    yield f"{person}: the page tells of readings by {sorted(names)}"

    def _sight_page(self, who: str, kind: str) -> str:
        return self.world.browser(who).get(f"/cases/{self.world.cases[kind]}/sight").get_data(as_text=True)

    def opened(self) -> Iterator[str]:
        """What is open for a time: names and no words, the case to be read and nothing else, until it is over."""
        yield from self._lifted()
        yield from self._broken()
        yield from self._breaks()
        yield from self._reviews()

    def _lifted(self) -> Iterator[str]:
        base = f"/cases/{self.world.cases['own']}"
        last = self.world.events("own")[-1].seq
        for person, reads in self.spec.told["lifted"].items():
            browser = self.world.browser(person)
            paths = ("", "/chronology", "/sight", *(f"/entries/{seq}" for seq in range(2, last + 1)))
            page = "".join(browser.get(base + path).get_data(as_text=True) for path in paths)
            for word, wanted in reads.items():
                self.tried += 1
                if (WORDS[word] in page) != wanted:
                    yield f"{person}, names lifted: {'reads' if not wanted else 'does not read'} “{word}”"
            for path in self.spec.told["not_lifted_on"]:
                self.tried += 1
                if NAME in browser.get(base + path).get_data(as_text=True):
                    yield f"{person}, names lifted: {path} names"

    def _broken(self) -> Iterator[str]:
        base, gone = f"/cases/{self.world.cases['broken']}", f"/cases/{self.world.absent}"
        for person, said in self.spec.told["broken"].items():
            for wanted, paths in said.items():
                for said_path in paths:
                    method, path = said_path.split(" ") if " " in said_path else ("get", said_path)
                    way = Way("broken", method, path, {200: frozenset({person})} if wanted == 200 else {})
                    yield from self._compared(person, way, base, gone, wanted, "broken")
            listed = self.world.cases["broken"] in self._desk(person)
            self.tried += 1
            if listed != (200 in said):
                yield f"{person}: the desk {'lists' if listed else 'does not list'} the broken case"

    def emergencies(self) -> Iterator[str]:
        """Each case asked for in an emergency by everybody, with reason and password; what opens is closed again."""
        why = "Personne ne répond depuis ce matin"
        for person in self.spec.sees:
            opens = self.spec.told["breaks"].get(person, ())
            knocks = self._may_knock(person)
            for kind in self._tried_by(person, opens) if knocks else ("own",):
                browser, number = self.world.browser(person), self.world.cases[kind]
                answer = browser.post("/cases/emergency", {"number": number, "reason": why, "password": PASSWORD})
                shown = browser.get(f"/cases/{number}").status_code
                sees = kind in self.spec.sees[person]
                if answer.status_code == 303 and (not sees or not knocks):
                    self._closed_again(person, kind)
                self._forgotten()
                self.tried += 2
                if answer.status_code != (303 if (knocks and sees) or kind in opens else 404):
                    yield f"{person}, in an emergency over HTTP: {answer.status_code} for {kind}"
                if shown != (200 if sees or kind in opens else 404):
                    yield f"{person}, after an emergency: {shown} for {kind}"

    def _tried_by(self, person: str, opens: Collection[str]) -> list[str]:
        """Cases that this person opens, sees, and neither of the two."""
        sees = self.spec.sees[person]
        neither = [kind for kind in self.world.cases if kind not in opens and kind not in sees]
        parts = (opens, [kind for kind in sees if kind not in opens], neither)
        return [kind for number, part in enumerate(parts) for kind in self._in_turn(f"emergency {number}", part)]

    def _may_knock(self, person: str) -> bool:
        way = next(way for way in self.spec.free if way.door == "cases.emergency")
        return way.status(person) == 200

    def _closed_again(self, person: str, kind: str) -> None:
        """It is as it was; whoever may not see it even so is left with an opening that opens nothing."""
        opened = [one for one in self.world.events(kind) if isinstance(one, DoorOpened)]
        if opened:
            self.world.browser(person).post(f"/cases/{self.world.cases[kind]}/sight/{opened[-1].seq}/end", {})
        self.world.by_hand()

    def _forgotten(self) -> None:
        """How often somebody tried is counted, and no matter here."""
        with self.world.ctx.directory.writing() as session:
            session.execute(delete(ThrottleRow))

    def _breaks(self) -> Iterator[str]:
        for person in self.spec.sees:
            for kind, number in self.world.cases.items():
                self.tried += 1
                sees = "sees" if kind in self.spec.sees[person] else "nothing"
                wanted = "opens" if kind in self.spec.told["breaks"].get(person, ()) else sees
                if (found := breaks(self.world, person, number)) != wanted:
                    yield f"{person}, in an emergency: {found} for {kind}, not {wanted}"

    def _reviews(self) -> Iterator[str]:
        everybody = {*self.spec.sees, "head/2", "directorate/2", "academy/2", "team_member/2", "team_coordinator/2"}
        for person in sorted(everybody):
            page = self._desk(person)
            for kind, people in self.spec.told["reviews"].items():
                self.tried += 1
                if (f"{self.world.cases[kind]}/sight/doors/" in page) != (person in people):
                    yield f"{person}: the desk {'does not show' if person in people else 'shows'} a review of {kind}"

    # ---- many cases at once ------------------------------------------------------------------------------------

    def many(self) -> Iterator[str]:
        """Copies of many are begun of exactly the cases that are seen; what has gone from sight is told of no more."""
        yield from self._begun()
        yield from self._kept()
        yield from self._held()
        yield from self._orphans()

    def _begun(self) -> Iterator[str]:
        """A job of everybody who may ask, deleted again."""
        ctx = self.world.ctx
        for person, said in self.spec.told["begins"].items():
            wish = Wish(offer=said["offer"], language="fr")
            job = bulk.begin_bundle(ctx, self.world.actor(person), wish, self.world.token()).job
            with ctx.realm.reading() as session:
                numbers = {
                    one.number
                    for one in case_files_repository.cases_of(session, job, *case_files_repository.CaseState, limit=99)
                }
            bulk.delete_bundle(ctx, self.world.actor(person), job)
            yield from self._kinds(f"{person}: a job of many", numbers, said["cases"])

    def _kept(self) -> Iterator[str]:
        said = self.spec.told["kept"]
        base = f"/case-files/{self.world.said['job']}"
        browser = self.world.browser(said["whose"])
        page = browser.get(base).get_data(as_text=True)
        with ZipFile(BytesIO(browser.get(f"{base}/files").get_data())) as archive:
            (name,) = archive.namelist()
            listed = archive.read(name).decode()
        yield from self._kinds("the page of a job", _numbers(page), said["without_copy"])
        yield from self._kinds("the list of a job", _numbers(listed), said["listed"])
        self.tried += 1
        found = re.search(r"\d+ (?:dossiers? )?sur (\d+)", _plain(page))
        if found is None or int(found[1]) != len(said["listed"]):
            yield f"the page of a job counts {found[1] if found else 'nothing'}, not {len(said['listed'])}"

    def _held(self) -> Iterator[str]:
        """What stands in the way of a colleague's leaving."""
        for person, kinds in self.spec.told["holds"].items():
            page = self.world.browser(person).get(f"/team/schools/00000A/people/{self.world.said['post']}")
            yield from self._kinds(f"{person}: a leaver's cases", _numbers(page.get_data(as_text=True)), kinds)

    def _orphans(self) -> Iterator[str]:
        for person, kinds in self.spec.told["orphans"].items():
            page = self.world.browser(person).get("/team").get_data(as_text=True)
            yield from self._kinds(f"{person}: cases that nobody carries", _numbers(page), kinds)

    def _kinds(self, what: str, numbers: Collection[str], kinds: Collection[str]) -> Iterator[str]:
        self.tried += 1
        found = {kind for kind, number in self.world.cases.items() if number in numbers}
        if found != set(kinds):
            yield f"{what}: {sorted(found)}, not {sorted(kinds)}"

    # ---- parts that belong to another --------------------------------------------------------------------------

    def parts(self, who: Callable[[str], bool] = lambda _who: True) -> Iterator[str]:
        """An entry, a copy, an opening of another case is as a number that nothing has; and nothing is written."""
        base = f"/cases/{self.world.cases['own']}"
        for person, sees in self.spec.sees.items():
            if "own" not in sees or not who(person) or (self.brief and person not in ROLES):
                continue
            self.world.browser(person)
            before = self.world.rows()
            for way in self.spec.nested:
                path, none = (
                    base + way.path.format(**{**self.world.said, **other})
                    for other in ({}, {"foreign": NONE, "foreign_piece": NONE, "copy": NONE})
                )
                here = told(asked(self.world, person, way, path, **self.world.said), path, base)
                nothing = {"foreign": NONE, "foreign_piece": NONE, "copy": NONE}
                there = self._nobodys(person, way, none, base, like=here[0], values=nothing)
                self.tried += 1
                if here != there or here[0] not in (404, 409):
                    yield f"{person} {way.method} {way.path} of another case: {here[0]}, {there[0]}"
            after = self.world.rows()
            for table in sorted(name for name in after if after[name] != before[name] and name != "access"):
                yield f"{person}, another case's parts: {table} was written to"

    def own(self, people: Iterable[str] = (*ROLES, "head/2")) -> Iterator[str]:
        """What somebody began or wrote is theirs alone."""
        for person in people:
            for way in self.spec.owned:
                values = {"job": "x", "report": "x"}
                path = way.path.format(**self.world.said)
                none = way.path.format(**{**self.world.said, **values})
                wanted = way.status(person)
                answer = asked(self.world, person, way, path)
                self.tried += 1
                if wanted != ABSENT and answer.status_code != wanted:
                    yield f"{person} {way.method} {way.path}: {answer.status_code}, not {wanted}"
                gone = self._nobodys(person, way, none) if wanted == ABSENT else ()
                if wanted == ABSENT and (told(answer, path) != gone or gone[0] != 404):
                    yield f"{person} {way.method} {way.path}: {answer.status_code}, not as what nobody has"

    def schools(self, doors: Iterable[str] | None = None) -> Iterator[str]:
        """Pages of a school, by its place."""
        codes = {"own": "00000A", "same_province": "00000B", "other_province": "00000C", "other_region": "00000D"}
        for kind, ways in self.spec.places.items():
            there = {
                "school": codes[kind],
                "colleague": self.world.account("team_member/2" if kind == "own" else f"team_member@{kind}"),
                "newcomer": self.world.account(f"newcomer@{kind}"),
            }
            for way in ways:
                if doors is None or way.door in doors:
                    seconds = {who for people in way.statuses.values() for who in people if "/" in who}
                    for person in (*ROLES, *sorted(seconds)):
                        if not self.brief or kind == "own" or self._has_right_at_home(person, way):
                            yield from self._at(person, way, kind, there)

    def _has_right_at_home(self, person: str, way: Way) -> bool:
        """Whether that page of the own school is theirs: whoever has none there is asked of no other in brief."""
        own = (
            one
            for one in self.spec.places["own"]
            if (one.door, one.method, one.path) == (way.door, way.method, way.path)
        )
        return any(one.status(person) != ABSENT for one in own)

    def _at(self, person: str, way: Way, kind: str, there: Mapping[str, str]) -> Iterator[str]:
        none = {"school": "99999Z", "colleague": "nobody", "newcomer": "nobody", "self": "nobody"}
        there = {**there, "self": self.world.account(person)}
        path = way.path.format(**there)
        answer, wanted = asked(self.world, person, way, path, **there), way.status(person)
        self.tried += 1
        if wanted != ABSENT:
            if answer.status_code != wanted:
                yield f"{person} {way.method} {path} ({kind}): {answer.status_code}, not {wanted}"
            return
        nowhere = way.path.format(**none)
        gone = self._nobodys(person, way, nowhere, values=none)
        if gone[0] != 404 or told(answer, path) != gone:
            yield f"{person} {way.method} {path} ({kind}): {answer.status_code}, not as what is not there"

    def others(self, doors: Iterable[str] | None = None, people: Iterable[str] = ROLES) -> Iterator[str]:
        """Every other address, by role."""
        for person in people:
            for way in self.spec.free:
                if doors is None or way.door in doors:
                    wanted = way.status(person)
                    answer = asked(self.world, person, way, way.path.format(**self.world.said))
                    self.tried += 1
                    if answer.status_code != (404 if wanted == ABSENT else wanted):
                        yield f"{person} {way.method} {way.path}: {answer.status_code}, not {wanted}"

    # ---- over several schools ------------------------------------------------------------------------------------

    def shared(self) -> Iterator[str]:
        """What is asked of another school, what that tells; each school's pupils are named in its own case alone."""
        yield from self.asked_of_others()
        for person in self._sharing():
            yield from self._pupils(person)

    def _sharing(self) -> Iterable[str]:
        """Whom it is about, first; then whoever sees any case."""
        named = (who for _kind, way in self.spec.shared for people in way.statuses.values() for who in people)
        return dict.fromkeys((*named, *self.spec.told["shared"]["beside"], *self.spec.sees))

    def asked_of_others(self, methods: Collection[str] = METHODS) -> Iterator[str]:
        """What is asked of another school is read by those who answer there; what that tells, by those who lead."""
        for person in self._sharing():
            for kind, way in ((kind, way) for kind, way in self.spec.shared if way.method in methods):
                wanted = next((status for status, who in way.statuses.items() if person in who), ABSENT)
                base, gone = (f"/cases/{number}" for number in (self.world.cases[kind], self.world.absent))
                yield from self._compared(person, way, base, gone, wanted, kind)
            yield from self._asks(person)

    def _asks(self, person: str) -> Iterator[str]:
        """Desk and list lead whoever is asked to what is asked, and nobody else."""
        told = self.spec.told["shared"]["asked"]
        pages = {path: self.world.browser(person).get(path) for path in ("/", "/from-schools")}
        for seq, people in told.items():
            way = f"/cases/{self.world.cases['lead']}/asked/{self.world.said[seq]}"
            for path, answer in pages.items():
                self.tried += 1
                if (f'href="{way}"' in answer.get_data(as_text=True)) != (person in people):
                    yield f"{person}: {path} {'does not lead' if person in people else 'leads'} to what is asked: {seq}"

    def _pupils(self, person: str) -> Iterator[str]:
        said, browser = self.world.said, self.world.browser(person)
        lead, contributing = (f"/cases/{self.world.cases[kind]}" for kind in ("lead", "contributing"))
        parts = ("", "/chronology", "/acts/note", "/sight", *(f"/entries/{seq}" for seq in range(2, 6)))
        paths = [base + part for base in (lead, contributing) for part in parts]
        paths += [f"{lead}/contributions/{said['told']}", f"{lead}/asked/{said['asked']}"]
        paths.append(f"{lead}/asked/{said['transfer']}")
        answers = [browser.get(path) for path in paths]
        pages = "".join(one.get_data(as_text=True) for one in answers if one.status_code == 200)
        for name, (pupil, people) in self.spec.told["shared"]["pupils"].items():
            self.tried += 1
            if (pupil in pages) != (person in people):
                yield f"{person}: {'is not' if person in people else 'is'} told who is a pupil of the {name} school"

    # ---- teams that are visited ------------------------------------------------------------------------------------

    def visited(self) -> Iterator[str]:
        """What was written of a visit is read by those who look at that team, whatever place they ask for."""
        for person in ROLES:
            browser = self.world.browser(person)
            paths = [f"/teams/visits{asked}" for asked in ("", "?place=00000D", "?place=R2")]
            answers = [browser.get(path) for path in (*paths, "/teams/schools/00000A", "/teams/schools/00000D")]
            pages = "".join(one.get_data(as_text=True) for one in answers)
            for word, people in self.spec.told["visited"].items():
                self.tried += 1
                if (word in pages) != (person in people):
                    yield f"{person}: {'does not read' if person in people else 'reads'} of a visit: {word}"

    # ---- other systems -----------------------------------------------------------------------------------------

    def systems(self) -> Iterator[str]:
        """Each token lists and reads exactly the cases of its place that are nobody's to hide, and names nobody."""
        for name, said in self.spec.told["by_token"].items():
            sees, absent = said.get("sees", ()), self._by_token(name, f"/cases/{self.world.absent}")
            listed = self._by_token(name, "/cases?limit=200")
            found = re.findall(r'"number":"(\d+)"', listed.get_data(as_text=True))
            if listed.status_code != said["cases"]:
                yield f"token {name}: the list of cases answers {listed.status_code}, not {said['cases']}"
            yield from self._kinds(f"token {name} lists", found, sees)
            for kind, number in self.world.cases.items():
                answer = self._by_token(name, f"/cases/{number}")
                if kind in sees:
                    wanted, text = 200, answer.get_data(as_text=True)
                    yield from (f"token {name} reads “{word}” of {kind}" for word in WORDS.values() if word in text)
                else:
                    wanted = absent.status_code
                    if answer.data != absent.data:
                        yield f"token {name}, {kind}: another answer than about what nobody has"
                if answer.status_code != wanted:
                    yield f"token {name}, {kind}: {answer.status_code}, not {wanted}"
            for path, if_good in (("/figures", 200), ("/figures/none", 404), ("/figures/none/rows.csv", 404)):
                wanted = if_good if said["figures"] == 200 else said["figures"]
                if self._by_token(name, path).status_code != wanted:
                    yield f"token {name}: {path} does not answer {wanted}"

    def _by_token(self, name: str, path: str) -> TestResponse:
        """Asked with that token, by somebody who is signed in and sees much more."""
        self.tried += 1
        secret = self.world.secrets.get(name, "sp_nobodys")
        browser = self.world.browser("directorate")
        return browser.client.get(f"/api/v1{path}", headers={"Authorization": f"Bearer {secret}"})


def kind_of(person: str, sees: Collection[str]) -> str:
    """Whom somebody shares their rights in the own case with, where they have none; empty for others."""
    if person in ROLES or "own" in sees:
        return ""
    return person.partition(" ")[0] if " " in person else "elsewhere"


def breaks(world: World, who: str, number: str) -> str:
    """What the number would do for them in an emergency: opens, sees (without it), nothing. Nothing is opened."""
    with world.ctx.realm.reading() as session:
        try:
            found = emergency_access.opening(world.ctx, session, world.actor(who), number)
        except emergency_access.SeenAnyway:
            return "sees"
    return "opens" if found is not None else "nothing"


def _plain(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))


def _numbers(page: str) -> set[str]:
    """Numbers of cases, as addresses and lists have them."""
    return set(re.findall(r"\b[\d-]{12,}\b", page))


def _leads_to(page: str, number: str) -> bool:
    """Whether a page leads to that case: not to what it asks of another school alone."""
    return re.search(rf"/cases/{number}(?!/asked/)", page) is not None


def _part(page: str, heading: str) -> str:
    """The section under that heading; empty where there is none."""
    begins = page.find(f'aria-labelledby="{heading}"')
    return page[begins : page.find("</section>", begins)] if begins >= 0 else ""


def _leads_to_sign_in(answer: TestResponse) -> bool:
    return answer.status_code == 302 and (answer.location or "").startswith("/sign-in?next=")
