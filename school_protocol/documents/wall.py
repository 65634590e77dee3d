"""The protocol on four pages, for a school's wall: its drawing, its stages, its dangers. No case is in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

from markupsafe import Markup

from school_protocol.documents import bidi
from school_protocol.documents.rendering import render, template
from school_protocol.domain.protocol import Deadline, Move, Protocol, Stage, State
from school_protocol.domain.texts import Text
from school_protocol.wording import Wording

SMALLEST, LARGEST = 0.45, 1.3
"""How far the letters of one page may be made smaller or larger, so that it is one page, and full."""
_TRIES = 6


@dataclass(frozen=True, slots=True)
class WallTask:
    """Something to be done in a stage: what, by whom, and within which times."""

    title: Text
    who: tuple[str, ...]
    due: tuple[Deadline, ...]
    opens: tuple[int, ...]
    """Numbers of the moves out of the stage that need it."""


@dataclass(frozen=True, slots=True)
class WallStep:
    """A move out of a state of the stage, with the number that it has in the drawing."""

    number: int
    move: Move
    kind: str
    target: State | None
    """None: back to where the case stood before."""
    due: tuple[Deadline, ...] = ()


@dataclass(frozen=True, slots=True)
class WallStage:
    stage: Stage
    states: tuple[State, ...]
    tasks: tuple[WallTask, ...]
    also: tuple[WallTask, ...]
    """What an earlier stage has told of already."""
    steps: tuple[WallStep, ...]

    @property
    def weight(self) -> int:
        return 3 + max(len(self.tasks) + len(self.also) // 3, len(self.steps))


@dataclass(frozen=True, slots=True)
class Wall:
    """Everything that the four pages print. `picture` is the drawing, as HTML; `key` says what its lines mean."""

    protocol: Protocol
    picture: str
    key: str
    steps: tuple[WallStep, ...]
    stages: tuple[WallStage, ...]
    made_at: datetime

    def halves(self) -> tuple[tuple[WallStage, ...], tuple[WallStage, ...]]:
        """The stages in their order, on two pages of about the same weight."""
        total = sum(stage.weight for stage in self.stages)

        def uneven(place: int) -> int:
            return abs(total - 2 * sum(stage.weight for stage in self.stages[:place]))

        cut = min(range(1, len(self.stages) + 1), key=uneven)
        return self.stages[:cut], self.stages[cut:]


def wall(given: Wall, wording: Wording) -> bytes:
    """The PDF/A-3a: each part on one page, as large as it fits. Raises AddressRefused, DocumentsUnavailable."""
    parts = 1 + sum(bool(half) for half in given.halves()) + bool(given.protocol.dangers)
    fits, too_large = [SMALLEST] * parts, [LARGEST] * parts
    for _try in range(_TRIES):
        tried = [(low + high) / 2 for low, high in zip(fits, too_large, strict=True)]
        for part, pages in enumerate(_pages(_written(given, wording, tried))):
            (fits if pages == 1 else too_large)[part] = tried[part]
    return _written(given, wording, fits)


def _written(given: Wall, wording: Wording, sizes: Sequence[float]) -> bytes:
    protocol = given.protocol
    return render(
        _html(given, wording, sizes),
        title=f"{wording.gettext('The protocol on four pages')} – {wording.text(protocol.title)}",
        language=wording.html_language,
        identifier=f"wall|{protocol.protocol}|{protocol.version}|{protocol.digest}|{wording.language}",
        moment=given.made_at,
        accessible=True,
    )


def _html(given: Wall, wording: Wording, sizes: Sequence[float]) -> str:
    def line(value: object) -> Markup:
        return bidi.isolated(str(value), wording.direction)

    return template("wall.html").render(
        wall=given, protocol=given.protocol, sizes=sizes, w=wording, _=wording.gettext, line=line,
        text=lambda text: line(wording.text(text)), code=bidi.code,
        picture=Markup(given.picture),  # noqa: S704 (drawn by ourselves, every word of it escaped)
    )  # fmt: skip


def _pages(written: bytes) -> list[int]:
    """How many pages each part takes, by where its heading stands."""
    import pikepdf

    with pikepdf.open(BytesIO(written)) as pdf, pdf.open_outline() as outline:
        places = {page.objgen: number for number, page in enumerate(pdf.pages)}
        parts = [item for first in outline.root for item in (first, *first.children)]
        starts = [places[item.destination[0].objgen] for item in parts]  # type: ignore[index]
        ends = [*starts[1:], len(pdf.pages)]
    return [max(1, end - start) for start, end in zip(starts, ends, strict=True)]
