"""Steps of stories that are reviewed: a case placed where a story needs it, what waits, where the review stands."""

from __future__ import annotations

from typing import Any

from school_protocol.cases import index_repository
from school_protocol.cases.loading import keep, load
from school_protocol.cases.service import Done
from school_protocol.engine.events import Event, Remark, RemarkKind, ReviewAsked, StepTaken
from school_protocol.supervision.repository import Chosen
from school_protocol.supervision.review import observe
from school_protocol.supervision.review_queue import see_queue
from services.conftest import School

ASKS = Remark(kind=RemarkKind.complete, text="Qui a informé la famille, et quand ?", awaits=True, entry=2)


def write(school: School, *events: Event) -> None:
    """Put these events after what the case has."""
    with school.ctx.realm.writing() as session:
        loaded = load(school.ctx, session, school.person("head"), school.number)
        keep(school.ctx, session, loaded, events)


def placed(school: School, state: str, *, level: int | None = None, by: str = "team_coordinator") -> None:
    """Take the case to that state by whatever move leads there, and begin the review that the step begins."""
    with school.ctx.realm.reading() as session:
        loaded = load(school.ctx, session, school.person("head"), school.number)
    move = next(one for one in loaded.protocol.moves.values() if one.to == state)
    header: dict[str, Any] = {
        "actor": school.account(by), "role": by.partition("/")[0], "at": loaded.now, "occurred_at": loaded.now,
    }  # fmt: skip
    step = StepTaken(**header, move=move.key, source=loaded.case.state, target=state, level=level)
    write(school, step)
    review = loaded.protocol.review
    entered = [begins for begins in review.begins if state in begins.entered] if review is not None else []
    if entered and (level or loaded.case.level) >= 3:
        write(school, ReviewAsked(**header, move=move.key))


def closing(school: School, level: int = 3) -> None:
    """A report, and at once the proposal to close it at that level."""
    school.report()
    placed(school, "assessment_validated", level=level)
    placed(school, "closure_proposed")


def observes(school: School, remark: Remark = ASKS, who: str = "directorate", **more: Any) -> Done:
    more.setdefault("expected", school.last_seq())
    more.setdefault("token", school.token())
    return observe(school.ctx, school.person(who), school.number, remark, **more)


def waits(school: School, who: str = "directorate", **chosen: Any) -> list[tuple[str, tuple[str, ...]]]:
    """What waits for this person: each case's number with its reasons, in order."""
    asked = Chosen(**chosen) if chosen else None
    queue = see_queue(school.ctx, school.person(who), asked)
    return [(line.case.number, tuple(reason.kind for reason in line.reasons)) for line in queue.lines]


def kinds(school: School, who: str = "directorate") -> tuple[str, ...]:
    """Why the case of the story waits for this person."""
    return dict(waits(school, who)).get(school.number, ())


def row(school: School) -> index_repository.IndexRow:
    with school.ctx.realm.reading() as session:
        loaded = load(school.ctx, session, school.person("directorate"), school.number)
        found = index_repository.row_of(session, loaded.case_id)
    assert found is not None
    return found
