"""What lies in `deploy/` is true of the program: its settings, commands, limits, and what is to be kept quiet."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from programs import needs, where_is

from repository.operations import documented
from repository.test_docs import OPERATIONS
from school_protocol.cli.group import main
from school_protocol.config import SECRETS, database_address, role_of
from school_protocol.ui import middleware

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
TEXTS = {path.relative_to(DEPLOY).as_posix(): path.read_text("utf-8") for path in DEPLOY.rglob("*") if path.is_file()
         and "secrets/" not in path.as_posix() and path.name != ".env"}  # fmt: skip
CONTAINER, COMPOSE, NGINX, CADDY = (
    TEXTS[name] for name in ("Containerfile", "compose.yaml", "nginx.conf", "Caddyfile")
)
UNITS = {name.removeprefix("systemd/"): text for name, text in TEXTS.items() if name.startswith("systemd/")}
QUIET = ("s", "calendar", "invited", "trainer", "join")
"""Below these, an address says who asked, or is a key."""


# ---- settings ------------------------------------------------------------------------------------------------------


def known_settings() -> set[str]:
    """Those that the program itself reads."""
    said = set(re.findall(r"^\| `(SCHOOL_PROTOCOL_\w+)` \|", OPERATIONS, re.MULTILINE))
    read = "".join(path.read_text("utf-8") for path in (ROOT / "school_protocol").rglob("*.py"))
    return {name for name in said if name in read} | {f"{name}_FILE" for name in SECRETS}


def unknown_settings(text: str) -> list[str]:
    return sorted(set(re.findall(r"\bSCHOOL_PROTOCOL_[A-Z_]+\b", text)) - known_settings())


@pytest.mark.parametrize("name", TEXTS)
def test_every_setting_is_one(name: str) -> None:
    assert unknown_settings(TEXTS[name]) == []


def test_the_control_a_setting_that_is_none_is_found() -> None:
    planted = "SCHOOL_PROTOCOL_" + "DATABASE_URI"
    assert unknown_settings(COMPOSE + planted) == [planted]
    planted = "SCHOOL_PROTOCOL_" + "DATA_FILE"
    assert unknown_settings(COMPOSE + planted) == [planted]


def test_no_secret_stands_in_an_environment() -> None:
    for name, text in TEXTS.items():
        assert [one for one in SECRETS if re.search(rf"\b{one}\b(?!_FILE)", text)] == [], name
    [said] = re.findall(r"^\*\*A secret may stand in a file\*\*: (.*?)\n\n", OPERATIONS, re.MULTILINE | re.DOTALL)
    named = set(re.findall(r"`…_(\w+)`", said)) - {"FILE"}
    assert {f"SCHOOL_PROTOCOL_{one}" for one in named} == set(SECRETS)


# ---- commands ------------------------------------------------------------------------------------------------------


def refused(words: list[str]) -> str:
    """Why `school-protocol` would not understand these words; empty where it would."""
    context, command = click.Context(main, info_name="school-protocol"), main
    try:
        while isinstance(command, click.Group):
            _name, found, words = command.resolve_command(context, words)
            assert found is not None
            command = found  # type: ignore[assignment]
            if not isinstance(command, click.Group):
                command.make_context(found.name, words, parent=context)
                return ""
            context = command.make_context(found.name, words[:1] and list(words), parent=context)
    except click.ClickException as error:
        return error.format_message()
    return "no command"


def services() -> Mapping[str, Any]:
    found: Mapping[str, Any] = yaml.safe_load(COMPOSE)["services"]
    return found


def commands() -> dict[str, list[str]]:
    """Where a command stands → its words."""
    ours = {name: one for name, one in services().items() if one["image"] == "school-protocol"}
    found = {f"compose {name}": one["command"] for name, one in ours.items()}
    for name, text in UNITS.items():
        for line in re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE):
            program, *words = shlex.split(line)
            assert program == "/opt/school-protocol/bin/school-protocol"
            found[name] = words
    [cmd] = re.findall(r"^CMD (\[.*\])$", CONTAINER, re.MULTILINE)
    return {**found, "Containerfile": yaml.safe_load(cmd)}


COMMANDS = commands()


def test_commands_are_found() -> None:
    assert {"compose prepare", "compose web-2", "compose worker", "Containerfile"} <= set(COMMANDS)
    assert sum(name.endswith(".service") for name in COMMANDS) == 4
    assert 'ENTRYPOINT ["school-protocol"]' in CONTAINER


@pytest.mark.parametrize("where", COMMANDS)
def test_every_command_is_understood(where: str, tmp_path: Path) -> None:
    cache = "/var/cache/school-protocol"  # systemd makes it, and `--scratch` is looked at as it is read
    assert refused([str(word).replace(cache, str(tmp_path)) for word in COMMANDS[where]]) == ""


@pytest.mark.parametrize(
    "words",
    ["serv", "serve --ports 1", "serve --processes 900", "backup create", "database prepare --worker", "worker now"],
)
def test_the_control_a_command_that_is_none_is_found(words: str) -> None:
    assert refused(words.split())


# ---- compose -------------------------------------------------------------------------------------------------------


def faults(compose: Mapping[str, Any]) -> list[str]:
    """What a file names and does not declare, and what a service of ours lacks."""
    found = []
    for name, one in compose["services"].items():
        found += [f"{name}: no image"] if not ("image" in one or "build" in one) else []
        found += [f"{name}: secret {key}" for key in one.get("secrets", ()) if key not in compose["secrets"]]
        found += [f"{name}: network {key}" for key in one.get("networks", ()) if key not in compose["networks"]]
        for volume in one.get("volumes", ()):
            source = volume.split(":")[0]
            if not (source in compose["volumes"] or (source.startswith("./") and (DEPLOY / source).is_file())):
                found.append(f"{name}: volume {source}")
        for other, how in one.get("depends_on", {}).items():
            waited = compose["services"].get(other, {})
            if how["condition"] == "service_completed_successfully" and waited.get("restart") != "no":
                found.append(f"{name}: {other} never ends")
            if how["condition"] == "service_healthy" and not _tells_health(waited):
                found.append(f"{name}: {other} never tells its health")
        if one.get("image") == "school-protocol":
            found += [f"{name}: {key}" for key in ("read_only", "init") if one.get(key) is not True]
            found += [f"{name}: may too much"] if one.get("cap_drop") != ["ALL"] else []
        if "ports" in one and name != "front":
            found.append(f"{name}: open to the world")
    return found


def _tells_health(service: Mapping[str, Any]) -> bool:
    """By itself, or by its image."""
    told = service.get("healthcheck", {"test": "of the image"} if service.get("image") == "school-protocol" else {})
    return "test" in told


def test_what_compose_names_is_declared() -> None:
    assert faults(yaml.safe_load(COMPOSE)) == []


@pytest.mark.parametrize(
    ("place", "key", "value", "fault"),
    [
        ("web-2", "secrets", ["smtp"], "web-2: secret smtp"),
        ("worker", "volumes", ["files:/data"], "worker: volume files"),
        ("worker", "ports", ["5001:5000"], "worker: open to the world"),
        ("web-1", "read_only", False, "web-1: read_only"),
        ("front", "depends_on", {"worker": {"condition": "service_healthy"}}, "front: worker never tells its health"),
    ],
)
def test_the_control_a_fault_of_compose_is_found(place: str, key: str, value: Any, fault: str) -> None:
    compose = yaml.safe_load(COMPOSE)
    compose["services"][place][key] = value
    assert faults(compose) == [fault]


def test_the_parts_of_compose_fit_together() -> None:
    compose = yaml.safe_load(COMPOSE)
    settings = compose["services"]["web-1"]["environment"]
    assert settings["SCHOOL_PROTOCOL_TRUSTED_PROXY"] == services()["front"]["networks"]["inside"]["ipv4_address"]
    pages = [one["command"] for one in services().values() if "serve" in one.get("command", ())]
    served = sum(int(words[words.index("--processes") + 1]) for words in pages)
    assert int(settings["SCHOOL_PROTOCOL_WEB_PROCESSES"]) == served == 4
    assert all("--no-worker" in words for words in pages)
    assert compose["services"]["worker"]["environment"]["SCHOOL_PROTOCOL_DATABASE_URL" + "_FILE"].endswith("work_url")
    assert {one.split(":")[0] for one in re.findall(r"web-\d:\d+", CADDY)} <= set(services())


def log_faults(compose: Mapping[str, Any]) -> list[str]:
    """What of PostgreSQL's log is kept otherwise than `archive.conf` says, and what the scripts of it lack."""
    one = compose["services"]["database"]
    said = dict(re.findall(r"^(\w+) = '?(.*?)'?$", TEXTS["postgresql/archive.conf"], re.MULTILINE))
    given = dict(word.split("=", 1) for word in one["command"] if "=" in word)
    found = [f"{name}: {given.get(name)}" for name in sorted(said | given) if said.get(name) != given.get(name)]
    mounted = dict(volume.split(":")[:2] for volume in one["volumes"])
    [kept] = re.findall(r"WAL_KEPT=(\S+)", said["archive_command"])
    made = compose["services"][next(iter(one["depends_on"]))]
    for place in (kept, kept.replace("-wal", "-base")):
        volume = next((name for name, where in mounted.items() if where == place), "")
        found += [] if volume in compose["volumes"] else [f"{place} is no volume"]
        found += (
            [] if place in made["entrypoint"] and f"{volume}:{place}" in made["volumes"] else [f"{place}: not made"]
        )
    for script in ("keep.sh", "base-backup.sh", "restore.sh"):
        place = f"/etc/school-protocol/postgresql/{script}"
        found += [] if mounted.get(f"./postgresql/{script}") == place else [f"{script} is not there"]
    return found


def test_compose_keeps_the_log_of_postgresql_as_units_do() -> None:
    assert log_faults(yaml.safe_load(COMPOSE)) == []
    assert log_faults(yaml.safe_load(COMPOSE.replace("archive_mode=on", "archive_mode=off"))) == ["archive_mode: off"]
    elsewhere = COMPOSE.replace("wal:/var/backups/school-protocol-wal", "wal:/var/backups/log")
    assert log_faults(yaml.safe_load(elsewhere)) == [
        "/var/backups/school-protocol-wal is no volume",
        "/var/backups/school-protocol-wal: not made",
    ]
    without = COMPOSE.replace("./postgresql/keep.sh:", "./roles.sh:")
    assert log_faults(yaml.safe_load(without)) == ["keep.sh is not there"]


@pytest.mark.exhaustive
def test_secrets_are_drawn_once_and_the_database_knows_them(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    for _time in range(2):
        subprocess.run(["sh", str(DEPLOY / "secrets.sh"), str(folder)], check=True)
        kept = {path.name: path.read_text() for path in folder.iterdir()}
        assert kept == locals().get("before", kept)
        before = kept
    assert set(kept) == set(yaml.safe_load(COMPOSE)["secrets"])
    assert len(set(kept.values())) == len(kept)
    assert oct(folder.stat().st_mode)[-3:] == "700"
    for role in ("owner", "site", "work"):
        address = database_address(kept[f"{role}_url"], "x")
        assert role_of(address) == f"school_{role}"
    assert services()["prepare"]["command"][-1] == role_of(database_address(kept["work_url"], "x"))


@pytest.mark.exhaustive
def test_the_line_of_the_docs_leaves_all_that_compose_asks_for(tmp_path: Path) -> None:
    shutil.copytree(DEPLOY, tmp_path / "deploy", ignore=shutil.ignore_patterns("secrets", ".env"))
    for _time in range(2):
        subprocess.run(["sh", "-euc", documented("sh deploy/secrets.sh")], cwd=tmp_path, check=True)
    drawn = {f"./secrets/{path.name}" for path in (tmp_path / "deploy" / "secrets").iterdir()}
    assert drawn == {one["file"] for one in yaml.safe_load(COMPOSE)["secrets"].values()}
    given = dict(line.split("=") for line in (tmp_path / "deploy" / ".env").read_text().splitlines())
    assert set(given) == set(re.findall(r"\$\{(\w+)", COMPOSE))


# ---- the image -----------------------------------------------------------------------------------------------------


def steps(text: str) -> list[tuple[str, str]]:
    lines = re.sub(r"\\\n", " ", text).splitlines()
    return [(one.split(" ", 1)[0], one.split(" ", 1)[1]) for one in lines if one and not one.startswith("#")]


def test_the_image_runs_as_nobody_and_is_built_of_what_is_locked() -> None:
    words = [word for word, _rest in steps(CONTAINER)]
    assert set(words) <= {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL",
                          "HEALTHCHECK", "ENTRYPOINT", "CMD"}  # fmt: skip
    assert words.count("FROM") == 2
    assert words.index("USER") < words.index("ENTRYPOINT")
    assert next(rest for word, rest in steps(CONTAINER) if word == "USER").split(":")[0] not in ("0", "root")
    for _word, rest in steps(CONTAINER):
        if "pip install" in rest or "/pip --python" in rest:
            assert "--require-hashes" in rest
    copied = [
        one for word, rest in steps(CONTAINER) if word == "COPY" and "--from" not in rest for one in rest.split()[:-1]
    ]
    assert [one for one in copied if not (ROOT / one).exists()] == []
    ignored = TEXTS["Containerfile.dockerignore"].splitlines()
    assert ignored[0] == "*"
    assert {f"!{one}" for one in copied} == {one for one in ignored if one.startswith("!")}


class Site(BaseHTTPRequestHandler):
    """A site that answers under its own name alone."""

    def do_GET(self) -> None:
        ours = (self.path, self.headers["Host"]) == ("/alive", "desk.example")
        self.send_response(200 if ours else 400)
        self.end_headers()
        self.wfile.write(b"alive\n" if ours else b"")

    def log_message(self, *_said: object) -> None:
        pass


@contextmanager
def answering() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.mark.exhaustive
def test_health_is_asked_under_the_name_of_the_site() -> None:
    def asked(port: int, address: str) -> int:
        environ = {"PATH": os.environ["PATH"], "SCHOOL_PROTOCOL_ADDRESS": address}
        command = [sys.executable, str(DEPLOY / "alive.py"), str(port)]
        return subprocess.run(command, env=environ, check=False).returncode

    with answering() as port:
        assert asked(port, "https://desk.example") == 0
        assert asked(port, "https://other.example") == 1
    assert asked(port, "https://desk.example") == 1


# ---- units ---------------------------------------------------------------------------------------------------------

HARDENED = {
    "NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateDevices": "yes",
    "CapabilityBoundingSet": "", "RestrictNamespaces": "yes", "UMask": "0077", "User": "school-protocol",
    "ProtectKernelTunables": "yes", "RestrictSUIDSGID": "yes", "SystemCallFilter": "@system-service",
}  # fmt: skip
DIRECTIVES = {
    "Unit": {"Description", "After", "Wants"},
    "Install": {"WantedBy"},
    "Timer": {"OnCalendar", "RandomizedDelaySec", "Persistent"},
    "Service": {
        *HARDENED, "ExecStart", "Type", "Restart", "RestartSec", "TimeoutStopSec", "Group", "WorkingDirectory",
        "StateDirectory", "StateDirectoryMode", "Environment", "EnvironmentFile", "ReadWritePaths", "Nice",
        "TemporaryFileSystem", "AmbientCapabilities", "ProtectClock", "ProtectControlGroups", "ProtectHostname",
        "ProtectKernelLogs", "ProtectKernelModules", "ProtectProc", "RemoveIPC", "LockPersonality",
        "RestrictAddressFamilies", "RestrictRealtime", "SystemCallArchitectures", "SystemCallErrorNumber",
        "IOSchedulingClass", "CacheDirectory", "CacheDirectoryMode", "ExecStopPost",
    },
}  # fmt: skip
"""What systemd knows (systemd.exec, .service, .timer): a directive that it does not know, it passes over."""


def unit(text: str) -> configparser.ConfigParser:
    read = configparser.ConfigParser(interpolation=None, strict=True, delimiters=("=",), comment_prefixes=("#",))
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read_string(text)
    return read


def unit_faults(text: str) -> list[str]:
    read = unit(text)
    found = [
        f"{section}.{key}"
        for section in read.sections()
        for key in read[section]
        if key not in DIRECTIVES.get(section, ())
    ]
    if "Service" in read:
        found += [f"not {key}={value}" for key, value in HARDENED.items() if read["Service"].get(key) != value]
    return found


@pytest.mark.parametrize("name", UNITS)
def test_units_are_hardened_and_say_what_systemd_knows(name: str) -> None:
    assert unit_faults(UNITS[name]) == []
    if name.endswith(".timer"):
        assert name.removesuffix(".timer") + ".service" in UNITS
    for line in re.findall(r"^(?:After|Wants)=(.*)$", UNITS[name], re.MULTILINE):
        assert {one for one in line.split() if one.startswith("school")} <= set(UNITS)


def test_a_drill_unpacks_where_there_is_room_and_leaves_nothing_there() -> None:
    """Not into a /tmp of its own, which lies in memory and holds a gigabyte: an installation is larger."""
    service = unit(UNITS["school-protocol-drill.service"])["Service"]
    [place] = re.findall(r" --scratch (\S+)$", service["ExecStart"])
    assert place == f"/var/cache/{service['CacheDirectory']}"
    assert service["ExecStopPost"] == f"-/usr/bin/find {place} -mindepth 1 -delete"


def test_the_control_a_fault_of_a_unit_is_found() -> None:
    text = UNITS["school-protocol.service"]
    assert unit_faults(text.replace("ProtectSystem=strict", "ProtectSystems=strict")) == [
        "Service.ProtectSystems",
        "not ProtectSystem=strict",
    ]


@pytest.mark.exhaustive
@needs("systemd-analyze")
def test_systemd_reads_them(tmp_path: Path) -> None:
    """Programs and accounts that are not on this machine stand in the way of nothing else."""
    for name, text in UNITS.items():
        (tmp_path / name).write_text(text.replace("/opt/school-protocol/bin/school-protocol", where_is("true")))
    command = ["systemd-analyze", "verify", "--man=no", *(str(path) for path in tmp_path.iterdir())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if str(tmp_path) in line or "school-protocol" in line] == []
    broken = tmp_path / "school-protocol.service"
    broken.write_text(broken.read_text().replace("ProtectSystem=", "ProtectSystems="))
    again = subprocess.run([*command[:3], str(broken)], capture_output=True, text=True, check=False)
    assert "ProtectSystems" in again.stderr, "the control"


# ---- in front ------------------------------------------------------------------------------------------------------


def test_bodies_may_be_as_large_as_the_site_takes_them_and_little_more() -> None:
    [nginx] = re.findall(r"client_max_body_size (\d+)m;", NGINX)
    [caddy] = re.findall(r"max_size (\d+)MB", CADDY)
    for most in (int(nginx) * 1024 * 1024, int(caddy) * 1_000_000):
        assert middleware.MOST_SERVED <= most <= middleware.MOST_SERVED + 2 * 1024 * 1024


def is_logged(path: str) -> bool:
    """By nginx, as the map and the quiet location say both."""
    [mapped] = re.findall(r"^    ~(\^\S+) 0;$", NGINX, re.MULTILINE)
    [silent] = re.findall(r"location ~ (\^\S+) \{\n        access_log off;\n        error_log /dev/null crit;", NGINX)
    assert mapped == silent
    return re.match(mapped, path) is None


@pytest.mark.parametrize("below", QUIET)
def test_who_asks_for_what_is_a_key_is_written_down_nowhere(below: str) -> None:
    assert not is_logged(f"/{below}/7QK4M2")
    assert is_logged(f"/{below}earch")


def test_nor_what_led_to_a_page() -> None:
    """A page below /s/ has a picture: the browser says which page asked for it."""
    assert not is_logged("/static/icon.svg")
    assert is_logged("/cases/1"), "the control"
    [form] = re.findall(r"log_format school_protocol '(.*)';", NGINX)
    assert not {"$http_referer", "$request ", "$args", "$request_uri", "$http_user_agent"} & set(
        re.findall(r"\$\w+ ?", form)
    )
    assert len(re.findall(r"access_log (?!off)", NGINX)) == 1
    assert "if=$school_protocol_logged;" in NGINX
    assert not re.search(r"^\s*log(?! default)\b", CADDY, re.MULTILINE)
    assert "exclude http.log.access http.log.error" in CADDY


def test_quiet_paths_are_those_of_the_program() -> None:
    """A door that is renamed would be logged."""
    rules = "".join(path.read_text("utf-8") for path in (ROOT / "school_protocol").rglob("*routes.py"))
    for below in QUIET:
        assert f'"/{below}' in rules, below


def test_the_front_says_who_asks_and_shows_no_measurements() -> None:
    for name, value in (("For", "$remote_addr"), ("Proto", "$scheme"), ("Host", "$http_host")):
        assert f"proxy_set_header X-Forwarded-{name} {value};" in NGINX
    assert "proxy_set_header Host $http_host;" in NGINX, "with its port: forms are compared with where they come from"
    assert re.search(r"location = /metrics \{\s+return 404;", NGINX)
    assert "@watched path /metrics\n\trespond @watched 404" in CADDY


@pytest.mark.exhaustive
@needs("nginx")
@needs("openssl")
def test_nginx_reads_it(tmp_path: Path) -> None:
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=desk.example"]
    subprocess.run([*made, "-keyout", "k.pem", "-out", "c.pem"], cwd=tmp_path, check=True, capture_output=True)
    text = NGINX.replace("/run/school-protocol-bodies", f"{tmp_path}/bodies").replace("/var/log/nginx", str(tmp_path))
    text = re.sub(r"/etc/letsencrypt\S+/fullchain", f"{tmp_path}/c", text)
    text = re.sub(r"/etc/letsencrypt\S+/privkey", f"{tmp_path}/k", text)
    for end, code in (("", 0), ("\nno_such_word on;", 1)):
        whole = f"pid {tmp_path}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n{text}{end}\n}}\n"
        (tmp_path / "nginx.conf").write_text(whole)
        command = [where_is("nginx"), "-t", "-q", "-e", "stderr", "-c", str(tmp_path / "nginx.conf")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr


@pytest.mark.exhaustive
@needs("caddy")
def test_caddy_reads_it(tmp_path: Path) -> None:
    for text, code in ((CADDY, 0), (CADDY.replace("lb_policy", "no_such_word"), 1)):
        (tmp_path / "Caddyfile").write_text(text)
        command = [where_is("caddy"), "adapt", "--config", str(tmp_path / "Caddyfile")]
        environ = {"PATH": os.environ["PATH"], "SITE_NAME": "desk.example", "HOME": str(tmp_path)}
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr


def test_every_file_is_named_in_the_docs() -> None:
    named = {name for name in TEXTS if not name.startswith("systemd/")} - {"Containerfile.dockerignore", "alive.py"}
    assert [name for name in sorted(named) if f"deploy/{name}" not in OPERATIONS] == []
    assert "deploy/systemd/" in OPERATIONS
