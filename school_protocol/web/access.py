"""Who may knock at which endpoint: one table, deny by default; and the guard that reads it before every request.

What a person may see or do *in a case* is for the services and the engine to say; here stands what an endpoint asks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Flask, abort, current_app, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import UnsupportedMediaType

from school_protocol.domain.errors import SchoolProtocolError
from school_protocol.domain.policy import Actor, Permission
from school_protocol.services.api.tokens import may_see_tokens
from school_protocol.services.desk import may_find, may_report
from school_protocol.services.figures.seeing import may_see as may_see_figures
from school_protocol.services.going_live.signing import may_sign
from school_protocol.services.house import House
from school_protocol.services.protocols.publishing import may_publish
from school_protocol.services.referrals.contacts import may_keep
from school_protocol.services.referrals.seeing import may_see_register
from school_protocol.services.review.queueing import may_review
from school_protocol.services.signalement.doors import may_keep_doors
from school_protocol.services.signalement.triage import reads_any
from school_protocol.services.staff.inviting import may_invite
from school_protocol.services.staff.reach import may_administer
from school_protocol.services.teams.team import has_team
from school_protocol.services.visits.reach import may_look, may_see_visits, may_visit
from school_protocol.services.visits.roster import may_keep as may_keep_roster
from school_protocol.services.workshops.founding import may_train
from school_protocol.services.workshops.laptops import is_laptop
from school_protocol.services.workshops.registering import may_see_certificates
from school_protocol.web import kept, limits, sessions
from school_protocol.web.api import admission
from school_protocol.web.paths import is_of_this_site, way_back
from school_protocol.web.rendering import wording
from school_protocol.web.workshops import laptop, room

PERMISSIONS: Mapping[str, Permission] = {
    "static": Permission.anyone,
    "watch.alive": Permission.anyone,
    "watch.ready": Permission.anyone,
    "watch.metrics": Permission.anyone,
    "well_known.security": Permission.anyone,
    "well_known.robots": Permission.anyone,
    "sign_in.show": Permission.anyone,
    "sign_in.enter": Permission.anyone,
    "sign_in.leave": Permission.anyone,
    "sign_in.passkey": Permission.anyone,
    "sign_in.factor": Permission.anyone,
    "sign_in.lost": Permission.anyone,
    "sign_in.enrol": Permission.anyone,
    "sign_in.enrol_passkey": Permission.anyone,
    "sign_in.invited": Permission.anyone,
    "sign_in.by_code": Permission.anyone,
    "sign_in.openid": Permission.anyone,
    "sign_in.openid_back": Permission.anyone,
    "account.show": Permission.signed_in,
    "account.password": Permission.signed_in,
    "account.phone": Permission.signed_in,
    "account.drop_phone": Permission.signed_in,
    "account.recovery": Permission.signed_in,
    "account.new_passkey": Permission.signed_in,
    "account.add_passkey": Permission.signed_in,
    "account.drop_passkey": Permission.signed_in,
    "account.end_session": Permission.signed_in,
    "account.end_everywhere": Permission.signed_in,
    "account.others": Permission.signed_in,
    "account.other": Permission.signed_in,
    "messages.choose": Permission.signed_in,
    "messages.calendar": Permission.signed_in,
    "messages.feed": Permission.anyone,
    "messages.index": Permission.signed_in,
    "desk.index": Permission.signed_in,
    "desk.search": Permission.see_cases,
    "desk.forget_draft": Permission.signed_in,
    "desk.folds": Permission.signed_in,
    "desk.leave": Permission.anyone,
    "desk.language": Permission.anyone,
    "reports.new": Permission.report,
    "reports.danger": Permission.report,
    "reports.receipt": Permission.see_own_receipt,
    "reports.raise_danger": Permission.see_own_receipt,
    "reports.act": Permission.see_own_receipt,
    "cases.show": Permission.see_case,
    "cases.chronology": Permission.see_case,
    "cases.entry": Permission.see_case,
    "cases.undo": Permission.see_case,
    "cases.act": Permission.see_case,
    "cases.move": Permission.see_case,
    "cases.danger": Permission.see_case,
    "cases.told": Permission.see_case,
    "cases.first_minutes": Permission.see_case,
    "cases.case_file": Permission.see_case,
    "cases.letters": Permission.see_case,
    "cases.letter": Permission.see_case,
    "cases.bundle": Permission.see_case,
    "cases.remarks": Permission.see_case,
    "cases.remark": Permission.see_case,
    "cases.review_sheet": Permission.see_case,
    "cases.settle_remark": Permission.see_case,
    "bulk.index": Permission.see_cases,
    "bulk.job": Permission.see_cases,
    "bulk.files": Permission.see_cases,
    "bulk.stop": Permission.see_cases,
    "bulk.delete": Permission.see_cases,
    "cases.copies": Permission.see_case,
    "cases.revoke": Permission.see_case,
    "cases.evidence": Permission.see_case,
    "cases.evidence_file": Permission.see_case,
    "cases.open_file": Permission.see_case,
    "cases.evidence_mistake": Permission.see_case,
    "cases.removal": Permission.see_case,
    "cases.emergency": Permission.see_cases,
    "cases.sight": Permission.see_case,
    "cases.readings": Permission.see_case,
    "cases.names": Permission.see_case,
    "cases.end_opened": Permission.see_case,
    "cases.door": Permission.see_case,
    "cases.retention": Permission.see_case,
    "cases.rights": Permission.see_case,
    "retention.index": Permission.signed_in,
    "retention.requests": Permission.signed_in,
    "verifying.show": Permission.anyone,
    "verifying.verify": Permission.anyone,
    "words.index": Permission.signed_in,
    "help.index": Permission.anyone,
    "help.role": Permission.signed_in,
    "help.topic": Permission.signed_in,
    "help.drawing": Permission.signed_in,
    "help.wall": Permission.signed_in,
    "help.form": Permission.signed_in,
    "help.forms": Permission.signed_in,
    "protocols.index": Permission.publish,
    "protocols.upload": Permission.publish,
    "protocols.afterwards": Permission.publish,
    "protocols.file": Permission.publish,
    "protocols.draft": Permission.publish,
    "protocols.draft_file": Permission.publish,
    "protocols.propose": Permission.publish,
    "protocols.agree": Permission.publish,
    "protocols.withdraw": Permission.publish,
    "protocols.again": Permission.publish,
    "protocols.all_settings": Permission.publish,
    "protocols.difference": Permission.publish,
    "protocols.cases": Permission.publish,
    "protocols.look": Permission.publish,
    "protocols.passage": Permission.publish,
    "protocols.move_all": Permission.publish,
    "protocols.stop": Permission.publish,
    "protocols.count_again": Permission.publish,
    "protocols.part": Permission.publish,
    "protocols.entry": Permission.publish,
    "yearly.index": Permission.signed_in,
    "yearly.school": Permission.signed_in,
    **dict.fromkeys(
        (
            "staff.index",
            "staff.certificates",
            "staff.person",
            "staff.new",
            "staff.appoint",
            "staff.end",
            "staff.address",
            "staff.certificate",
            "staff.close",
            "staff.lists",
            "staff.preview",
            "staff.confirm",
            "staff.withdraw",
            "staff.lines",
            "staff.slips",
            "staff.unit_slips",
        ),
        Permission.administer,
    ),
    **dict.fromkeys(("going_live.index", "going_live.sign", "going_live.withdraw"), Permission.sign_go_live),
    "sharing.index": Permission.signed_in,
    "sharing.answer": Permission.see_case,
    "sharing.contribution": Permission.see_case,
    "review.index": Permission.review,
    "review.conformance": Permission.see_case,
    "review.observe": Permission.see_case,
    "review.send": Permission.see_case,
    "review.end": Permission.see_case,
    "review.refuse": Permission.see_case,
    "referrals.index": Permission.see_referrals,
    "invitations.index": Permission.invite,
    "invitations.new": Permission.invite,
    "invitations.resend": Permission.invite,
    "invitations.withdraw": Permission.invite,
    "contacts.index": Permission.keep_contacts,
    "contacts.new": Permission.keep_contacts,
    "contacts.contact": Permission.keep_contacts,
    "contacts.verify": Permission.keep_contacts,
    "contacts.retire": Permission.keep_contacts,
    "figures.index": Permission.see_figures,
    "figures.unit": Permission.see_figures,
    "figures.release": Permission.see_figures,
    "figures.years": Permission.see_figures,
    "figures.years_sheet": Permission.see_figures,
    "figures.issue": Permission.see_figures,
    "figures.job": Permission.see_figures,
    "figures.stop": Permission.see_figures,
    "figures.public": Permission.see_figures,
    "figures.sheet": Permission.see_figures,
    "figures.report": Permission.see_figures,
    "campaign.index": Permission.anyone,
    "campaign.latest": Permission.anyone,
    "campaign.release": Permission.anyone,
    "systems.index": Permission.see_systems,
    "systems.new": Permission.see_systems,
    "systems.system": Permission.see_systems,
    "systems.agree": Permission.see_systems,
    "systems.draw": Permission.see_systems,
    "systems.end": Permission.see_systems,
    "api.cases": Permission.token,
    "api.case": Permission.token,
    "api.definition": Permission.token,
    "api.releases": Permission.token,
    "api.release": Permission.token,
    "api.release_csv": Permission.token,
    "api.description": Permission.anyone,
    "api.record_schema": Permission.anyone,
    "visits.index": Permission.see_teams,
    "visits.visits": Permission.see_teams,
    "visits.school": Permission.see_visits,
    "visits.team_figures": Permission.see_teams,
    "visits.visit_pack": Permission.write_visits,
    "visits.new": Permission.write_visits,
    "visits.correct": Permission.write_visits,
    "visits.done": Permission.see_visits,
    "visits.duty": Permission.keep_roster,
    "visits.withdraw": Permission.keep_roster,
    "team.index": Permission.see_team,
    "team.school": Permission.see_team,
    "team.hand_over": Permission.see_team,
    "team.stand_in": Permission.see_team,
    "team.end_stand_in": Permission.see_team,
    "team.leave": Permission.see_team,
    "team.leave_at_once": Permission.see_team,
    "workshops.index": Permission.train,
    "workshops.new": Permission.train,
    "workshops.show": Permission.train,
    "workshops.projector": Permission.train,
    "workshops.clock": Permission.train,
    "workshops.freeze": Permission.train,
    "workshops.go_on": Permission.train,
    "workshops.inject": Permission.train,
    "workshops.say": Permission.train,
    "workshops.table": Permission.train,
    "workshops.phone": Permission.train,
    "workshops.play": Permission.train,
    "workshops.end": Permission.train,
    "workshops.purge": Permission.train,
    "workshops.attest": Permission.train,
    "workshops.confirm": Permission.train,
    "workshops.certificate": Permission.train,
    "workshops.withdraw": Permission.train,
    "workshops.register": Permission.see_certificates,
    "workshops.register_list": Permission.see_certificates,
    "workshops.debrief": Permission.train,
    "workshops.debrief_paper": Permission.train,
    "workshops.table_debrief": Permission.train,
    "workshops.table_paper": Permission.train,
    "workshops.replay": Permission.train,
    "workshops.kit": Permission.train,
    "workshops.kit_file": Permission.train,
    "workshops.scenarios": Permission.train,
    "workshops.scenario": Permission.train,
    "workshops.scenario_file": Permission.train,
    "workshops.scenario_withdraw": Permission.train,
    **dict.fromkeys(
        (
            "signalements.index",
            "signalements.show",
            "signalements.answer",
            "signalements.orient",
            "signalements.close",
            "signalements.release",
            "signalements.verify",
            "signalements.again",
            "signalements.link",
            "signalements.crowd",
            "signalements.close_crowd",
            "signalements.crowd_again",
            "signalements.open_case",
            "signalements.sheet",
        ),
        Permission.read_signalements,
    ),
    **dict.fromkeys(
        (
            "signalements.addresses",
            "signalements.renew",
            "signalements.end",
            "signalements.poster",
            "signalements.leaflet",
        ),
        Permission.keep_doors,
    ),
    "signalement.form": Permission.anyone,
    "signalement.sent": Permission.anyone,
    "signalement.back": Permission.anyone,
    "signalement.thread": Permission.anyone,
    "signalement.add": Permission.anyone,
    "signalement.withdraw": Permission.anyone,
    "signalement.after": Permission.anyone,
    "signalement.out": Permission.anyone,
    "joining.index": Permission.anyone,
    "joining.find": Permission.anyone,
    "joining.by_link": Permission.anyone,
    "laptop.enter": Permission.anyone,
    "room.enter": Permission.anyone,
    "room.sit": Permission.anyone,
    "room.back": Permission.anyone,
    "room.table": Permission.signed_in,
    "room.change": Permission.signed_in,
    "room.leave": Permission.signed_in,
    "room.hand": Permission.signed_in,
    "room.feedback": Permission.signed_in,
    "room.debrief": Permission.signed_in,
    "room.debrief_paper": Permission.signed_in,
}
"""Every endpoint, with what it asks of the person in front of it. One that is missing here answers 404."""

KNOCKS: Mapping[Permission, Callable[[House, Actor], bool]] = {
    Permission.report: may_report,
    Permission.see_cases: may_find,
    Permission.see_team: has_team,
    Permission.review: may_review,
    Permission.publish: may_publish,
    Permission.administer: may_administer,
    Permission.sign_go_live: may_sign,
    Permission.see_referrals: may_see_register,
    Permission.keep_contacts: may_keep,
    Permission.invite: may_invite,
    Permission.see_figures: may_see_figures,
    Permission.see_teams: may_look,
    Permission.see_visits: may_see_visits,
    Permission.write_visits: may_visit,
    Permission.keep_roster: may_keep_roster,
    Permission.see_systems: may_see_tokens,
    Permission.train: may_train,
    Permission.see_certificates: may_see_certificates,
    Permission.read_signalements: reads_any,
    Permission.keep_doors: may_keep_doors,
}
"""What is decided by who somebody is, whatever they ask about: nobody else learns that such an address is there."""

SAFE_METHODS = frozenset({"GET", "HEAD"})
OWN_SITE = frozenset({"same-origin", "none"})

csrf = CSRFProtect()


def init_app(app: Flask) -> None:
    app.config.update(WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_TIME_LIMIT=None, WTF_CSRF_SSL_STRICT=False)
    csrf.init_app(app)
    app.before_request(guard)
    app.jinja_env.globals["may"] = may


def may(endpoint: str) -> bool:
    """Whether a link there opens for whoever reads, by the table that the guard asks; no where the house can't say.

    Of what hangs on a case it says nothing.
    """
    if endpoint not in _known():
        _known()[endpoint] = _may(endpoint)
    return _known()[endpoint]


def _known() -> dict[str, bool]:
    """What was asked already in this request."""
    found: dict[str, bool] = g.setdefault("may", {})
    return found


def _may(endpoint: str) -> bool:
    permission = PERMISSIONS[endpoint]
    if not (room.serves(endpoint, room.room_of(current_app) is not None) and laptop.serves(endpoint)):
        return False
    try:
        actor, knocks = sessions.find_actor(), KNOCKS.get(permission)
        return actor is not None and (knocks is None or knocks(sessions.house(), actor))
    except SchoolProtocolError:
        return False


def guard() -> ResponseReturnValue | None:
    """Before every request: known endpoint, small enough, from our own page, and by somebody who may knock."""
    if not request.host:
        abort(400)  # what was said of it is no name of a site: no address can be made with it
    if request.endpoint is None:
        return None  # routing answers 404 or 405 itself
    permission = PERMISSIONS.get(request.endpoint)
    if permission is None:
        abort(404)
    in_room = room.room_of(current_app) is not None
    if request.endpoint == "desk.index" and is_laptop(sessions.house()):
        return redirect(url_for("workshops.index"))
    if not (room.serves(request.endpoint, in_room) and laptop.serves(request.endpoint)):
        abort(404)
    limits.apply(request.endpoint)
    if request.endpoint == "static":
        return None
    if request.method == "OPTIONS":
        return None  # answered by routing alone, where it is at all
    if permission is Permission.token:
        admission.admit(request.endpoint)
        return None
    if request.method not in SAFE_METHODS:
        refused = _refuse_foreign(request.endpoint)
        if refused is not None:
            return refused
    if in_room and (answer := room.guard()) is not None:
        return answer
    if permission is Permission.anyone:
        return None
    actor = sessions.find_actor()
    if actor is None:
        return _to_sign_in()
    knocks = KNOCKS.get(permission)
    if knocks is not None and not knocks(sessions.house(), actor):
        abort(404)
    return None


def _refuse_foreign(endpoint: str) -> ResponseReturnValue | None:
    """An unsafe request must be a form of ours, sent from a page of ours to the person it was shown to."""
    if request.mimetype not in limits.FORM_TYPES:
        raise UnsupportedMediaType
    if not _is_own_site():
        raise CSRFError("The form was sent from another site.")
    limits.count(endpoint)
    if sessions.knows_nobody():
        return None  # such a form carries a token of its own, which its service asks for
    sessions.bind_form_token()
    try:
        csrf.protect()
    except CSRFError:
        owner = kept.keep()
        if owner is None:
            raise
        if owner != sessions.find_account():
            raise kept.KeptForOwner from None
        flash(
            wording()._("Nothing was recorded: the page was too old. Look at it again, and send it once more."),
            "message",
        )
        return redirect(way_back())
    return None


def _is_own_site() -> bool:
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in OWN_SITE
    origin = request.headers.get("Origin")
    return origin is None or is_of_this_site(origin)


def _to_sign_in() -> ResponseReturnValue:
    """Ask who this is, then come back; what was typed meanwhile waits, sealed, for the same person."""
    if is_laptop(sessions.house()):
        return redirect(url_for("joining.index"))
    if request.method not in SAFE_METHODS:
        if kept.keep():
            flash("kept", "signed_out")
        else:
            flash("signed_out", "signed_out")
    elif sessions.find_account() is not None:
        flash("signed_out", "signed_out")
    return redirect(url_for("sign_in.show", next=way_back()))
