"""Two protocols, small enough to be walked case by case: `LEAK` has dangers, referrals, a way back; `FAIR` signatures.

Each with the answers that its acts are given: every answer that anything in it tells apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TEXT = {"fr": "Texte", "ar": "نص", "en": "Text"}
Answers = Mapping[str, tuple[Mapping[str, Any], ...]]


def _named(**more: Any) -> dict[str, Any]:
    return {"title": TEXT, **{key.rstrip("_"): value for key, value in more.items()}}


def _field(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "required": "true", "label": TEXT, **more}


def _need(when: str, **more: Any) -> dict[str, Any]:
    return {"when": when, "sentence": TEXT, **more}


def _whole(name: str, **parts: Any) -> dict[str, Any]:
    return {
        "format": "1", "protocol": name, "version": "1", "languages": ["fr", "ar", "en"], "title": TEXT,
        "notice": TEXT, "stages": {"only": _named()},
        "roles": {
            "helper": _named(sees="unit", trained="true"),
            "head": _named(sees="unit", head="true"),
        },
        "slots": {"pupil": _named()},
        "documents": {
            "file": _named(profiles={"school": _named(for_=["head"])}, sections=[_named(kind="chronology")]),
        },
        **parts,
    }  # fmt: skip


def leak() -> dict[str, Any]:
    """A leak at school: someone may be in danger, which is referred or lifted; an alarm goes back to where it came."""
    return _whole(
        "leak",
        states={
            "noted": _named(stage="only", initial="true"),
            "alarm": _named(stage="only"),
            "at_work": _named(stage="only"),
            "checked": _named(stage="only"),
            "shut": _named(stage="only", ended="true"),
            "not_ours": _named(stage="only", ended="true"),
        },
        forms={
            "slip": _named(fields={"what": _field("text")}),
            "bell": _named(fields={"which": _field("danger")}),
            "calm": _named(fields={"which": _field("danger")}),
            "letter": _named(fields={"to": _field("target"), "about": _field("covers")}),
            "reply": _named(fields={"letter": _field("referral", only=["open"]), "settled": _field("yes_no")}),
            "look": _named(fields={"dry": _field("tri")}),
        },
        acts={
            "report": _named(kind="report", form="slip", in_="START", by="everyone", moves="begin", group="safety"),
            "ring": _named(
                kind="raise_danger", form="bell", in_=["START", "any"], by="everyone", moves="alert", group="safety"
            ),
            "lift": _named(kind="lift_danger", form="calm", in_="open", by=["head"], group="safety"),
            "write": _named(kind="refer", form="letter", in_="open", by=["helper", "head"], group="referral"),
            "hear": _named(
                kind="answer_referral", form="reply", in_="any", by=["head"], effect_when="settled", group="referral"
            ),
            "look": _named(form="look", in_=["at_work", "checked"], by=["helper"], group="follow_up"),
        },
        moves={
            "begin": _named(from_="START", to="noted", by="everyone", automatic="true"),
            "alert": _named(
                from_=["START", "noted", "at_work", "checked", "shut", "not_ours"], to="alarm", by="everyone",
                automatic="true",
            ),
            "go_back": _named(
                from_="alarm", to="history", by=["head"], needs=["quiet", "was_lifted"], backwards="true"
            ),
            "call_out": _named(from_="alarm", to="at_work", by=["head"], needs=["quiet"]),
            "work": _named(from_="noted", to="at_work", by=["helper", "head"]),
            "dismiss": _named(
                from_="noted", to="not_ours", by=["head"], needs=["quiet"], distinct=[["proposer", "mover"]]
            ),
            "check": _named(from_="at_work", to="checked", by=["helper"], needs=["is_dry"]),
            "rework": _named(from_="checked", to="at_work", by=["head"], backwards="true"),
            "shut": _named(
                from_="checked", to="shut", by=["head"], needs=["quiet", "is_dry", "answered"],
                distinct=[["proposer", "mover"]],
            ),
        },
        facts={
            "raised": {"type": "count", "dangers": {"states": "raised"}, "label": TEXT},
            "lifted": {
                "type": "bool", "initial": "false", "from": [{"act": "lift"}, {"act": "write", "where": "on_danger"}],
                "fold": "ever", "since": "entry", "label": TEXT,
            },
            "letters": {"type": "count", "open_referrals": "true", "label": TEXT},
            "dry": {
                "type": "enum", "values": ["none", "yes", "no", "unknown"], "initial": "none",
                "from": [{"act": "look", "field": "dry"}], "since": "opening", "label": TEXT,
            },
        },
        needs={
            "quiet": _need("raised == 0", lock="safety", met_by=["lift", "write"]),
            "was_lifted": _need("lifted", lock="safety", met_by=["lift", "write"]),
            "is_dry": _need("dry == 'yes'", lock="law", met_by=["look"]),
            "answered": _need("letters == 0", lock="law", met_by=["hear"]),
        },
        properties={
            "dry_at_the_end": {"never": "dry == 'no'", "entering": ["shut"], "sentence": TEXT},
            "quiet_at_work": {"never": "raised > 0", "in": ["at_work"], "sentence": TEXT},
            "look_again": {"always_possible": "look", "in": ["at_work"], "sentence": TEXT},
            "to_be_checked": {"leads_to": ["checked", "shut"], "in": ["at_work"], "sentence": TEXT},
        },
        dangers={
            "gas": _named(code="D1", first_acts=[TEXT], never=[TEXT], targets=["firemen"], settled_by="named"),
        },
        targets={"firemen": _named(external="true")},
    )  # fmt: skip


LEAK_ANSWERS: Answers = {
    "report": ({"what": "x"},),
    "ring": ({"which": "gas"},),
    "lift": ({"which": "gas"},),
    "write": ({"to": "firemen", "about": ["gas"]}, {"to": "firemen", "about": ["need"]}),
    "hear": ({"letter": "1", "settled": "yes"}, {"letter": "1", "settled": "no"}),
    "look": ({"dry": "yes"}, {"dry": "no"}),
}


def fair() -> dict[str, Any]:
    """A quarrel settled fairly: two sign what was agreed, a visa ends it, it may come up again."""
    return _whole(
        "fair",
        states={
            "told": _named(stage="only", initial="true"),
            "heard": _named(stage="only"),
            "agreed": _named(stage="only"),
            "put": _named(stage="only"),
            "over": _named(stage="only", ended="true"),
        },
        forms={
            "slip": _named(fields={"what": _field("text")}),
            "talk": _named(fields={"said": _field("tri")}),
            "accord": _named(fields={"what": _field("text"), "sign": {"type": "signature", "label": TEXT}}),
            "signing": _named(fields={"what": _field("record", only=["settle"])}),
            "stamp": _named(fields={"fine": _field("yes_no")}),
            "look": _named(fields={"going": _field("choice", options={"well": TEXT, "badly": TEXT})}),
        },
        acts={
            "report": _named(kind="report", form="slip", in_="START", by="everyone", moves="begin", group="safety"),
            "talk": _named(form="talk", in_="open", by=["helper"], group="listening"),
            "settle": _named(
                form="accord", in_=["heard"], by=["helper"], signatures="2", signed_by=["helper", "head"], group="plan"
            ),
            "sign": _named(kind="sign", form="signing", in_="open", by=["helper", "head"], group="team"),
            "look": _named(form="look", in_=["agreed", "put"], by=["helper"], group="follow_up"),
            "stamp": _named(kind="visa", form="stamp", in_=["put"], by=["head"], effect_when="fine", group="closing"),
        },
        moves={
            "begin": _named(from_="START", to="told", by="everyone", automatic="true"),
            "hear": _named(from_="told", to="heard", by=["helper"], needs=["spoke"]),
            "agree": _named(from_="heard", to="agreed", by=["helper"], needs=["signed"]),
            "propose": _named(from_="agreed", to="put", by=["helper"], needs=["going_well", "spoke"]),
            "refuse": _named(from_="put", to="agreed", by=["head"], backwards="true"),
            "end": _named(
                from_="put", to="over", by=["head"], needs=["stamped", "nothing_new"], distinct=[["proposer", "mover"]]
            ),
            "again": _named(from_="over", to="heard", by=["head"], backwards="true"),
        },
        facts={
            "said": {
                "type": "enum", "values": ["none", "yes", "no", "unknown"], "initial": "none",
                "from": [{"act": "talk", "field": "said"}], "since": "opening", "label": TEXT,
            },
            "signatures": {
                "type": "count", "fold": "signatures", "from": [{"act": "settle"}], "since": {"entered": ["heard"]},
                "initial": "0", "label": TEXT,
            },
            "well": {
                "type": "count", "fold": "streak", "from": [{"act": "look", "field": "going"}], "streak_of": "well",
                "since": {"entered": ["agreed"]}, "initial": "0", "label": TEXT,
            },
            "stamped": {"type": "bool", "fold": "standing", "from": [{"act": "stamp", "where": "fine"}], "label": TEXT},
            "fresh": {"type": "bool", "content_since_entry": "true", "label": TEXT},
        },
        needs={
            "spoke": _need("said == 'yes'", lock="law", met_by=["talk"]),
            "signed": _need("signatures >= 2", lock="safety", met_by=["settle", "sign"]),
            "going_well": _need("well >= 2", lock="safety", met_by=["look"]),
            "stamped": _need("stamped", lock="law", met_by=["stamp"]),
            "nothing_new": _need("not fresh", lock="safety", met_by=[]),
        },
        properties={
            "said_at_the_end": {"never": "said == 'none'", "entering": ["over"], "sentence": TEXT},
            "stamped_at_the_end": {"never": "not stamped or fresh", "entering": ["over"], "sentence": TEXT},
            "agreed_by_two": {"never": "signatures < 2", "entering": ["agreed"], "sentence": TEXT},
            "talk_always": {"always_possible": "talk", "in": "open", "sentence": TEXT},
            "to_an_agreement": {"leads_to": ["agreed"], "in": ["told", "heard"], "sentence": TEXT},
        },
    )  # fmt: skip


FAIR_ANSWERS: Answers = {
    "report": ({"what": "x"},),
    "talk": ({"said": "yes"}, {"said": "unknown"}),
    "settle": ({"what": "x"},),
    "sign": ({"what": "LAST"},),
    "look": ({"going": "well"}, {"going": "badly"}),
    "stamp": ({"fine": "yes"}, {"fine": "no"}),
}
