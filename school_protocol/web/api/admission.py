"""Who reads by token: asked of the Authorization header alone, before anything is read, and written down."""

from __future__ import annotations

from typing import cast

from flask import g, request

from school_protocol.services.api import reading
from school_protocol.services.api.reading import Bearer
from school_protocol.services.api.tokens import known_by
from school_protocol.services.identity.throttling import TooManyTries
from school_protocol.storage.numbers import check_number
from school_protocol.web import sessions
from school_protocol.web.api.problems import Problem
from school_protocol.web.headers import again_in
from school_protocol.web.routing import TOKEN_RIGHTS

SCHEME = "bearer"
REALM = 'Bearer realm="school-protocol"'
SUBJECT_MOST = 40


def admit(endpoint: str) -> None:
    """Before a request by token; raises Problem."""
    right = TOKEN_RIGHTS[endpoint]
    setattr(g, sessions.KNOWN_BY, known_by(sessions.house(), _secret()))
    try:
        g.bearer = reading.admit(sessions.house(), _secret(), right, endpoint, _subject())
    except reading.UnknownToken:
        error = ', error="invalid_token"' if "Authorization" in request.headers else ""
        raise Problem(401, "unknown-token", headers={"WWW-Authenticate": REALM + error}) from None
    except reading.RightLacking:
        lacking = f'{REALM}, error="insufficient_scope", scope="{right.value}"'
        raise Problem(403, "right-lacking", headers={"WWW-Authenticate": lacking}) from None
    except TooManyTries as error:
        raise Problem(429, "too-often", headers=again_in(error.seconds)) from None


def bearer() -> Bearer:
    """Whose token this request came with. For routes behind the guard, which lets nobody else through."""
    return cast(Bearer, g.bearer)


def _secret() -> str:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == SCHEME else ""


def _subject() -> str:
    """The case or the release that is meant, as far as it can be one."""
    said = next(iter((request.view_args or {}).values()), "")
    number = check_number(said)
    return number or (said if said.isascii() and said.isalnum() and len(said) <= SUBJECT_MOST else "")
