"""The page for everybody: figures that whoever issued them put there. It knows nobody, and needs no cookie."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from school_protocol.documents.papers.figure_lines import Lines
from school_protocol.documents.papers.figure_sheets import withheld_said
from school_protocol.domain.errors import Unseen
from school_protocol.domain.policy import Permission
from school_protocol.services.figures import seeing
from school_protocol.web import sessions
from school_protocol.web.figures import year_between
from school_protocol.web.rendering import reword, wording
from school_protocol.web.routing import Pages

blueprint = Pages("campaign", __name__, asks=Permission.anyone, url_prefix="/campaign")
ID_MOST = 40


@blueprint.app_template_global()
def has_public_figures() -> bool:
    """Whether there is anything to lead to, for the page on which people sign in."""
    return seeing.has_public(sessions.house())


@blueprint.get("")
def index() -> ResponseReturnValue:
    """In the language that the browser asks for."""
    offered = sessions.house().settings.languages
    language = request.accept_languages.best_match(offered) or sessions.house().settings.default_language
    return redirect(url_for("campaign.latest", language=language))


@blueprint.get("/<language>")
def latest(language: str) -> ResponseReturnValue:
    """The figures that were put there last."""
    return _page(language)


@blueprint.get("/<language>/<release>")
def release(language: str, release: str) -> ResponseReturnValue:
    """Others that are there."""
    return _page(language, release[:ID_MOST])


def _page(language: str, release: str = "") -> str:
    house = sessions.house()
    if language not in house.settings.languages:
        raise Unseen(language)
    reword(language)
    every = seeing.see_public(house)
    chosen = release or (every[0].id if every else "")
    told = seeing.see_public_told(house, chosen) if chosen else None
    return render_template(
        "figures/campaign.html",
        every=every,
        told=told,
        lines=Lines(told, wording()) if told else None,
        year_said=lambda line: year_between(line.year),
        withheld=withheld_said(wording()),
        endpoint="campaign.release" if release else "campaign.latest",
        release=release or None,
    )
