"""Short forms of passwords and codes: what was typed, cut to what can be right, and never shown again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import segno
from flask import request
from markupsafe import Markup

from school_protocol.domain.errors import BadInput
from school_protocol.services.identity import factors
from school_protocol.services.identity.passkeys import ANSWER_MOST
from school_protocol.services.identity.passwords import MOST
from school_protocol.web.account import sayings
from school_protocol.web.rendering import wording

CODE_MOST = 100
NAME_MOST = 100
Problems = Mapping[str, str]


def typed(name: str, most: int = CODE_MOST) -> str:
    """One line of the form of this request."""
    return request.form.get(name, "")[:most]


def secret(name: str) -> str:
    """A password as it was typed; one byte more than can be kept is enough to know that it is too long."""
    return request.form.get(name, "")[: MOST + 1]


def new_password() -> str:
    """The new password, typed twice. Raises BadInput."""
    first, second = secret("new_password"), secret("again")
    if not first:
        raise BadInput({"new_password": ("required",)})
    if first != second:
        raise BadInput({"again": ("not_the_same",)})
    return first


def said(error: BadInput) -> dict[str, str]:
    """Field → why it was not taken."""
    w = wording()
    return {field: sayings.problem(w, codes[0]) for field, codes in error.problems.items()}


def wrong(field: str, code: str) -> dict[str, str]:
    return {field: sayings.problem(wording(), code)}


def answer() -> dict[str, Any]:
    """What a device answered; empty where it is no answer at all."""
    try:
        found = json.loads(request.form.get("answer", "")[:ANSWER_MOST])
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("response"), dict) else {}


def qr_code(seed: str, username: str) -> Markup:
    """The picture that a phone scans: an SVG of paths alone, on white in the dark too."""
    drawn = segno.make(factors.address_of(seed, username), error="m")
    title = wording()._("The picture to scan")
    return Markup(  # noqa: S704 - segno draws paths and escapes the title
        drawn.svg_inline(scale=5, border=4, dark="#000", light="#fff", title=title, svgclass="qr", lineclass=None)
    )


def grouped(seed: str) -> str:
    """A seed as it is typed by hand: in groups of four."""
    return " ".join(seed[start : start + 4] for start in range(0, len(seed), 4))


def tried(make: Callable[[], None]) -> dict[str, str]:
    """Do it; what was not taken, by field."""
    try:
        make()
    except BadInput as error:
        return said(error)
    return {}
