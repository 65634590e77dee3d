"""Who is at the door: from where, of which site, and whether a second step is still awaited."""

from __future__ import annotations

from flask import request

from school_protocol.services import accounts
from school_protocol.services.identity.passkeys import Site, site_of
from school_protocol.services.identity.signing_in import Pending, Visitor
from school_protocol.web import sessions


def find_pending() -> Pending | None:
    """Whoever has come half way: a second factor is still awaited."""
    token = sessions.token_of_request()
    return accounts.pending(sessions.house(), token) if token and sessions.find_actor() is None else None


def visitor() -> Visitor:
    """From where this request comes."""
    return Visitor(request.user_agent.string or "", request.remote_addr or "", sessions.browser_mark())


def site() -> Site:
    """What passkeys are bound to: the address that the settings say, else the one that was asked for."""
    return site_of(sessions.house().settings.address or request.host_url)
