"""Frozen. One step of a SpiffWorkflow process as its manual does it: complete a task, run the engine, serialise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from SpiffWorkflow import TaskState
from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.parser import BpmnParser
from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer

DONE_BEFORE = 2
"""Of the five stages, those that lie behind when the step is made."""


def step() -> tuple[Callable[[], str], Callable[[], None]]:
    """What makes the third of five steps, the workflow being in memory, and what puts one before it again."""
    parser = BpmnParser()
    parser.add_bpmn_file(str(Path(__file__).with_name("five_stages.bpmn")))
    spec, serializer = parser.get_spec("five_stages"), BpmnWorkflowSerializer()
    now: list[Any] = []

    def complete() -> None:
        now[0].get_next_task(state=TaskState.READY, manual=True).run()
        now[0].do_engine_steps()

    def back() -> None:
        now[:] = [BpmnWorkflow(spec)]
        now[0].do_engine_steps()
        for _stage in range(DONE_BEFORE):
            complete()

    def once() -> str:
        complete()
        written: str = serializer.serialize_json(now[0])
        return written

    back()
    return once, back
