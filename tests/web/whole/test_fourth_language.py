"""A further language is a folder of translations and a setting: nothing else is edited."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from school_protocol import config, language
from school_protocol.config import SettingUnreadable, settings_from
from school_protocol.context import AppContext
from school_protocol.language import Wording, printed_languages
from school_protocol.web import create_app

SAID = "Iniciar sesión"


@pytest.fixture
def translations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The catalogues, with one more: the French one, but for one message."""
    folder = tmp_path / "translations"
    shutil.copytree(config.CATALOGUES, folder)
    with (folder / "fr/LC_MESSAGES/messages.po").open("rb") as file:
        catalogue = read_po(file)
    catalogue["Sign in"].string = SAID
    (folder / "es/LC_MESSAGES").mkdir(parents=True)
    with (folder / "es/LC_MESSAGES/messages.mo").open("wb") as file:
        write_mo(file, catalogue)
    for module in (config, language):
        monkeypatch.setattr(module, "CATALOGUES", folder)
    return folder


def test_a_folder_and_a_setting_add_a_language(ctx: AppContext, translations: Path) -> None:
    settings = settings_from({"SCHOOL_PROTOCOL_LANGUAGES": "fr,ar,es"})
    assert settings.languages == ("fr", "ar", "es")
    client = create_app(replace(ctx, settings=replace(ctx.settings, languages=settings.languages))).test_client()
    client.set_cookie("language", "es")
    page = client.get("/sign-in").get_data(as_text=True)
    assert SAID in page
    assert '<html lang="es" dir="ltr"' in page
    client.set_cookie("language", "fr")
    assert "Español" in client.get("/sign-in").get_data(as_text=True), "it is offered under its own name"
    assert Wording("es").percent(40) == "40\u00a0%"
    assert printed_languages() == ("fr", "ar", "en", "zgh", "es")


@pytest.mark.parametrize("said", ["fr,es", "fr,fr", "fr,,ar", "FR"])
def test_a_language_without_translations_is_no_setting(said: str) -> None:
    with pytest.raises(SettingUnreadable, match="SCHOOL_PROTOCOL_LANGUAGES is some of fr,ar,en"):
        settings_from({"SCHOOL_PROTOCOL_LANGUAGES": said})


def test_a_language_reads_in_its_own_direction() -> None:
    assert [language.direction_of(one) for one in ("fr", "ar", "zgh", "fa")] == ["ltr", "rtl", "ltr", "rtl"]
    assert [language.language_name(one) for one in ("ar", "zgh", "fr", "x1")] == [
        "العربية",
        "ⵜⴰⵎⴰⵣⵉⵖⵜ",
        "Français",
        "x1",
    ]
