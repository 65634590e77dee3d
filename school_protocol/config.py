"""Settings of an installation, read once from the environment and handed on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from school_protocol.domain.errors import SchoolProtocolError

LANGUAGES = ("fr", "ar", "en")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where an installation keeps things and what it offers. Every variable is listed in docs/operations.md."""

    data: Path
    languages: tuple[str, ...] = LANGUAGES
    default_language: str = "fr"
    secure_cookies: bool = False
    testing: bool = False
    address: str = ""
    """Where people open the desk; empty: messages don't say it."""
    smtp: str = field(default="", repr=False)
    mail_from: str = ""
    sms_hook: str = field(default="", repr=False)
    signing: Path | None = None
    """The folder of the academies' keys, where it is not `signing` beside the data."""
    signing_passphrase: str = field(default="", repr=False)
    timestamps: str = ""
    """Address of a timestamp authority (RFC 3161), whose roots stand in the folder, too (`timestamps.pem`)."""
    quiet: timedelta = timedelta(seconds=20)
    """How long nobody has written to a case before its files are made ahead."""

    @property
    def keys(self) -> Path:
        return self.data / "keys"

    @property
    def signing_folder(self) -> Path | None:
        """The academies' keys (`<code>.pem`) and whom verifiers trust (`root.pem`); None: copies go unsigned."""
        beside = self.data / "signing"
        return self.signing or (beside if beside.is_dir() else None)

    def store_url(self, name: str) -> str:
        """URL of the store `name`: an SQLite file of its own."""
        return f"sqlite:///{self.data / name}.sqlite"


class SettingUnreadable(SchoolProtocolError):
    """A setting whose value says nothing; names the setting."""


def settings_from(environ: Mapping[str, str]) -> Settings:
    """Settings from environment variables (SCHOOL_PROTOCOL_…). Raises SettingUnreadable."""
    languages = tuple(environ.get("SCHOOL_PROTOCOL_LANGUAGES", "fr,ar,en").replace(" ", "").split(","))
    return Settings(
        data=Path(environ.get("SCHOOL_PROTOCOL_DATA", "var")).resolve(),
        languages=languages,
        default_language=languages[0],
        secure_cookies=environ.get("SCHOOL_PROTOCOL_SECURE_COOKIES", "") == "1",
        address=environ.get("SCHOOL_PROTOCOL_ADDRESS", "").strip(),
        smtp=environ.get("SCHOOL_PROTOCOL_SMTP", "").strip(),
        mail_from=environ.get("SCHOOL_PROTOCOL_MAIL_FROM", "").strip(),
        sms_hook=environ.get("SCHOOL_PROTOCOL_SMS_HOOK", "").strip(),
        signing=Path(signing).resolve() if (signing := environ.get("SCHOOL_PROTOCOL_SIGNING", "").strip()) else None,
        signing_passphrase=environ.get("SCHOOL_PROTOCOL_SIGNING_PASSPHRASE", ""),
        timestamps=environ.get("SCHOOL_PROTOCOL_TIMESTAMPS", "").strip(),
        quiet=_seconds(environ, "SCHOOL_PROTOCOL_QUIET_SECONDS", "20"),
    )


def _seconds(environ: Mapping[str, str], name: str, usual: str) -> timedelta:
    said = environ.get(name, "").strip() or usual
    if not said.isascii() or not said.isdigit() or len(said) > 6:
        raise SettingUnreadable(f"{name} is a number of seconds, not {said!r}")
    return timedelta(seconds=int(said))
