"""What the pages of protocols say of drafts, obstacles and stored cases, in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from school_protocol.engine.definition import Protocol
from school_protocol.language import Wording
from school_protocol.protocol.settings import Part
from school_protocol.publishing.service import DraftView


def stands(w: Wording, code: str) -> str:
    """What a draft waits for, in a few words."""
    return {
        "faults": w._("Faults in the file"),
        "worked_out": w._("Being worked out"),
        "unfinished": w._("Not worked out"),
        "unproven": w._("Not proven"),
        "ready": w._("Proven, not proposed yet"),
        "proposed": w._("Waits for a second person"),
        "published": w._("Published"),
        "withdrawn": w._("Withdrawn"),
    }.get(code, code)


def obstacle(w: Wording, code: str) -> str:
    """Why a draft can't go on now, as one sentence."""
    return {
        "faults": w._("The file has faults: mend them, and upload it again."),
        "same": w._("These are the very bytes of the version that holds now: nothing would change."),
        "version_taken": w._(
            "A version of this number, or a later one, is published already. Give the file the next number, and "
            "upload it again."
        ),
        "moved_on": w._(
            "Another version was published since this one was looked at. Look at it again: the difference is "
            "another one."
        ),
        "worked_out": w._("The proof is being worked out. It takes a minute or two."),
        "unfinished": w._("The proof could not be brought to an end. What is not proven is not published."),
        "unproven": w._(
            "The proof found a way to something that must never happen: read the story, and mend the file."
        ),
        "loosened": w._("It loosens what the law or a child’s safety fixes: this can’t be published."),
        "nobody_left": w._("Nobody could publish a version any more: a role has to be allowed to."),
        "takes_over": w._(
            "People who report under another protocol today would report under this one from then on. Give the "
            "protocol a key that comes later in the alphabet, or give roles of its own to whoever opens its cases."
        ),
        "not_yours": w._("Whoever uploaded it proposes it; somebody else agrees."),
        "own": w._("You uploaded it yourself: another administrator has to agree."),
        "not_proposed": w._("It is not proposed yet."),
        "proposed": w._("It is proposed already, and waits for a second person."),
        "settled": w._("It is settled already: published or withdrawn. Nothing was done twice."),
        "other_bytes": w._("This is not the file that you were shown. Read the page again before you agree."),
    }.get(code, code)


def done(w: Wording, kind: str) -> str:
    """What was done to a draft, for its history."""
    return {
        "draft_uploaded": w._("Uploaded"),
        "draft_proposed": w._("Proposed"),
        "draft_withdrawn": w._("Withdrawn"),
        "version_published": w._("Agreed to, and published"),
    }.get(kind, kind)


def part(w: Wording, one: Part) -> str:
    """What a page of settings is called."""
    return {
        Part.deadlines: w._("Deadlines"),
        Part.follow_up: w._("Days of the follow-ups"),
        Part.levels: w._("Thresholds of the levels"),
        Part.words: w._("Words that are ready"),
        Part.forms: w._("What is said above the forms"),
    }[one]


def entry(w: Wording, protocol: Protocol, one: Part, key: str) -> str:
    found = protocol.words[key] if one is Part.words else protocol.forms[key]
    return w.text(found.title)


def locked(w: Wording) -> Mapping[str, str]:
    """Why something is no setting."""
    return {
        "law": w._("The law fixes it: no version may go beyond."),
        "safety": w._("A child’s safety fixes it: no version may loosen it."),
    }


# ---- stored cases ----------------------------------------------------------------------------------------------------


def story(w: Wording, view: DraftView, line: Mapping[str, Any]) -> str:
    """How a stored case goes on a draft, as one or two sentences; on a first version, beside its own story."""
    steps, step = line["steps"], line.get("step", 0)
    if not step and view.is_first:
        return w.ngettext("As its story says, in its one step.", "As its story says, in all %(num)d steps.", steps)
    if not step:
        return w.ngettext("As before, in its one step.", "As before, in all %(num)d steps.", steps)
    protocol = view.looked.protocol
    how = _ALONE.get(line["how"], line["how"]) if view.is_first else line["how"]
    why = _HOW[how](w, protocol, line) if protocol and how in _HOW else ""
    where = w._(
        "Otherwise from step %(step)s of %(steps)s on: %(who)s, “%(what)s”.",
        step=step,
        steps=steps,
        who=_who(w, protocol, line["as"]),
        what=_what(w, protocol, line["do"]),
    )
    return f"{where} {why}".strip()


def _who(w: Wording, protocol: Protocol | None, name: str) -> str:
    role, _, number = name.partition("/")
    title = w.role(protocol, protocol.resolve("roles", role)) if protocol else role
    return f"{title} ({number})" if number else title


def _what(w: Wording, protocol: Protocol | None, name: str) -> str:
    if protocol is None:
        return name
    act, move = protocol.resolve("acts", name), protocol.resolve("moves", name)
    found = protocol.acts.get(act) or protocol.moves.get(move)
    return w.text(found.title) if found else name


def _refused(w: Wording, protocol: Protocol, said: Mapping[str, Any]) -> str:
    why = _needs(w, protocol, said)
    return w._("It is refused now: %(why)s", why=why) if why else w._("It is refused now.")


def _refused_alone(w: Wording, protocol: Protocol, said: Mapping[str, Any]) -> str:
    why = _needs(w, protocol, said)
    return w._("It is refused: %(why)s", why=why) if why else w._("It is refused.")


def _needs(w: Wording, protocol: Protocol, said: Mapping[str, Any]) -> str:
    return " ".join(w.text(protocol.needs[key].sentence) for key in said["needs"] if key in protocol.needs)


def _state(w: Wording, protocol: Protocol, said: Mapping[str, Any]) -> str:
    def title(key: str) -> str:
        return w.text(protocol.states[key].title) if key in protocol.states else key

    return w._(
        "The case stands at “%(after)s”, and stood at “%(before)s”.",
        after=title(said["after"]),
        before=title(said["before"]),
    )


def _due(w: Wording, protocol: Protocol, said: Mapping[str, Any]) -> str:
    deadline = protocol.deadlines.get(said["due"])
    what = w.text(deadline.title) if deadline else said["due"]
    if said["after"] is None:
        return w._("“%(what)s” is not counted any more.", what=what)
    if said["before"] is None:
        return w._("“%(what)s” is counted now.", what=what)
    return w._(
        "“%(what)s” falls due on %(after)s, and fell due on %(before)s.",
        what=what,
        after=w.moment(said["after"]),
        before=w.moment(said["before"]),
    )


_How = Callable[[Wording, Protocol, Mapping[str, Any]], str]
_ALONE: Mapping[str, str] = {"refused": "refused_alone", "problems": "problems_alone", "taken": "taken_alone"}
"""How to say it where no version was before."""
_HOW: Mapping[str, _How] = {
    "refused_alone": _refused_alone,
    "problems_alone": lambda w, p, said: w._("Its form takes other answers."),
    "taken_alone": lambda w, p, said: w._("Its story says that it is refused, and it goes through."),
    "broken": lambda w, p, said: w._("This step can’t be played on it."),
    "refused": _refused,
    "problems": lambda w, p, said: w._("Its form takes other answers now."),
    "taken": lambda w, p, said: w._("It was refused, and goes through now."),
    "state": _state,
    "level": lambda w, p, said: w._(
        "The level is %(after)s, and was %(before)s.", after=said["after"], before=said["before"]
    ),
    "events": lambda w, p, said: w._("Something else is recorded."),
    "due": _due,
}
