"""What the pages for strangers stand on: a language from the address, and errors that note nothing of whoever sent it.

No cookie is read or set here (`sessions.STRANGERS`), and nobody who is signed in is known.
"""

from __future__ import annotations

import logging
from typing import Any

from flask import Blueprint, Response, current_app, make_response, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from school_protocol.domain.errors import BadInput, NotOpenYet, Unseen
from school_protocol.services import directory
from school_protocol.services.signalement.limits import TooMany
from school_protocol.services.views import ContactLine
from school_protocol.storage.errors import StorageBusy
from school_protocol.web import sessions
from school_protocol.web.errors import LAST_RESORT
from school_protocol.web.headers import again_in
from school_protocol.web.rendering import reword, wording

log = logging.getLogger(__name__)
_NUMBERS = "numbers_for_strangers"


def speak() -> None:
    """In the language that the address says, else in that of the browser."""
    offered = sessions.house().settings.languages
    asked = request.args.get("lang", "")
    reword(
        asked
        if asked in offered
        else request.accept_languages.best_match(offered) or sessions.house().settings.default_language
    )


def here_in(language: str) -> str:
    """This page in another language; of one that was sent, the page from which it was."""
    code = (request.view_args or {}).get("code")
    if code is None or request.endpoint is None:
        return f"?lang={language}"
    shown = request.endpoint if request.method == "GET" else "signalement.form"
    if request.method == "POST" and request.endpoint != "signalement.sent":
        shown = "signalement.back"
    return url_for(shown, code=code, lang=language)


def show(template: str, **known: Any) -> Response:
    return make_response(render_template(template, here_in=here_in, **known))


def furnish(blueprint: Blueprint) -> None:
    blueprint.before_request(speak)
    for kind in (Unseen, NotOpenYet, TooMany, StorageBusy, CSRFError, HTTPException, Exception):
        blueprint.register_error_handler(kind, refused)


def refused(error: Exception) -> Response:
    """A page that says what to do, and a line without any address: nothing ties it to whoever asked."""
    try:
        speak()
        status, said, more = _said(error)
        if status >= 500:
            log.error("not served to a stranger: %s", type(error).__name__, exc_info=error)
        response = show("signalement/closed.html", said=said, more=more, contacts=numbers())
    except Exception:
        log.exception("a page for strangers could not be shown")
        status, response = 500, make_response(LAST_RESORT)
    if isinstance(error, TooMany):
        response.headers.update(again_in(error.seconds))
    response.status_code = status
    return response


def _said(error: Exception) -> tuple[int, str, str]:
    w = wording()
    if isinstance(error, Unseen):
        return 404, w._("This address opens nothing"), w._("Look at it again, or ask at school for the one in use.")
    if isinstance(error, NotOpenYet):
        return (
            403,
            w._("This address does not work yet"),
            w._("Nothing was sent. Tell an adult you trust, at school or at home. If you are in danger, call now."),
        )
    if isinstance(error, TooMany):
        return 429, w._("Too many at once"), w._("Please wait a little, and try again.")
    if isinstance(error, StorageBusy):
        return 503, w._("A moment, please"), w._("Nothing was recorded. Please try again in a minute.")
    if isinstance(error, BadInput):
        return 400, w._("This could not be read"), w._("Nothing was recorded. Go back, and send it once more.")
    if isinstance(error, HTTPException) and error.code and error.code < 500:
        return error.code, w._("This could not be read"), w._("Nothing was recorded. Go back, and send it once more.")
    return 500, w._("Something is out of order"), w._("Nothing was recorded. Please try again in a few minutes.")


def numbers() -> tuple[ContactLine, ...]:
    """Who answers everywhere; those last read, where they cannot be read now."""
    known = current_app.extensions
    try:
        known[_NUMBERS] = directory.numbers_of_the_country(sessions.house())
    except Exception:
        log.warning("the numbers of the country could not be read", exc_info=True)
    found: tuple[ContactLine, ...] = known.get(_NUMBERS, ())
    return tuple(sorted(found, key=lambda line: line.open_now is not True))
