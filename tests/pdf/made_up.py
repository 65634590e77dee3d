"""A made-up case of any definition, laid out for a copy: every act recorded once, every question answered.

Nothing is limited here: names and words are all handed in, whatever the profile, so that the document's own lock is
what a test sees. Every text has a word in it that stands nowhere else: `planted`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from school_protocol.case_files.content import CaseFile, CheckLine, GridLine, SummaryLine
from school_protocol.cases.view_models import (
    CaseHead,
    DangerLine,
    DutyLine,
    EventView,
    FollowUpLine,
    PersonLine,
    RailStage,
    RecordView,
    ReferralLine,
    SeatLine,
    SignatureLine,
)
from school_protocol.engine import case_summary
from school_protocol.engine.case_summary import AskedLine, Conformance, DepartureLine, DespiteLine, ExcuseLine
from school_protocol.engine.definition import Act, ActKind, Protocol
from school_protocol.engine.definition_parts import FieldType, FormField
from school_protocol.engine.visibility import Unit, UnitKind

NOW = datetime(2026, 11, 25, 9, 41, tzinfo=UTC)
NUMBER = "4821 0937 5512-4"
SPOKEN = "ما بغيتش نرجع للمدرسة"
NAMES = ("Salma El Idrissi", "ريان الشرقاوي", "Imane Lahlou", "Adam Berrada", "فاطمة الزهراء", "Omar Naciri")
COLLEAGUES = {"a1": "L. Amrani", "a2": "Y. Bennis"}
SCHOOL = Unit(
    "u1",
    UnitKind.school,
    "01234A",
    {"fr": "Collège Ibn Khaldoun", "ar": "ثانوية ابن خلدون", "en": "Ibn Khaldoun School"},
)
PLACES = (
    Unit(
        "u2",
        UnitKind.region,
        "MA-06",
        {"fr": "AREF Casablanca-Settat", "ar": "أكاديمية الدار البيضاء", "en": "Casablanca Academy"},
    ),
)
OUTCOMES = ("kept", "late", "overdue", "open", "suspended", "excused")


def planted(act: str, field: str) -> str:
    """A word that stands nowhere else: letters alone, so that no break and no bidi run can cut it."""
    return "Mot" + "".join(chr(ord("a") + int(digit, 16)) for digit in (act + "." + field).encode().hex())


class MadeUp:
    def __init__(self, protocol: Protocol, direction: str = "ltr") -> None:
        self.protocol = protocol
        self.people = tuple(
            PersonLine(
                f"{key}-1",
                slot,
                f"{slot.short}1",
                NAMES[place % len(NAMES)],
                {"grade": "2AC-3", "massar": "G135792468"},
                slot.guardian,
            )
            for place, (key, slot) in enumerate(protocol.slots.items())
        )
        self.role = next(iter(protocol.roles))
        acts = list(protocol.acts.values())
        self.records = tuple(self.record(number, act) for number, act in enumerate(acts, start=2))

    def record(self, seq: int, act: Act) -> RecordView:
        form = self.protocol.form_of(act)
        at = NOW - timedelta(days=10) + timedelta(hours=seq)
        answers = {field.key: self.answer(act.key, field) for field in form.fields}
        signatures = (SignatureLine("Y. Bennis", self.role, at),) if act.signatures else ()
        return RecordView(
            seq, "form_recorded", act, form, {key: value for key, value in answers.items() if value is not None},
            "L. Amrani", self.role, at, at, signatures, act.signatures, derived={"piece": 1},
        )  # fmt: skip

    def answer(self, act: str, field: FormField) -> Any:
        word, protocol = planted(act, field.key), self.protocol
        options = [option.key for option in field.options]
        answers: dict[FieldType, Any] = {
            FieldType.text: word,
            FieldType.long: word if field.nameless else f"{word} : « {SPOKEN} ».\nInstagram, 25/11/2026 10:41.",
            FieldType.choice: options[0] if options else None,
            FieldType.choices: options[:2],
            FieldType.yes_no: True,
            FieldType.check: True,
            FieldType.tri: "unknown",
            FieldType.date: "2026-11-20",
            FieldType.moment: "2026-11-20T09:30:00+00:00",
            FieldType.integer: 3,
            FieldType.scale: 6,
            FieldType.person: self.people[0].id,
            FieldType.persons: [person.id for person in self.people[:2]],
            FieldType.account: "a1",
            FieldType.accounts: ["a1", "a2"],
            FieldType.rows: [{column.key: self.answer(act, column) for column in field.fields} for _row in range(2)],
            FieldType.danger: next(iter(protocol.dangers), None),
            FieldType.dangers: list(protocol.dangers)[:2],
            FieldType.target: next(iter(protocol.targets), None),
            FieldType.covers: ["need"],
            FieldType.referral: "1",
        }
        return answers.get(field.type)

    def events(self, count: int | None = None) -> Iterator[EventView]:
        yield EventView(1, "case_opened", "L. Amrani", self.role, NOW - timedelta(days=10), NOW - timedelta(days=10))
        for record in self.records:
            yield EventView(record.seq, record.event, record.actor, record.role, record.at, record.occurred_at, record)
        moves = list(self.protocol.moves.values())
        for number in range(count or len(moves)):
            move, at = moves[number % len(moves)], NOW - timedelta(days=2) + timedelta(minutes=number)
            target = self.protocol.states.get(move.to, self.protocol.initial)
            yield EventView(
                number + 100,
                "step_taken",
                "Y. Bennis",
                self.role,
                at,
                at,
                None,
                {"move": move, "target": target, "reason": ""},
            )

    def conformance(self) -> Conformance:
        asked = [("deadlines", key) for key in self.protocol.deadlines] + [
            ("duties", key) for key in self.protocol.duties
        ]
        lines = tuple(
            AskedLine(
                part, key, "1" if number == 1 else self.people[0].id if number == 2 else "", OUTCOMES[number % 6],
                NOW - timedelta(days=3), NOW - timedelta(days=2, hours=12) if number % 6 < 2 else None,
            )
            for number, (part, key) in enumerate(asked)
        )  # fmt: skip
        move = next(move for move in self.protocol.moves.values() if move.needs)
        return Conformance(
            lines, (DepartureLine(move.key, move.needs[0], "Le temps pressait.", NOW - timedelta(days=4), "a2"),),
            tuple(
                ExcuseLine(duty, reason, 9, NOW - timedelta(days=3), "a2")
                for duty, reason in zip([*self.protocol.duties][:2], ("الأسرة خارج المغرب.", ""), strict=False)
            ),
            tuple(
                DespiteLine(act.key, 0, "La mère insistait.", 9, NOW - timedelta(days=3), "a2", "", corrected)
                for act in self.protocol.acts.values()
                if self.protocol.form_of(act).departs
                for corrected in (False, True)
            ),
        )  # fmt: skip

    def file(self, profile: str, steps: int | None = None) -> CaseFile:
        protocol = self.protocol
        document = next(document for document in protocol.documents.values() if profile in document.profiles)
        grid = next(iter(protocol.grids.values()))
        scored = case_summary.score(
            grid, {key: len(item.anchors) - 1 for place, (key, item) in enumerate(grid.items.items()) if place != 1}
        )
        signed = next(
            (record for record in self.records if record.act.signatures > 1 and record.act.kind is ActKind.record), None
        )
        of_kind = {kind: tuple(record for record in self.records if record.act.kind is kind) for kind in ActKind}
        referred = of_kind[ActKind.refer][0]
        dangers = tuple(
            DangerLine(danger, "referred", NOW - timedelta(days=5), "L. Amrani", NOW)
            for danger in list(protocol.dangers.values())[:1]
        )
        held = of_kind[ActKind.follow_up][0]
        referral = ReferralLine(
            1,
            referred.seq,
            next(iter(protocol.targets.values())),
            ("need",),
            NOW,
            None,
            "Y. Bennis",
            "acknowledged",
            NOW,
            {"fr": "Cellule du tribunal de Salé", "ar": "خلية محكمة سلا"},
        )
        return CaseFile(
            head=self.head(dangers),
            profile=profile,
            as_of=NOW,
            content_seq=9,
            content_head="b7e1c0d2" * 8,
            decision=signed,
            conformance=self.conformance(),
            events=tuple(self.events(steps)),
            people=self.people,
            records=self.records,
            grid=tuple(
                GridLine(part.item, part.score, part.low, part.high, grid.items[part.item].weight)
                for part in scored.contributions
            ),
            grid_total=(scored.low, scored.high),
            grid_detail={"grid": grid.key, "reasons": ["maximum", "floor"]},
            dangers=dangers,
            referrals=(referral,),
            follow_ups=(
                FollowUpLine(date(2026, 11, 20), "held", 3, held),
                FollowUpLine(date(2026, 12, 1), "planned", 14),
            ),
            evidence=of_kind[ActKind.evidence],
            duties=tuple(DutyLine(duty, "due", "soon", NOW) for duty in protocol.duties.values()),
            seats=tuple(SeatLine(seat, "L. Amrani", "2026-12-31") for seat in protocol.seats.values()),
            names=COLLEAGUES,
            rail=tuple(RailStage(stage, "done", NOW) for stage in protocol.stages.values()),
            places=PLACES,
            checks=tuple(
                CheckLine(self.part_of(key), key, (True, False, None)[place % 3])
                for place, key in enumerate(document.checks)
            ),
            summary=self.summary(document.profiles[profile].summary),
        )

    def summary(self, act: str | None) -> SummaryLine | None:
        if act is None:
            return None
        item = next(field for field in self.protocol.form_of(act).fields if field.nameless)
        return SummaryLine(f"{planted(act, item.key)} [{self.people[0].label}]", self.role, NOW, stands=True)

    def head(self, dangers: tuple[DangerLine, ...]) -> CaseHead:
        protocol = self.protocol
        levels = next(iter(protocol.grids.values())).levels
        return CaseHead(
            protocol=protocol,
            number=NUMBER,
            seq=9,
            unit=SCHOOL,
            state=protocol.initial,
            stage=protocol.stage_of(protocol.initial.key),
            level=levels[max(levels)],
            opened_at=NOW - timedelta(days=10),
            entered_at=NOW - timedelta(days=1),
            restricted=False,
            pseudonymised=False,
            roles=(),
            live_dangers=dangers,
        )

    def part_of(self, check: str) -> str:
        return next(part for part in ("needs", "duties", "deadlines") if check in getattr(self.protocol, part))


def profiles(protocol: Protocol) -> dict[bool, str]:
    """Whether words and names are in it → the first such profile."""
    every = [profile for document in protocol.documents.values() for profile in document.profiles.values()]
    return {wanted: next(one.key for one in every if one.words is one.identities is wanted) for wanted in (False, True)}
