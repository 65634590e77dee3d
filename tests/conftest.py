"""What every room's tests share: the two definitions, read once; tables made once and copied."""

import gc
import os
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from functools import lru_cache
from inspect import ismethod
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from argon2 import PasswordHasher
from flask import Flask, has_request_context
from jinja2 import FileSystemBytecodeCache
from programs import lacking
from sqlalchemy import Engine, text
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache
from storage.object_store import ObjectStore, serving
from storage.server import EVERYWHERE, SITE, Databases, served
from werkzeug.routing import Rule

from school_protocol import context
from school_protocol.auth import passwords
from school_protocol.config import Settings
from school_protocol.engine.definition import Protocol
from school_protocol.protocol.reader import read_file
from school_protocol.storage import engines
from school_protocol.storage.engines import Session, Store, open_engine
from school_protocol.storage.migrate import Part, Tables, upgrade
from school_protocol.training import room_store
from school_protocol.wiring import WIRING

gc.disable()  # until all is loaded: nothing of it can go, and each look through it takes longer than the last
ROOT = Path(__file__).parents[1]
SHIPPED = passwords._HASHER


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--passed-over", type=Path, help="a file to which tests are written that lack a program")
    parser.addoption("--all", action="store_true", help="those marked `exhaustive`, too")


ORDER = {"may": 0, "trials": 0, "stories": 0, "browser": 2}
"""Folders whose files take longest come first, so that no process is left alone with one; but a browser leaves a loop
of asyncio running in its process, where no other can begin."""
LEFT = pytest.StashKey[int]()
"""How many tests are left to `--all`."""


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[LEFT] = getattr(node, "workeroutput", {}).get("left", 0)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left"] = session.config.stash.get(LEFT, 0)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if left := config.stash.get(LEFT, 0):
        terminalreporter.write_line(f"{left} more are asked by --all alone")
    reports = (one for what, found in terminalreporter.stats.items() if what != "deselected" for one in found)
    added = [one for one in reports if ("exhaustive", True) in getattr(one, "user_properties", ())]
    if added:
        tests, seconds = len({one.nodeid for one in added}), sum(one.duration for one in added)
        terminalreporter.write_line(f"{tests} of these are asked by --all alone: {seconds:.0f} s of one process")
    file = config.getoption("passed_over")
    if file is not None and not hasattr(config, "workerinput"):
        with file.open("a", encoding="utf-8") as out:
            out.writelines(f"{line}\n" for line in lacking(terminalreporter.stats.get("skipped", ())))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "exhaustive: asked by `./run check --all` alone (docs/adr/0008)")
    config.addinivalue_line("markers", "files: looks into SQLite's files, copies them, or has others open them")
    # Time limits would fail where the machine is busy; what is drawn is the same each time but in `--all`.
    hypothesis.settings.register_profile("here", deadline=None, derandomize=not config.getoption("all"))
    hypothesis.settings.load_profile("here")
    # A password costs next to nothing in tests; what it costs as it ships is asked of `shipped_hasher`.
    passwords._HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is about SQLite's files is not asked where every installation lies on PostgreSQL."""
    left = [item for item in items if is_exhaustive(item)]
    if config.getoption("all"):
        for item in left:
            item.user_properties.append(("exhaustive", True))
    elif left:
        items[:] = [item for item in items if not is_exhaustive(item)]
        config.stash[LEFT] = len(left)
        config.hook.pytest_deselected(items=left)
    items.sort(key=lambda item: ORDER.get(item.path.parent.name, 1))
    for item in items if EVERYWHERE else ():
        if item.get_closest_marker("files"):
            item.add_marker(pytest.mark.skip(reason="about SQLite's own files"))


def is_exhaustive(item: pytest.Item) -> bool:
    """`@exhaustive(but=(…))` or `(only=(…))`: all parameters but those, or those alone; by ids, `*` stands for any."""
    marker = item.get_closest_marker("exhaustive")
    if marker is None or not marker.kwargs:
        return marker is not None
    if not hasattr(item, "callspec"):
        raise pytest.UsageError(f"{item.nodeid} has no parameters: its mark leaves it out, or names none")
    name = item.callspec.id
    only, but = marker.kwargs.get("only", ("*",)), marker.kwargs.get("but", ())
    return any(fnmatchcase(name, one) for one in only) and not any(fnmatchcase(name, one) for one in but)


def pytest_collection_finish() -> None:
    """What was loaded stays to the end: looking through it again for what could go costs seconds each time."""
    gc.freeze()
    gc.enable()
    gc.set_threshold(20_000, 20, 20)


MakeTables = Callable[..., None]


@pytest.fixture(scope="session")
def make_tables(tmp_path_factory: pytest.TempPathFactory) -> MakeTables:
    """`upgrade`, but that a bare SQLite file gets its tables as a copy of those made first."""
    folder = tmp_path_factory.mktemp("tables")

    @lru_cache
    def made(part: Part, purged: bool) -> bytes:
        file = folder / f"{part}-{purged}.db"
        engine = open_engine(f"sqlite:///{file}")
        upgrade(engine, part, WIRING.tables, purged=purged)
        engine.dispose()
        return file.read_bytes()

    def quick(engine: Engine, part: Part, tables: Tables = WIRING.tables, *, purged: bool = False) -> None:
        file = Path(engine.url.database or "")
        if engine.dialect.name == "sqlite" and file.is_file() and is_bare(engine):
            engine.dispose()
            file.write_bytes(made(part, purged))
        else:
            upgrade(engine, part, tables, purged=purged)

    return quick


@pytest.fixture(scope="session", autouse=True)
def once(make_tables: MakeTables, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Made once for all tests of a process: the tables of a new store, templates compiled."""
    compiled = tmp_path_factory.mktemp("templates")
    with pytest.MonkeyPatch.context() as patched:
        cache = FileSystemBytecodeCache(str(compiled))
        patched.setattr(Flask, "jinja_options", {**Flask.jinja_options, "bytecode_cache": cache})
        # What a test writes need not outlive a power cut.
        patched.setattr(engines, "_PRAGMAS", (*engines._PRAGMAS, "PRAGMA synchronous = OFF"))
        patched.setattr(os, "fsync", lambda _handle: None)
        patched.setattr(context, "upgrade", make_tables)
        patched.setattr(room_store, "upgrade", make_tables)
        patched.setattr(Rule, "compile", compiled_once(Rule.compile))
        patched.setattr(Engine, "_compiled_cache", written_once(), raising=False)
        patched.setattr(DefaultDialect, "__eq__", lambda one, other: type(one) is type(other))
        patched.setattr(DefaultDialect, "__hash__", lambda one: hash(type(one)))
        yield


def is_bare(engine: Engine) -> bool:
    """Whether nothing was ever made in a store."""
    with engine.connect() as connection:
        return not connection.scalar(text("SELECT count(*) FROM sqlite_master"))


def written_once() -> property:
    """Statements are the same in every store: SQLAlchemy writes them anew for each engine."""
    known: dict[type, LRUCache[Any, Any]] = {}
    return property(
        lambda engine: known.setdefault(type(engine.dialect), LRUCache(5000)),
        lambda _engine, _own: None,
    )


_COMPILED = ("_parts", "_trace", "_converters", "_build", "_build_unknown")


def compiled_once(compile_rule: Callable[[Rule], None]) -> Callable[[Rule], None]:
    """The addresses of pages are the same in every application: Werkzeug reads each anew, and writes code for it."""
    known: dict[tuple[str, bool | None], Rule] = {}

    def found(rule: Rule) -> None:
        if rule.defaults or rule.subdomain or rule.host:
            compile_rule(rule)
            return
        first = known.setdefault((rule.rule, rule.merge_slashes), rule)
        if first is rule:
            compile_rule(rule)
            return
        rule.arguments = set(first.arguments)
        for name in _COMPILED:
            value = getattr(first, name)
            setattr(rule, name, value.__func__.__get__(rule) if ismethod(value) else value)

    return found


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """An object store that stands as long as the tests of a process."""
    with serving(tmp_path_factory.mktemp("objects")) as found:
        yield found


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases | None]:
    """Where every installation lies on PostgreSQL (`SCHOOL_PROTOCOL_TEST_STORES=postgresql`): its databases."""
    if not EVERYWHERE:
        yield None
        return
    with served() as address, pytest.MonkeyPatch.context() as patched:
        made = Databases(address)
        patched.setattr(Settings, "store_url", lambda settings, name: made.store_url(settings, name))
        say_whose = Store._say_whose

        def as_site(store: Store, session: Session) -> None:
            """Pages are served by the role before which the wall stands, and that owns nothing."""
            if store._token is not None or has_request_context():
                session.execute(text(f"SET LOCAL ROLE {SITE}"))
            say_whose(store, session)

        patched.setattr(Store, "_say_whose", as_site)
        yield made
        made.close()


@pytest.fixture(scope="module", autouse=True)
def dropped(databases: Databases | None) -> Iterator[None]:
    """What the installations of a file of tests lay in goes with it."""
    if databases is None:
        yield
        return
    yield
    databases.drop()


@pytest.fixture(scope="session")
def shipped_hasher() -> PasswordHasher:
    """What passwords are hashed with outside of tests."""
    return SHIPPED


@pytest.fixture(scope="session")
def moroccan() -> Protocol:
    """The whole Moroccan protocol."""
    return read_file(ROOT / "protocol_definitions" / "ma-cyberharassment" / "1.yaml")


@pytest.fixture(scope="session")
def small() -> Protocol:
    """A protocol deliberately unlike it: lost things, three stages."""
    return read_file(ROOT / "tests" / "protocol" / "small.yaml")
