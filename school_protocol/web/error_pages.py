"""What went wrong, said calmly, in the reader's language; never a trace. A thing unseen answers as one that is not."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

from flask import Flask, Response, current_app, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, SecurityError

from school_protocol.api import routes as api_routes
from school_protocol.auth.service import TooManyTries
from school_protocol.engine.errors import (
    BadInput,
    Conflict,
    NotOpenYet,
    Refused,
    SchoolProtocolError,
    SentBefore,
    Unseen,
)
from school_protocol.ops.going_live import may_sign, signers
from school_protocol.people import contacts
from school_protocol.people.contacts import ContactLine
from school_protocol.storage.blobs import FilesAway
from school_protocol.storage.store_errors import StorageAway, StorageBusy, StorageFull
from school_protocol.ui import sessions
from school_protocol.ui.forms import DraftForOwner
from school_protocol.ui.middleware import again_in, site_of
from school_protocol.ui.rendering import LAST_RESORT, reword, wording

log = logging.getLogger(__name__)

PAGES: Mapping[int, str] = {
    400: "web/not_understood.html",
    404: "web/not_found.html",
    405: "web/not_here.html",
    409: "web/moved_on.html",
    413: "web/too_large.html",
    415: "web/not_a_form.html",
    429: "web/too_often.html",
    500: "web/broken.html",
    503: "web/busy.html",
}
RETRY_SECONDS = 5
NUMBERS = "numbers"
"""Where the numbers last read are kept, for when the store is busy."""
FOREIGN = """There is nothing under this name. Please open the site at the address that you were given.
Il n’y a rien sous ce nom. Veuillez ouvrir le site à l’adresse qui vous a été donnée.
لا يوجد شيء تحت هذا الاسم. المرجو فتح الموقع بالعنوان الذي أُعطي لكم.
"""
"""For whoever asks under a name that is not the site's: no address can be made for them, so no page either."""


def init_app(app: Flask) -> None:
    app.register_error_handler(SecurityError, lambda _error: Response(FOREIGN, 400, mimetype="text/plain"))
    app.register_error_handler(CSRFError, _old_form)
    app.register_error_handler(DraftForOwner, lambda error: _refused(error, 400, "web/old_form.html", is_kept=True))
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Unseen, lambda error: _refused(error, 404))
    app.register_error_handler(BadInput, lambda error: _refused(error, 400))
    app.register_error_handler(Refused, lambda error: _refused(error, 409))
    app.register_error_handler(NotOpenYet, _not_open)
    app.register_error_handler(SentBefore, lambda _error: page(409))
    app.register_error_handler(Conflict, lambda _error: page(409))
    app.register_error_handler(StorageBusy, _busy)
    app.register_error_handler(FilesAway, lambda _error: _later(page(503, "web/files_away.html")))
    app.register_error_handler(StorageFull, _full)
    app.register_error_handler(TooManyTries, lambda error: _later(_refused(error, 429), error.seconds))
    app.register_error_handler(SchoolProtocolError, _broken)
    app.register_error_handler(Exception, _broken)


SPEAK = "speak"
"""What a link of such a page asks for a language by: no page knows it, so that none takes it for its own."""


def page(status: int, template: str | None = None, **known: object) -> Response:
    """The page of `status`. It says nothing of the address asked for, so that two of them can't be told apart."""
    if api_routes.is_asked():
        return api_routes.of_status(sessions.ctx(), status)
    try:
        _speak_as_asked()
        chosen = template or PAGES.get(status, PAGES[400 if status < 500 else 500])
        body = render_template(chosen, **{"numbers": _numbers(), "speak": SPEAK, **known})
    except Exception:
        log.exception("an error's page could not be shown")
        body = LAST_RESORT
    return make_response(body, status)


def _speak_as_asked() -> None:
    """In the language that a link of such a page asks for; it changes nobody's own."""
    wanted = request.args.get(SPEAK, "")
    if wanted in sessions.ctx().settings.languages:
        reword(wanted)


def _numbers() -> tuple[ContactLine, ...]:
    """Who answers now, everywhere, where something sent was not recorded: it may have been about a danger."""
    return _read_numbers() if request.method == "POST" else ()


def _read_numbers() -> tuple[ContactLine, ...]:
    try:
        current_app.extensions[NUMBERS] = contacts.numbers_of_the_country(sessions.ctx())
    except Exception:
        log.warning("the numbers of the country could not be read", exc_info=True)
    found: tuple[ContactLine, ...] = current_app.extensions.get(NUMBERS, ())
    return found


def _refused(error: Exception, status: int, template: str | None = None, **known: object) -> Response:
    """The page, and a line in the log: what was refused to whom at which page, and nothing of what was sent."""
    place = request.remote_addr or "here"
    log.info("refused: %s at %s to account %s from %s", type(error).__name__, request.endpoint, _reader(), place)
    return page(status, template, **known)


_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}")
"""What can be a host and its port: nothing else that a header says is repeated."""


def _old_form(error: CSRFError) -> Response:
    """A form of another session or site. Where a proxy hands on another host than the browser's, both are said."""
    came = site_of(request.headers.get("Origin") or request.headers.get("Referer") or "")
    is_said = came is not None and came != request.host and _HOST.fullmatch(came) is not None
    apart = (came, request.host) if is_said else None
    if apart:
        log.warning("a form came from a page of %s, and was sent to %s: does the proxy hand on the host?", *apart)
    return _refused(error, 400, "web/old_form.html", is_kept=False, apart=apart)


def _not_open(error: NotOpenYet) -> Response:
    """Nothing about real pupils is taken here yet: who signs, and whom to call all the same."""
    ctx, actor = sessions.ctx(), sessions.find_actor()
    signs = actor is not None and may_sign(ctx, actor)
    return _refused(
        error,
        403,
        "web/not_open.html",
        numbers=_read_numbers(),
        signers=signers(ctx, wording().language),
        signs=signs,
    )


def _reader() -> str:
    try:
        actor = sessions.find_actor()
    except StorageBusy:
        return "not known now"
    return actor.id if actor is not None else "of nobody"


def _http(error: HTTPException) -> Response | HTTPException:
    if error.code is None or error.code < 400:
        return error  # a redirect
    response = page(error.code) if request.endpoint is None else _refused(error, error.code)
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def _busy(error: StorageBusy) -> Response:
    return _later(page(503, "web/away.html" if isinstance(error, StorageAway) else None))


def _later(response: Response, seconds: int = RETRY_SECONDS) -> Response:
    response.headers.update(again_in(seconds))
    return response


def _full(error: StorageFull) -> Response:
    log.error("no room is left", exc_info=error)
    return page(507)


def _broken(error: Exception) -> Response:
    log.error("unexpected: %s", type(error).__name__, exc_info=error)
    return page(500)
