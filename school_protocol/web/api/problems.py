"""What went wrong, for programs: problem details (RFC 9457), in the language that is asked for. No cookie is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flask import Response, request

from school_protocol.services.house import House
from school_protocol.web.api.models import ProblemDetails
from school_protocol.wording import N_, Wording

PREFIX = "/api/"
KIND = "application/problem+json"
URN = "urn:school-protocol:problem:"


@dataclass
class Problem(Exception):
    """An answer that is a problem (RFC 9457). `code` ends its type; `parameter`: what of the address is meant."""

    status: int
    code: str
    parameter: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


TITLES: Mapping[str, str] = {
    "unknown-token": N_("This token is not known, or is good no longer."),
    "right-lacking": N_("This token is good for other readings, not for this one."),
    "not-understood": N_("This request is not understood."),
    "unknown-parameter": N_("This parameter is not known here."),
    "bad-parameter": N_("The value of this parameter is not understood."),
    "not-found": N_("There is nothing here that this token may read."),
    "only-read": N_("Here things are only read."),
    "too-often": N_("This token has read too often: come back later."),
    "too-large": N_("This request is too large."),
    "busy": N_("The server is busy: come back in a moment."),
    "broken": N_("Something is out of order here."),
}
_OF_STATUS: Mapping[int, str] = {
    400: "not-understood", 404: "not-found", 405: "only-read", 413: "too-large", 429: "too-often", 503: "busy",
}  # fmt: skip


def is_asked() -> bool:
    """Whether whoever asks is a program: pages are for people."""
    return request.path.startswith(PREFIX)


def language(house: House) -> str:
    """The language that a request asks for (`ar-MA` is Arabic), else the installation's own."""
    wanted = (said.partition("-")[0].lower() for said, weight in request.accept_languages if weight > 0)
    return next((one for one in wanted if one in house.settings.languages), house.settings.default_language)


def of_status(house: House, status: int) -> Response:
    """The problem that any error of that status is."""
    known = status if status in _OF_STATUS or status >= 500 else 400
    return answer(house, Problem(status, _OF_STATUS.get(known, "broken")))


def answer(house: House, problem: Problem) -> Response:
    """The problem as it is sent."""
    spoken = language(house)
    said = ProblemDetails(
        type=URN + problem.code,
        title=Wording(spoken).gettext(TITLES[problem.code]),
        status=problem.status,
        parameter=problem.parameter or None,
    )
    response = Response(said.model_dump_json(), problem.status, content_type=KIND)
    response.headers.update(problem.headers)
    return spoken_in(response, spoken)


def spoken_in(response: Response, spoken: str) -> Response:
    """Say in which language an answer is, and that it depends on what was asked for."""
    response.content_language.add(spoken)
    response.vary.add("Accept-Language")
    response.vary.add("Authorization")
    return response
