"""Settings of an installation, read once from the environment and handed on."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from importlib.metadata import version as version_of
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, unquote, urlsplit
from zoneinfo import ZoneInfo

from school_protocol.engine.clock import DEFAULT_TIMEZONE
from school_protocol.engine.errors import SchoolProtocolError

CATALOGUES = Path(__file__).parent / "translations"
DEFAULT_COUNTRY = "MA"
LANGUAGES = ("fr", "ar", "en")
"""What pages speak, and each definition and scenario at least; a folder of CATALOGUES adds one to the pages."""
MEGABYTES, PROCESSES, DAYS, SECONDS = (1, 25), (1, 1000), (1, 3650), (0, 999_999)
SESSION_IDLE, SESSION_LIFETIME = timedelta(minutes=30), timedelta(hours=12)
IDLE_MINUTES, SESSION_HOURS = (5, 60), (1, 24)
"""How long a session may last: no longer than NIST SP 800-63B-4 says for two factors (2.2.3)."""
SECRETS = (
    "SCHOOL_PROTOCOL_DATABASE_URL", "SCHOOL_PROTOCOL_DATABASE_OWNER_URL", "SCHOOL_PROTOCOL_METRICS",
    "SCHOOL_PROTOCOL_SMTP", "SCHOOL_PROTOCOL_SMS_HOOK", "SCHOOL_PROTOCOL_MASTER_KEY",
    "SCHOOL_PROTOCOL_SIGNING_PASSPHRASE", "SCHOOL_PROTOCOL_OPENID_SECRET",
)  # fmt: skip
"""What may stand in a file that the setting `…_FILE` names, so that it is no part of any environment."""
QUEUE = "jobs"
"""The schema in which the worker's queue lies, in a database."""
FOLDER, ROWS, S3 = "folder", "database", "s3://"
"""Where sealed files can lie: beside the rest, in rows, in an object store."""
_ADDRESS = re.compile(r"(?:([^:/]*)(?::[^@]*)?@)?([^/?]*)(/[^?]*)?")
"""Role, host and name of a database's address, read as the driver reads it."""
_Read = TypeVar("_Read")
_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_-][A-Za-z0-9._-]*)*/?")


def zone_named(name: str) -> ZoneInfo:
    """A time zone by its name; empty: the usual one. Raises SettingUnreadable where this machine knows none so."""
    try:
        return ZoneInfo(name.strip() or DEFAULT_TIMEZONE)
    except (ValueError, OSError, KeyError):
        raise SettingUnreadable(
            f"SCHOOL_PROTOCOL_TIMEZONE is a time zone, as {DEFAULT_TIMEZONE}, not {name!r}"
        ) from None


def country_named(code: str) -> str:
    """The code of a country; empty: the usual one. Raises SettingUnreadable."""
    found = code.strip() or DEFAULT_COUNTRY
    if not re.fullmatch("[A-Z]{2}", found):
        raise SettingUnreadable(f"SCHOOL_PROTOCOL_COUNTRY is two letters, as {DEFAULT_COUNTRY}, not {code!r}")
    return found


def known_languages() -> tuple[str, ...]:
    """What pages can speak: LANGUAGES, and whatever else has a folder of translations."""
    return tuple(dict.fromkeys([*LANGUAGES, *sorted(one.name for one in CATALOGUES.iterdir() if one.is_dir())]))


def version() -> str:
    """The version of the software, as setup.cfg says it of what is installed."""
    return version_of("school-protocol")


@dataclass(frozen=True, slots=True)
class OpenId:
    """A ministry's provider of identities. `claim`: what of its token names an account here, until it is linked; there
    is no usual one, as it must be one that people can't change themselves.

    `names`: what its button says, by language; `factors`: values of `acr` or `amr` that count as a second factor.
    """

    issuer: str
    client: str
    secret: str = field(repr=False)
    claim: str
    names: Mapping[str, str] = field(default_factory=dict)
    factors: frozenset[str] = frozenset()

    def name(self, language: str) -> str:
        """What the button says in that language; empty: the page says it in its own words."""
        return self.names.get(language) or next(iter(self.names.values()), "")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where an installation keeps things and what it offers. Every variable is listed in docs/operations.md."""

    data: Path
    database: str = field(default="", repr=False)
    """Address of the PostgreSQL database that holds the stores, a schema each; empty: SQLite files beside the rest."""
    languages: tuple[str, ...] = LANGUAGES
    default_language: str = "fr"
    secure_cookies: bool = False
    session_idle: timedelta = SESSION_IDLE
    """So long without a page ends a session."""
    session_lifetime: timedelta = SESSION_LIFETIME
    """So long after signing in it ends anyway."""
    testing: bool = False
    trusted_proxy: str = ""
    """The address of the proxy in front, whose word for where people come from is believed; empty: nobody's is."""
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
    master_key: str = field(default="", repr=False)
    """The ring of master keys, `NUMBER:BASE64,…`, the one in use first, where it is no files."""
    key_command: str = ""
    """The command that holds the master keys, where they are neither files nor a setting."""
    evidence_files: bool = False
    """Whether files may be put to pieces of evidence."""
    evidence_megabytes: int = 10
    """The largest such file."""
    clamav: str = ""
    """Where a virus scanner listens (a socket's path, or host:port); empty: none is asked."""
    prohibited: str = "lock"
    """What becomes of a file that must not be kept: `lock` until an authority was asked, or `destroy` at once."""
    erase_unanswered: bool = False
    """Whether a list of cases to erase that nobody answers for a month counts as confirmed."""
    anchors: Path | None = None
    """Where anchors of the journal are written, where it is not `anchors` beside the data."""
    anchor_mail: str = ""
    """Who gets the head of each anchor by mail."""
    openid: OpenId | None = None
    """The provider by which people sign in, too; None: by password and passkey alone."""
    known_passwords: Path | None = None
    """A file of hashes of passwords that are known from elsewhere, in order; None: few guesses decide."""
    contact_days: int = 180
    """After so many days a contact is to be found right again."""
    security_contact: str = ""
    """Whom to tell of a hole in this installation, as `/.well-known/security.txt` says; empty: it isn't there."""
    security_until: date | None = None
    """The last day on which that is true."""
    web_processes: int = 1
    """How many processes serve the site: what each of them counts in its memory alone is divided among them."""
    metrics: str = field(default="", repr=False)
    """The token with which measurements are read; empty: nobody reads them."""
    quiet: timedelta = timedelta(seconds=20)
    """How long nobody has written to a case before its files are made ahead."""
    log: str = "json"
    """How a process that serves writes its log: `json`, or `text` for eyes."""
    keeps_shut: bool = False
    """Whether no case is opened before the go-live list is signed: so wherever settings come from the environment."""
    files_in: str = FOLDER
    """Where sealed files lie: `folder`, `database`, or `s3://bucket/prefix`."""
    files_endpoint: str = ""
    """The address of the object store; empty: that of the cloud whose protocol it speaks."""
    files_region: str = ""
    anchors_copy: Path | None = None
    """A second place of anchors; what was set back together with the first one is told by it."""
    wiring: str = "school_protocol.wiring:WIRING"
    """What packages add to the app context, by name; the context imports none of them."""

    @property
    def keys(self) -> Path:
        return self.data / "keys"

    @property
    def files(self) -> Path:
        """Where files of evidence lie, sealed, unless `files_in` says otherwise."""
        return self.data / "files"

    @property
    def anchors_folder(self) -> Path:
        return self.anchors or self.data / "anchors"

    @property
    def signing_folder(self) -> Path | None:
        """The academies' keys (`<code>.pem`) and whom verifiers trust (`root.pem`); None: copies go unsigned."""
        beside = self.data / "signing"
        return self.signing or (beside if beside.is_dir() else None)

    def store_url(self, name: str) -> str:
        """URL of the store `name`: a schema of the database that is named, or an SQLite file of its own."""
        if self.database:
            return in_schema(self.database, name.replace("/", "_"))
        return f"sqlite:///{self.data / name}.sqlite"

    def training_url(self, part: str) -> str:
        """URL of one part of the store of workshops, beside the real one and apart from it."""
        return self.store_url(f"{self.training.name}/{part}")

    @property
    def training(self) -> Path:
        """Where the store of workshops lies, unless a database is named; in no backup."""
        return self.data / "training"


def training_schema(part: str) -> str:
    """The schema of one part of the store of workshops, where the installation lies in PostgreSQL."""
    return f"training_{part}"


def in_schema(database: str, schema: str) -> str:
    """The address of one schema of a PostgreSQL database."""
    sign = "&" if "?" in database else "?"
    return f"{database}{sign}options={quote(f'-csearch_path={schema}', safe='')}"


def role_of(database: str) -> str:
    """The role as which a PostgreSQL address opens; empty where it says none."""
    return unquote(urlsplit(database).username or "")


def shown(place: str) -> str:
    """A folder as it is; of a database's address role, host and name alone, for whoever reads along."""
    _scheme, is_address, rest = place.partition("://")
    found = _ADDRESS.match(rest)
    if not is_address or found is None:
        return place
    role, host, name = (part or "" for part in found.groups())
    return f"postgresql://{role}{'@' if role else ''}{host}{name}"


class SettingUnreadable(SchoolProtocolError):
    """A setting whose value says nothing; names the setting."""


def with_files(environ: Mapping[str, str]) -> Mapping[str, str]:
    """The environment with those of SECRETS that stand in files. Raises SettingUnreadable, with nothing of a secret."""
    found = dict(environ)
    for name in SECRETS:
        file = environ.get(f"{name}_FILE", "").strip()
        if not file:
            continue
        if environ.get(name):
            raise SettingUnreadable(f"{name} and {name}_FILE are both set: which one counts?")
        try:
            found[name] = Path(file).read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not text"
            raise SettingUnreadable(f"{name}_FILE: {file} can't be read: {why}") from None
    return found


def settings_from(environ: Mapping[str, str]) -> Settings:
    """Settings from environment variables (SCHOOL_PROTOCOL_…). Raises SettingUnreadable."""
    environ = with_files(environ)
    languages = _languages(environ)
    zone_named(environ.get("SCHOOL_PROTOCOL_TIMEZONE", ""))
    country_named(environ.get("SCHOOL_PROTOCOL_COUNTRY", ""))
    return Settings(
        data=Path(environ.get("SCHOOL_PROTOCOL_DATA", "var")).resolve(),
        database=database_address(environ.get("SCHOOL_PROTOCOL_DATABASE_URL", ""), "SCHOOL_PROTOCOL_DATABASE_URL"),
        languages=languages,
        default_language=languages[0],
        secure_cookies=environ.get("SCHOOL_PROTOCOL_SECURE_COOKIES", "") == "1",
        address=environ.get("SCHOOL_PROTOCOL_ADDRESS", "").strip(),
        trusted_proxy=_proxy(environ),
        smtp=environ.get("SCHOOL_PROTOCOL_SMTP", "").strip(),
        mail_from=environ.get("SCHOOL_PROTOCOL_MAIL_FROM", "").strip(),
        sms_hook=environ.get("SCHOOL_PROTOCOL_SMS_HOOK", "").strip(),
        signing=Path(signing).resolve() if (signing := environ.get("SCHOOL_PROTOCOL_SIGNING", "").strip()) else None,
        signing_passphrase=environ.get("SCHOOL_PROTOCOL_SIGNING_PASSPHRASE", ""),
        timestamps=environ.get("SCHOOL_PROTOCOL_TIMESTAMPS", "").strip(),
        master_key=environ.get("SCHOOL_PROTOCOL_MASTER_KEY", "").strip(),
        key_command=environ.get("SCHOOL_PROTOCOL_KEY_COMMAND", "").strip(),
        evidence_files=environ.get("SCHOOL_PROTOCOL_EVIDENCE_FILES", "") == "1",
        evidence_megabytes=_number(environ, "SCHOOL_PROTOCOL_EVIDENCE_MEGABYTES", 10, MEGABYTES, "megabytes"),
        clamav=environ.get("SCHOOL_PROTOCOL_CLAMAV", "").strip(),
        prohibited=_one_of(environ, "SCHOOL_PROTOCOL_PROHIBITED", ("lock", "destroy")),
        erase_unanswered=environ.get("SCHOOL_PROTOCOL_ERASE_UNANSWERED", "") == "1",
        anchors=Path(anchors).resolve() if (anchors := environ.get("SCHOOL_PROTOCOL_ANCHORS", "").strip()) else None,
        anchors_copy=Path(copy).resolve() if (copy := _said(environ, "SCHOOL_PROTOCOL_ANCHORS_COPY")) else None,
        anchor_mail=environ.get("SCHOOL_PROTOCOL_ANCHOR_MAIL", "").strip(),
        openid=_openid(environ),
        known_passwords=Path(known).resolve() if (known := _said(environ, "SCHOOL_PROTOCOL_KNOWN_PASSWORDS")) else None,
        contact_days=_number(environ, "SCHOOL_PROTOCOL_CONTACT_DAYS", 180, DAYS, "days"),
        **_security(environ),
        web_processes=_number(environ, "SCHOOL_PROTOCOL_WEB_PROCESSES", 1, PROCESSES, "processes"),
        metrics=environ.get("SCHOOL_PROTOCOL_METRICS", "").strip(),
        quiet=timedelta(seconds=_number(environ, "SCHOOL_PROTOCOL_QUIET_SECONDS", 20, SECONDS, "seconds")),
        session_idle=timedelta(
            minutes=_number(environ, "SCHOOL_PROTOCOL_SESSION_IDLE_MINUTES", 30, IDLE_MINUTES, "minutes")
        ),
        session_lifetime=timedelta(hours=_number(environ, "SCHOOL_PROTOCOL_SESSION_HOURS", 12, SESSION_HOURS, "hours")),
        log=_one_of(environ, "SCHOOL_PROTOCOL_LOG", ("json", "text")),
        keeps_shut=True,
        files_in=files_place(environ.get("SCHOOL_PROTOCOL_FILES", ""), "SCHOOL_PROTOCOL_FILES"),
        files_endpoint=_endpoint(environ),
        files_region=_said(environ, "SCHOOL_PROTOCOL_FILES_REGION"),
    )


def _security(environ: Mapping[str, str]) -> dict[str, Any]:
    contact, until = (_said(environ, f"SCHOOL_PROTOCOL_SECURITY_{name}") for name in ("CONTACT", "UNTIL"))
    if not contact and not until:
        return {}
    if urlsplit(contact).scheme not in ("mailto", "https", "tel") or any(not one.isprintable() for one in contact):
        raise SettingUnreadable("SCHOOL_PROTOCOL_SECURITY_CONTACT is mailto:…, https://… or tel:…")
    try:
        return {"security_contact": contact, "security_until": date.fromisoformat(until)}
    except ValueError:
        raise SettingUnreadable("SCHOOL_PROTOCOL_SECURITY_UNTIL is the last day, as 2027-06-30") from None


def files_place(said: str, name: str) -> str:
    """Where sealed files lie, as it was said. Raises SettingUnreadable, with nothing of what was said in it."""
    place = said.strip() or FOLDER
    if place not in (FOLDER, ROWS) and not _BUCKET.fullmatch(place):
        raise SettingUnreadable(f"{name} is one of {FOLDER}, {ROWS}, or s3://bucket/prefix, without a password in it")
    return place.rstrip("/")


def _endpoint(environ: Mapping[str, str]) -> str:
    endpoint = _said(environ, "SCHOOL_PROTOCOL_FILES_ENDPOINT").rstrip("/")
    if endpoint:
        address = urlsplit(endpoint)
        if address.scheme not in ("http", "https") or not address.hostname or "@" in endpoint or address.path:
            raise SettingUnreadable(
                "SCHOOL_PROTOCOL_FILES_ENDPOINT is https://host:port of the object store, without a password or a path"
            )
    return endpoint


def database_address(said: str, name: str) -> str:
    """A PostgreSQL address as the driver wants it; empty for none. Raises SettingUnreadable, with no password in it."""
    address = said.strip()
    if not address:
        return ""
    scheme, _, rest = address.partition("://")
    if scheme not in ("postgresql", "postgres", "postgresql+psycopg") or not rest or "options=" in rest:
        raise SettingUnreadable(f"{name} is postgresql://user:password@host/database, without options of its own")
    return f"postgresql+psycopg://{rest}"


def _languages(environ: Mapping[str, str]) -> tuple[str, ...]:
    said = environ.get("SCHOOL_PROTOCOL_LANGUAGES", "").replace(" ", "") or ",".join(LANGUAGES)
    found, known = tuple(said.split(",")), known_languages()
    if len(set(found)) < len(found) or not set(found) <= set(known):
        raise SettingUnreadable(f"SCHOOL_PROTOCOL_LANGUAGES is some of {','.join(known)}, each once, not {said!r}")
    return found


def _said(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name, "").strip()


def _proxy(environ: Mapping[str, str]) -> str:
    said = environ.get("SCHOOL_PROTOCOL_TRUSTED_PROXY", "").strip()
    try:
        return str(ip_address(said)) if said else ""
    except ValueError:
        raise SettingUnreadable(f"SCHOOL_PROTOCOL_TRUSTED_PROXY is the IP address of one proxy, not {said!r}") from None


def _openid(environ: Mapping[str, str]) -> OpenId | None:
    issuer = environ.get("SCHOOL_PROTOCOL_OPENID_ISSUER", "").strip().rstrip("/")
    if not issuer:
        return None
    address = urlsplit(issuer)
    is_near = address.hostname in ("127.0.0.1", "localhost", "::1")
    if not address.hostname or (address.scheme != "https" and not (address.scheme == "http" and is_near)):
        raise SettingUnreadable(f"SCHOOL_PROTOCOL_OPENID_ISSUER is an https address, not {issuer!r}")
    client = environ.get("SCHOOL_PROTOCOL_OPENID_CLIENT", "").strip()
    if not client:
        raise SettingUnreadable("SCHOOL_PROTOCOL_OPENID_CLIENT says under which name the provider knows this site")
    claim = environ.get("SCHOOL_PROTOCOL_OPENID_CLAIM", "").strip()
    if not claim:
        return None
    said = (part.partition("=") for part in environ.get("SCHOOL_PROTOCOL_OPENID_NAME", "").split(";") if "=" in part)
    factors = environ.get("SCHOOL_PROTOCOL_OPENID_FACTOR", "").split(",")
    return OpenId(
        issuer=issuer,
        client=client,
        secret=environ.get("SCHOOL_PROTOCOL_OPENID_SECRET", "").strip(),
        claim=claim,
        names={language.strip(): name.strip() for language, _equals, name in said if name.strip()},
        factors=frozenset(one.strip() for one in factors if one.strip()),
    )


def _number(environ: Mapping[str, str], name: str, usual: int, bounds: tuple[int, int], unit: str) -> int:
    """A whole number within `bounds`, both counted in. Raises SettingUnreadable."""
    said, (least, most) = environ.get(name, "").strip() or str(usual), bounds
    if not said.isascii() or not said.isdigit() or not least <= int(said[:9]) <= most:
        raise SettingUnreadable(f"{name} is a number of {unit}, {least} to {most}, not {said!r}")
    return int(said)


def _one_of(environ: Mapping[str, str], name: str, words: tuple[str, ...]) -> str:
    said = environ.get(name, "").strip() or words[0]
    if said not in words:
        raise SettingUnreadable(f"{name} is one of {', '.join(words)}, not {said!r}")
    return said


def _of_process(read: Callable[[str], _Read], name: str) -> _Read:
    """What the environment says as the process begins; what it says wrongly, `settings_from` refuses."""
    try:
        return read(os.environ.get(name, ""))
    except SettingUnreadable:
        return read("")


ZONE = _of_process(zone_named, "SCHOOL_PROTOCOL_TIMEZONE")
"""The time in which days begin and moments are written; one for a process, like its locale."""
COUNTRY = _of_process(country_named, "SCHOOL_PROTOCOL_COUNTRY")
"""Whose public holidays are meant."""
