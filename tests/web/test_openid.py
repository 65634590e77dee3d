"""Signing in through a ministry's provider: who is let in, and every answer that doesn't hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from engine.telling import MOROCCAN, NOW
from flask import Flask
from flask.testing import FlaskClient
from openid_provider import CLIENT, SECRET, Provider, providing
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from school_protocol.auth import openid, passwords, second_factor, sign_in_repository, sign_in_service
from school_protocol.auth import repository as auth_repository
from school_protocol.auth.models import AccountRow, OpenIdRow, WebSessionRow
from school_protocol.cases.story_player import Player, TurnableClock, prepared
from school_protocol.config import OpenId, Settings, SettingUnreadable, settings_from
from school_protocol.context import open_context
from school_protocol.engine.definition import Protocol
from school_protocol.storage.models import AdministrationRow
from school_protocol.web import create_app

LONG = "x" * 5000


@dataclass
class Site:
    """A site with a provider, and a browser that knows nobody."""

    player: Player
    app: Flask
    provider: Provider
    client: FlaskClient
    back: str = ""

    def leave(self, next: str = "/") -> str:
        """To the provider; returns where it sends the browser back to."""
        answer = self.client.get(f"/sign-in/ministry?next={next}")
        assert answer.status_code == 302, answer.get_data(as_text=True)
        there = requests.get(answer.headers["Location"], allow_redirects=False, timeout=60)
        address = urlsplit(there.headers["Location"])
        return f"{address.path}?{address.query}"

    def come_back(self, path: str) -> TestResponse:
        return self.client.get(path)

    def sign_in(self) -> TestResponse:
        return self.come_back(self.leave())

    def is_in(self) -> bool:
        return self.client.get("/account").status_code == 200

    def sessions(self) -> int:
        with self.player.ctx.directory.reading() as session:
            return session.scalar(select(func.count()).select_from(WebSessionRow)) or 0

    def add(self, username: str, role: str, **more: Any) -> str:
        with self.player.ctx.directory.writing() as session:
            account = auth_repository.add_account(
                session, username=username, names={"fr": username}, language="fr", created_at=NOW, **more
            )
            auth_repository.appoint(session, account, role=role, unit=self.player.school, starts=date(2020, 1, 1))
        return account


@pytest.fixture
def site(tmp_path: Path, moroccan: Protocol, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(openid, "PATIENCE", 60.0)  # a machine that does much else is no provider that does not answer
    clock = TurnableClock(NOW)
    openid._known.clear()
    with providing(clock.now) as provider:
        settings = Settings(
            data=tmp_path / "var",
            openid=OpenId(
                provider.issuer, CLIENT, SECRET, "preferred_username", names={"fr": "Compte Taalim", "ar": "حساب تعليم"}
            ),
        )
        ctx = open_context(settings, clock)
        player = prepared(ctx, clock, moroccan, MOROCCAN.read_bytes())
        app = create_app(ctx, testing=True)
        found = Site(player, app, provider, app.test_client())
        found.add("membre", "reporter")
        yield found
        ctx.close()


def refused(site: Site, answer: TestResponse, status: int = 403) -> str:
    """Nobody is in, nothing was opened, and the password way is on the page."""
    page = answer.get_data(as_text=True)
    assert answer.status_code == status, page
    assert site.sessions() == 0
    assert not site.is_in()
    assert 'href="/sign-in"' in page
    return page


# ---- let in --------------------------------------------------------------------------------------------------------


def test_the_button_is_on_the_page_in_the_readers_language(site: Site) -> None:
    assert "Compte Taalim" in site.client.get("/sign-in").get_data(as_text=True)
    arabic = site.client.get("/sign-in", headers={"Accept-Language": "ar"}).get_data(as_text=True)
    assert "حساب تعليم" in arabic


@pytest.mark.exhaustive
def test_without_the_setting_there_is_no_such_way(site: Site) -> None:
    ctx = replace(site.player.ctx, settings=replace(site.player.ctx.settings, openid=None))
    client = create_app(ctx, testing=True).test_client()
    assert "ministry" not in client.get("/sign-in").get_data(as_text=True)
    assert client.get("/sign-in/ministry").status_code == 404
    assert client.get("/sign-in/ministry/back?code=x&state=y").status_code == 404


@pytest.mark.exhaustive
def test_a_linked_person_comes_in_and_is_known_from_then_on_by_their_subject(site: Site) -> None:
    answer = site.come_back(site.leave(next="/help"))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/help")
    assert site.is_in()
    with site.player.ctx.directory.reading() as session:
        rows = session.scalars(select(AdministrationRow).where(AdministrationRow.kind == "account_known")).all()
    assert len(rows) == 1
    site.client = site.app.test_client()
    site.provider.person = "renamed-at-the-ministry"
    assert site.sign_in().status_code == 303
    assert site.is_in(), "the subject counts, not the name"


def test_no_account_is_made(site: Site) -> None:
    site.provider.person = "nobody-here"
    with site.player.ctx.directory.reading() as session:
        before = session.scalar(select(func.count()).select_from(AccountRow))
    refused(site, site.sign_in())
    with site.player.ctx.directory.reading() as session:
        assert session.scalar(select(func.count()).select_from(AccountRow)) == before


@pytest.mark.exhaustive
def test_a_role_that_needs_a_second_factor_is_asked_for_ours(site: Site) -> None:
    link_province(site)
    site.client = site.app.test_client()
    assert site.sign_in().status_code == 303
    assert not site.is_in()
    assert site.client.get("/sign-in").headers["Location"].startswith("/sign-in/code"), "the step that is awaited"


def link_province(site: Site) -> None:
    """Somebody who has a second step signs in here, then goes by the ministry: linked, and in."""
    account = site.add("province", "data_officer")
    site.provider.person = "province"
    ctx, seed = site.player.ctx, second_factor.draw_seed()
    with ctx.directory.writing() as session:
        auth_repository.set_password(session, account, passwords.hash_password("un-cartable-bleu"))
        sign_in_repository.keep_seed(session, ctx.vault, account, seed, step=0, at=NOW)
    half = sign_in_service.sign_in(ctx, "province", "un-cartable-bleu")
    assert half is not None
    whole = sign_in_service.prove_factor(ctx, half, second_factor.code_at(seed, second_factor.step_at(ctx.now())))
    assert whole is not None
    site.client.set_cookie("session", whole)
    assert site.sign_in().status_code == 303
    assert site.is_in()
    assert sign_in_service.recognise(ctx, whole) is None, "the session before is over"


@pytest.mark.exhaustive
@pytest.mark.parametrize("amr", [["pwd"], ["mfa"]])
def test_a_name_at_the_provider_alone_takes_over_no_account_with_a_second_step(site: Site, amr: list[str]) -> None:
    """Whoever may change their own claim there would be the directorate here."""
    site.add("province", "data_officer")
    site.provider.person, site.provider.claims = "province", {"amr": amr}
    ctx = site.player.ctx
    trusting = replace(ctx.settings, openid=replace(ctx.settings.openid, factors=frozenset({"mfa"})))
    site.app = create_app(replace(ctx, settings=trusting), testing=True)
    site.client = site.app.test_client()
    answer = site.sign_in()
    page = answer.get_data(as_text=True)
    assert answer.status_code == 403
    assert site.sessions() == 0
    assert "/sign-in?next=/sign-in/ministry" in page, "how it is done the first time"
    stranger = site.add("another", "reporter")
    with ctx.directory.writing() as session:
        token = sign_in_repository.open_web_session(session, stranger, now=ctx.now())
    site.client.set_cookie("session", token)
    assert site.sign_in().status_code == 403, "somebody else who is signed in links it neither"
    with ctx.directory.reading() as session:
        assert session.scalar(select(func.count()).select_from(OpenIdRow)) == 0


@pytest.mark.exhaustive
def test_a_factor_of_the_providers_counts_if_the_settings_say_so(site: Site) -> None:
    link_province(site)
    site.provider.claims = {"amr": ["pwd", "mfa"]}
    ctx = site.player.ctx
    trusting = replace(ctx.settings, openid=replace(ctx.settings.openid, factors=frozenset({"mfa"})))
    site.app = create_app(replace(ctx, settings=trusting), testing=True)
    site.client = site.app.test_client()
    assert site.sign_in().status_code == 303
    assert site.is_in()
    site.client, site.provider.claims = site.app.test_client(), {"amr": ["pwd"], "acr": "low"}
    site.sign_in()
    assert not site.is_in()


# ---- not let in ----------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive(but=("{'exp': 'tomorrow'}",))
@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another-site"},
        {"aud": [CLIENT, "another-site"]},
        {"aud": [CLIENT, "another-site"], "azp": "another-site"},
        {"azp": "another-site"},
        {"iss": "https://elsewhere.example"},
        {"exp": int(NOW.timestamp()) - 120},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": int(NOW.timestamp()) + 600},
        {"nbf": int(NOW.timestamp()) + 600},
        {"sub": None},
        {"preferred_username": None},
        {"preferred_username": ["membre"]},
    ],
    ids=str,
)
def test_a_token_that_says_the_wrong_thing_lets_nobody_in(site: Site, claims: dict[str, Any]) -> None:
    site.provider.claims = claims
    refused(site, site.sign_in())


@pytest.mark.parametrize("signed_by", ["none", "secret", "stranger"])
def test_a_token_that_the_provider_did_not_sign_lets_nobody_in(site: Site, signed_by: str) -> None:
    site.provider.signed_by = signed_by
    refused(site, site.sign_in())


def test_a_code_is_good_once(site: Site) -> None:
    path = site.leave()
    with site.client.session_transaction() as visit:
        carried = dict(visit["openid"])
    assert site.come_back(path).status_code == 303
    thief = site.app.test_client()
    with thief.session_transaction() as visit:
        visit["openid"] = carried
    answer = thief.get(path)
    assert answer.status_code == 403
    assert thief.get("/account").status_code == 302


@pytest.mark.exhaustive
def test_a_code_is_worth_nothing_in_another_browser(site: Site) -> None:
    path = site.leave()
    site.client = site.app.test_client()
    refused(site, site.come_back(path))
    site.leave()
    refused(site, site.come_back(path))


@pytest.mark.exhaustive
@pytest.mark.parametrize("query", ["", "?code=x", "?state=x&code=y", "?state=%ED%A0%80&code=%00", f"?state={LONG}"])
def test_whatever_comes_back_is_answered(site: Site, query: str) -> None:
    refused(site, site.come_back(f"/sign-in/ministry/back{query}"))
    site.leave()
    refused(site, site.come_back(f"/sign-in/ministry/back{query}"))


@pytest.mark.exhaustive
def test_an_attempt_is_good_for_ten_minutes(site: Site) -> None:
    path = site.leave()
    site.player.clock.advance(openid.GOOD_FOR * 1.1)
    refused(site, site.come_back(path))


@pytest.mark.exhaustive
def test_somebody_who_says_no_there_is_told(site: Site) -> None:
    site.provider.refuses = True
    refused(site, site.sign_in())


@pytest.mark.exhaustive
def test_a_closed_account_stays_closed(site: Site) -> None:
    site.sign_in()
    account = sign_in_service.actor_named(site.player.ctx, "membre")
    assert account is not None
    with site.player.ctx.directory.writing() as session:
        auth_repository.set_active(session, account.id, False)
        session.query(WebSessionRow).delete()
    site.client = site.app.test_client()
    refused(site, site.sign_in())


def test_an_account_is_linked_to_one_subject(site: Site) -> None:
    """Somebody who takes over the name at the ministry doesn't take over the account here."""
    site.sign_in()
    with site.player.ctx.directory.writing() as session:
        session.query(WebSessionRow).delete()
    site.client, site.provider.subject = site.app.test_client(), "ministry-2"
    refused(site, site.sign_in())


def test_an_address_counts_only_where_the_provider_has_verified_it(site: Site) -> None:
    site.add("nadia@ecole.example", "reporter")
    ctx = site.player.ctx
    by_mail = replace(ctx.settings, openid=replace(ctx.settings.openid, claim="email"))
    site.app = create_app(replace(ctx, settings=by_mail), testing=True)
    site.client, site.provider.claims = site.app.test_client(), {"email": "nadia@ecole.example"}
    refused(site, site.sign_in())
    site.client = site.app.test_client()
    site.provider.claims = {"email": "nadia@ecole.example", "email_verified": True}
    assert site.sign_in().status_code == 303
    assert site.is_in()


# ---- the provider --------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_provider_that_is_down_is_said_and_the_password_works(site: Site) -> None:
    with site.player.ctx.directory.writing() as session:
        account = auth_repository.account_named(session, "membre")
        assert account is not None
        auth_repository.set_password(session, account.id, passwords.hash_password("un-cartable-bleu"))
    ctx = site.player.ctx
    gone = replace(ctx.settings, openid=replace(ctx.settings.openid, issuer="http://127.0.0.1:9"))
    site.app = create_app(replace(ctx, settings=gone), testing=True)
    site.client = site.app.test_client()
    page = refused(site, site.client.get("/sign-in/ministry"), 502)
    assert "injoignable" in page
    assert sign_in_service.sign_in(ctx, "membre", "un-cartable-bleu") is not None


@pytest.mark.exhaustive
def test_a_provider_that_went_down_meanwhile_is_said(site: Site) -> None:
    path = site.leave()
    openid._known[site.provider.issuer] = replace(openid._known[site.provider.issuer], token="http://127.0.0.1:9/token")
    refused(site, site.come_back(path), 502)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "said",
    [
        {"issuer": "https://elsewhere.example"},
        {"token_endpoint": "ftp://127.0.0.1/"},
        {"authorization_endpoint": ""},
        {"jwks_uri": "javascript:alert(1)"},
    ],
    ids=str,
)
def test_what_a_provider_says_of_itself_is_not_taken_on_trust(site: Site, said: dict[str, str]) -> None:
    site.provider.extra = said
    refused(site, site.client.get("/sign-in/ministry"))


def test_a_provider_may_turn_to_another_key(site: Site) -> None:
    site.leave()
    site.provider.key = type(site.provider.key).generate_key(2048, {"kid": "k2", "use": "sig"})
    assert site.sign_in().status_code == 303


@pytest.mark.exhaustive
def test_it_is_asked_about_itself_once_an_hour(site: Site) -> None:
    for _time in range(3):
        site.client = site.app.test_client()
        site.sign_in()
    assert site.provider.asked.count("/.well-known/openid-configuration") == 1
    site.player.clock.advance(openid.FRESH * 1.1)
    site.client = site.app.test_client()
    site.sign_in()
    assert site.provider.asked.count("/.well-known/openid-configuration") == 2


@pytest.mark.exhaustive
def test_what_is_sent_there_names_nobody_and_proves_the_browser(site: Site) -> None:
    answer = site.client.get("/sign-in/ministry")
    sent = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert set(sent) == {
        "response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge",
        "code_challenge_method",
    }  # fmt: skip


# ---- settings ------------------------------------------------------------------------------------------------------


def test_settings_are_read() -> None:
    found = settings_from(
        {
            "SCHOOL_PROTOCOL_OPENID_ISSUER": "https://id.example/realms/edu/",
            "SCHOOL_PROTOCOL_OPENID_CLIENT": "desk",
            "SCHOOL_PROTOCOL_OPENID_SECRET": "s",
            "SCHOOL_PROTOCOL_OPENID_CLAIM": "email",
            "SCHOOL_PROTOCOL_OPENID_NAME": "fr=Compte Taalim; ar=حساب تعليم;en=Taalim account",
            "SCHOOL_PROTOCOL_OPENID_FACTOR": "mfa, gold",
        }
    ).openid
    assert found == OpenId(
        "https://id.example/realms/edu", "desk", "s", "email",
        {"fr": "Compte Taalim", "ar": "حساب تعليم", "en": "Taalim account"}, frozenset({"mfa", "gold"}),
    )  # fmt: skip
    assert "s'" not in repr(found).replace("Taalim", "")
    assert settings_from({}).openid is None
    near = {"SCHOOL_PROTOCOL_OPENID_ISSUER": "https://id.example", "SCHOOL_PROTOCOL_OPENID_CLIENT": "desk"}
    assert settings_from(near).openid is None, "off until somebody says by which claim"
    assert settings_from({**near, "SCHOOL_PROTOCOL_OPENID_CLAIM": "cin"}).openid is not None


@pytest.mark.parametrize(
    "environ",
    [
        {"SCHOOL_PROTOCOL_OPENID_ISSUER": "http://id.example"},
        {"SCHOOL_PROTOCOL_OPENID_ISSUER": "id.example"},
        {"SCHOOL_PROTOCOL_OPENID_ISSUER": "https://id.example"},
    ],
    ids=str,
)
def test_settings_that_say_nothing_are_named(environ: dict[str, str]) -> None:
    with pytest.raises(SettingUnreadable):
        settings_from(environ)
