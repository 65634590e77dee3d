"""Signing in and out."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField
from wtforms.validators import DataRequired, InputRequired, Length

from school_protocol.services import accounts
from school_protocol.web import sessions
from school_protocol.web.paths import own_path

blueprint = Blueprint("sign_in", __name__)

AGENT_MOST = 200


class SignInForm(FlaskForm):  # type: ignore[misc]
    """Name and password."""

    class Meta:
        csrf = False  # the guard has checked it

    username = StringField(filters=[lambda value: (value or "").strip()], validators=[DataRequired(), Length(max=100)])
    password = PasswordField(validators=[InputRequired(), Length(max=1024)])


@blueprint.get("/sign-in")
def show() -> ResponseReturnValue:
    if sessions.find_actor() is not None:
        return redirect(own_path(request.args.get("next")))
    return _page(SignInForm(formdata=None))


@blueprint.post("/sign-in")
def enter() -> ResponseReturnValue:
    form = SignInForm()
    if not form.validate():
        return _page(form, problem="missing")
    try:
        token = accounts.sign_in(sessions.house(), form.username.data, form.password.data, _agent())
    except accounts.TooManyTries as error:
        return _page(form, problem="wait", seconds=error.seconds)
    if token is None:
        return _page(form, problem="refused")
    return sessions.begin(make_response(redirect(own_path(request.form.get("next")))), token)


@blueprint.post("/sign-out")
def leave() -> ResponseReturnValue:
    sign_out()
    return sessions.end(make_response(redirect(url_for("sign_in.show"))))


def sign_out() -> None:
    """End the session that this request came with, if it came with one."""
    token = sessions.token_of_request()
    if token:
        accounts.sign_out(sessions.house(), token)


def _page(form: SignInForm, problem: str = "", seconds: int = 0) -> Response:
    way_on = own_path(request.values.get("next"))
    body = render_template("sign_in/show.html", form=form, problem=problem, seconds=seconds, way_on=way_on)
    return make_response(body, {"wait": 429, "": 200}.get(problem, 422))


def _agent() -> str:
    return (request.user_agent.string or "")[:AGENT_MOST]
