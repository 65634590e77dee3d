"""Protocols made to measure: how the cost of a proof grows with states and facts.

`python -m bench.synthetic STATES FACTS DANGERS`, or a definition's file, proves one in this process and prints figures.
"""

from __future__ import annotations

import json
import resource
import sys
from itertools import pairwise
from pathlib import Path
from time import process_time
from typing import Any

from school_protocol.engine.definition import Protocol
from school_protocol.proof.prove import prove
from school_protocol.protocol.reader import read

_TEXT = {"fr": "Texte", "ar": "نص", "en": "Text"}
_Part = dict[str, Any]


def synthetic(states: int, facts: int, dangers: int) -> Protocol:
    """A long way from noting to the end: steps need some facts each, a danger interrupts it anywhere."""
    spec = {
        "format": "1", "protocol": "synthetic", "version": "1", "languages": ["fr", "ar", "en"], "title": _TEXT,
        "notice": _TEXT, "stages": {"only": _named()},
        "states": _states(states), "slots": {"pupil": _named()},
        "roles": {
            "helper": _named(sees="unit", stand_in_by="head"),
            "head": _named(sees="unit", head="true", stand_in_by=["helper", "office"]),
            "office": _named(sees="province", oversees="true"),
        },
        "forms": _forms(facts), "acts": _acts(states, facts), "moves": _moves(states, facts), "facts": _facts(facts),
        "needs": _needs(facts), "properties": _properties(facts), "deadlines": _deadlines(states),
        "dangers": {f"d{one}": _danger(one) for one in range(dangers)},
        "targets": {"service": _named(external="true", awaits_answer="false")},
        "documents": {
            "file": _named(profiles={"school": _named(**{"for": ["head"]})}, sections=[{"kind": "records", **_named()}])
        },
    }  # fmt: skip
    return read(json.dumps(spec, ensure_ascii=False).encode(), "synthetic")


def _named(**more: Any) -> _Part:
    return {"title": _TEXT, **more}


def _field(kind: str, **more: Any) -> _Part:
    return {"type": kind, "required": "true", "label": _TEXT, **more}


def _states(states: int) -> _Part:
    found = {f"s{one}": _named(stage="only") for one in range(states - 2)}
    found["s0"]["initial"] = "true"
    return {**found, "urgent": _named(stage="only"), "end": _named(stage="only", ended="true")}


def _forms(facts: int) -> _Part:
    asked = {f"ask{one}": _named(fields={"said": _field("tri")}) for one in range(facts)}
    return {
        "slip": _named(fields={"what": _field("text")}),
        "bell": _named(fields={"which": _field("danger")}),
        "letter": _named(fields={"to": _field("target"), "about": _field("covers")}),
        **asked,
    }


def _acts(states: int, facts: int) -> _Part:
    roles = ["helper", "head"]
    report = _named(kind="report", form="slip", by="everyone", moves="begin", group="safety", **{"in": "START"})
    ring = _named(kind="raise_danger", form="bell", by="everyone", moves="alert", group="safety")
    lift = _named(kind="lift_danger", form="bell", by=roles, group="safety", **{"in": "open"})
    refer = _named(kind="refer", form="letter", by=roles, group="referral", **{"in": "open"})
    asked = {f"ask{one}": _named(form=f"ask{one}", by=roles, group="team", **{"in": "open"}) for one in range(facts)}
    return {"report": report, "ring": {**ring, "in": ["START", "any"]}, "lift": lift, "refer": refer, **asked}


def _moves(states: int, facts: int) -> _Part:
    waiting = [f"s{one}" for one in range(states - 2)]
    found = {
        "begin": _named(to="s0", by="everyone", automatic="true", **{"from": "START"}),
        "alert": _named(to="urgent", by="everyone", automatic="true", **{"from": ["START", *waiting, "end"]}),
        "calm": _named(to="history", by=["helper", "head"], needs="quiet", backwards="true", **{"from": "urgent"}),
        "go_on": _named(to="s0", by=["helper", "head"], needs="quiet", **{"from": "urgent"}),
        "end": _named(
            to="end",
            by=["helper", "head"],
            needs=["quiet", "known0", "known1", "known2"],
            distinct=[["proposer", "mover"]],
            **{"from": waiting[-1]},
        ),
    }
    each = max(2, -(-facts // (len(waiting) - 1)))
    for one, (source, target) in enumerate(pairwise(waiting)):
        needs = list(dict.fromkeys(f"known{(one * each + more) % facts}" for more in range(each)))
        found[f"m{one}"] = _named(to=target, by=["helper", "head"], needs=needs, **{"from": source})
    return found


def _facts(facts: int) -> _Part:
    """Answers, counts and marks, in turns."""
    found: _Part = {"raised": {"type": "count", "dangers": {"states": "raised"}, "label": _TEXT}}
    for one in range(facts):
        source = {"act": f"ask{one}"}
        found[f"f{one}"] = (
            {"type": "enum", "values": ["none", "yes", "no", "unknown"], "initial": "none", "since": "opening",
             "from": [{**source, "field": "said"}], "label": _TEXT},
            {"type": "count", "fold": "count", "initial": "0", "from": [source], "label": _TEXT},
            {"type": "bool", "fold": "ever", "initial": "false", "from": [source], "since": "opening", "label": _TEXT},
        )[one % 3]  # fmt: skip
    return found


def _needs(facts: int) -> _Part:
    found: _Part = {"quiet": {"when": "raised == 0", "lock": "safety", "met_by": ["lift", "refer"], "sentence": _TEXT}}
    for one in range(facts):
        when = (f"f{one} in ('yes', 'no')", f"f{one} >= 3", f"f{one}")[one % 3]
        found[f"known{one}"] = {"when": when, "lock": "law", "met_by": [f"ask{one}"], "sentence": _TEXT}
    return found


def _properties(facts: int) -> _Part:
    unknown = "f0 in ('none', 'unknown') or f1 < 3 or not f2"
    return {
        "known_at_the_end": {"never": unknown, "entering": "end", "sentence": _TEXT},
        "ask_always": {"always_possible": f"ask{facts - 1}", "in": "open", "sentence": _TEXT},
    }


def _deadlines(states: int) -> _Part:
    start = [{"entered": [*(f"s{one}" for one in range(states - 2)), "urgent"]}]
    return {"stay": _named(value="5", unit="school_days", per="entry", start=start, ends_with_state="true")}


def _danger(number: int) -> _Part:
    return _named(code=f"D{number}", first_acts=[_TEXT], never=[_TEXT], targets="service")


def figures(protocol: Protocol) -> dict[str, float]:
    """Seconds of processor time, combinations, faults, and the most memory that this process has held, in MiB."""
    begun = process_time()
    proof = prove(protocol)
    seconds = process_time() - begun
    return {"seconds": seconds, "combinations": proof.combinations, "faults": len(proof.faults), "peak": _peak()}


def _peak() -> float:
    """The most memory of this program alone: what `getrusage` says may be that of the process that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(one for one in status.read_text("ascii").splitlines() if one.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    if sys.argv[1].isdigit():
        asked = synthetic(*(int(number) for number in sys.argv[1:4]))
    else:
        asked = read(Path(sys.argv[1]).read_bytes(), sys.argv[1])
    print(json.dumps(figures(asked)))
