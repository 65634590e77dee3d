"""Two protocol administrators in an installation, and a prover that says what a test wants it to say."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

from engine.telling import NOW

from school_protocol.auth import repository as auth_repository
from school_protocol.cases.story_player import Player, throwaway
from school_protocol.context import REALM, AppContext
from school_protocol.engine.definition import Protocol
from school_protocol.engine.visibility import Actor
from school_protocol.proof.state_space import Beat, Proof, Result, Story, Verdict
from school_protocol.protocol import repository as protocol_repository
from school_protocol.protocol.reader import read
from school_protocol.publishing import draft_process
from school_protocol.publishing import service as publishing_service

HOLDS = Proof((Result("no_end_in_danger", Verdict.held, combinations=7),), 7, 0.1)


def failing(protocol: Protocol, verdict: Verdict = Verdict.failed) -> Proof:
    """A proof with one fault, told by the definition's own first act and move."""
    act = next(iter(protocol.acts.values()))
    form = protocol.form_of(act)
    answers = {item.key: "…" for item in form.fields[:1]}
    move = next(one for one in protocol.moves.values() if not one.automatic)
    beats = (
        Beat(role=next(iter(protocol.roles)), do=act.key, kind="act", answers=answers),
        Beat(days=3, kind="clock"),
        Beat(role=next(iter(protocol.roles)), do=move.key, kind="move", departs=move.needs[:1], person=2),
    )
    story = Story(beats, protocol.initial.key, {next(iter(protocol.facts)): None}, tuple(protocol.needs)[:1], True)
    return Proof((Result("no_end_in_danger", verdict, move.key, None, story, (12, 34), 5),), 5, 0.2)


@dataclass
class Desk:
    """An installation with its administrators; `proof` is what any draft's proof says."""

    player: Player
    proof: Proof = HOLDS
    examined: list[bytes] = field(default_factory=list)

    @property
    def ctx(self) -> AppContext:
        return self.player.ctx

    def administrator(self, name: str = "first") -> Actor:
        return self.person(f"administrator {name}", self.publishing_role)

    @property
    def publishing_role(self) -> str:
        return next(role.key for role in self.player.protocol.roles.values() if role.publishes)

    def person(self, name: str, role: str) -> Actor:
        with self.ctx.directory.writing() as session:
            found = auth_repository.account_named(session, name)
            account = found.id if found else ""
            if not found:
                account = auth_repository.add_account(
                    session, username=name, names={"fr": name}, language="fr", created_at=self.ctx.now()
                )
                auth_repository.appoint(session, account, role=role, unit=self.player.school, starts=date(2020, 1, 1))
            actor = auth_repository.actor(session, account, realm=REALM, today=self.ctx.now().date())
        assert actor is not None
        return actor

    def upload(self, content: bytes, who: str = "first", name: str = "next.yaml") -> str:
        return publishing_service.upload(self.ctx, self.administrator(who), content, name)

    def examine(self, content: bytes, before: bytes | None) -> draft_process.Report:
        self.examined.append(content)
        return {"proof": draft_process.proof_out(self.proof), "stories": []}

    def work_out(self) -> int:
        return publishing_service.work_out(self.ctx, self.examine)

    def ready(self, content: bytes, who: str = "first") -> str:
        """Uploaded, and worked out."""
        draft = self.upload(content, who)
        self.work_out()
        return draft

    def proposed(self, content: bytes, who: str = "first") -> str:
        draft = self.ready(content, who)
        publishing_service.propose(self.ctx, self.administrator(who), draft)
        return draft

    def agree(self, draft: str, content: bytes, who: str = "second") -> tuple[str, int]:
        digest = read(content, "x").digest
        return publishing_service.agree(self.ctx, self.administrator(who), draft, digest)

    def agreed_at_once(self, *contents: bytes) -> list[str]:
        """Two drafts, agreed to at the same time by two people: `published`, or why not, in the order of the words."""
        drafts = {self.proposed(content): content for content in contents}
        people = ("second", "third")
        for who in people:
            self.administrator(who)

        def agree(pair: tuple[tuple[str, bytes], str]) -> str:
            (draft, content), who = pair
            try:
                self.agree(draft, content, who)
            except publishing_service.PublishRefused as error:
                return ",".join(error.obstacles)
            return "published"

        with ThreadPoolExecutor(2) as pool:
            return sorted(pool.map(agree, zip(drafts.items(), people, strict=True)))

    def published(self) -> list[tuple[int, bool]]:
        with self.ctx.directory.reading() as session:
            return [(line.version, line.is_current) for line in protocol_repository.definition_lines(session)]


@contextmanager
def desk_of(content: bytes) -> Iterator[Desk]:
    with throwaway(read(content, "desk"), content, NOW) as player:
        yield Desk(player)
