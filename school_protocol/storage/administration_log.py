"""The log of administration: who works where as it changes, each change a row that stays, linked under one chain."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, bindparam, event, func, insert, select
from sqlalchemy.orm import Session

from school_protocol.storage import master_keys
from school_protocol.storage.engines import VAULT, Store, cached
from school_protocol.storage.journal import Break, Chain, Flaw, moment_text
from school_protocol.storage.models import AdministrationLinkRow as Link
from school_protocol.storage.models import AdministrationRow, new_id
from school_protocol.storage.sql import add_rows
from school_protocol.storage.store_errors import KeysUnusable
from school_protocol.storage.vault import Vault, canonical

# ---- the chain: each row of `administration` has its link ----------------------------------------------------------
# Written as the transaction ends, when everything else is locked: of two writers one waits, and the chain has one
# head.

_HEAD = 7_241_002_028
"""PostgreSQL's advisory lock on the head of the chain."""
_PENDING = "administration-to-link"
_AT_A_TIME = 500
_AT_ONCE = 1000
_COLUMNS = tuple(AdministrationRow.__table__.c)


class LinkHead(NamedTuple):
    """The latest link: its number and its hash in hex."""

    seq: int
    hash: str


def head(session: Session) -> LinkHead | None:
    """The latest link, if the chain has begun."""
    row = session.execute(_LATEST).first()
    return LinkHead(row.seq, row.hash.hex()) if row else None


_LINKS = Link.__table__.c
_LATEST = select(_LINKS.seq, _LINKS.hash).order_by(_LINKS.seq.desc()).limit(1)


def held_head(session: Session) -> LinkHead | None:
    """The same, and nobody links anything until this transaction ends; ask when all else is written."""
    _hold_head(session)
    return head(session)


def hash_of(session: Session, seq: int) -> str | None:
    """The hash in hex of one link."""
    found = session.scalar(_HASH, {"seq": seq})
    return found.hex() if found else None


_HASH = select(_LINKS.hash).where(_LINKS.seq == bindparam("seq"))


def holds(session: Session, vault: Vault, seq: int) -> bool:
    """Whether the hash of one link was made with the key."""
    row = session.execute(_linked(seq - 1).limit(1)).first()
    return row is not None and row.seq == seq and not list(_own_flaw(vault, row, [row]))


def refuse_other_key(session: Session, vault: Vault) -> None:
    """Raises KeysUnusable where the chain was begun under another journal key than the vault's."""
    root = hash_of(session, 0)
    if root is not None and not hmac.compare_digest(bytes.fromhex(root), root_hash(vault)):
        raise KeysUnusable(
            f"the keys in {vault.folder} are not those that this data was written with (or the first link of "
            f"administration was changed): nothing is written under others. Move {master_keys.JOURNAL} away, then "
            f"{master_keys.PUT_BACK}"
        )


def link_at_commit(session: Session, row_id: str) -> None:
    """Have a row linked as its transaction ends. Raises KeysUnusable where the store was opened without keys."""
    if VAULT not in session.info:
        raise KeysUnusable("administration is written under a chain, and this store was opened without its key")
    if not event.contains(session, "before_commit", _link_pending):
        event.listen(session, "before_commit", _link_pending)
    session.info.setdefault(_PENDING, []).append(row_id)


def _link_pending(session: Session) -> None:
    ids = session.info.pop(_PENDING, ())
    if not ids:
        return
    session.flush()
    there: dict[str, Any] = {}
    for first in range(0, len(ids), _AT_A_TIME):  # a list of people writes tens of thousands
        some = AdministrationRow.id.in_(ids[first : first + _AT_A_TIME])
        there |= {row.id: row for row in session.execute(select(*_COLUMNS).where(some))}
    _append(session, session.info[VAULT], [there[one] for one in ids if one in there])


def begin_chain(store: Store, vault: Vault, *, links_older: bool) -> int:
    """Begin the chain, once: with `links_older`, rows from before it are linked in their order. Returns how many."""
    with store.reading() as session:
        if head(session) is not None:
            return 0
    with store.writing() as session:
        _hold_head(session)
        if head(session) is not None:
            return 0
        older = _older(session) if links_older else iter(())
        count = 0
        _append(session, vault, [])
        while rows := list(islice(older, _AT_ONCE)):
            _append(session, vault, rows)
            count += len(rows)
        return count


def _older(session: Session) -> Iterator[Row[*tuple[Any, ...]]]:
    after: tuple[Any, ...] | None = None
    while rows := session.execute(_page(after)).all():
        yield from rows
        after = (rows[-1].at, rows[-1].id)


def _page(after: tuple[Any, ...] | None) -> Select[*tuple[Any, ...]]:
    query = select(*_COLUMNS).order_by(AdministrationRow.at, AdministrationRow.id).limit(_AT_ONCE)
    if after is None:
        return query
    at, row_id = after
    later = (AdministrationRow.at > at) | ((AdministrationRow.at == at) & (AdministrationRow.id > row_id))
    return query.where(later)


def _append(session: Session, vault: Vault, rows: Sequence[Row[*tuple[Any, ...]]]) -> None:
    _hold_head(session)
    last = head(session)
    if last is None:
        root = root_hash(vault)
        session.execute(insert(Link).values(seq=0, administration=None, prev_hash=bytes(32), hash=root))
        last = LinkHead(0, root.hex())
    seq, before = last.seq, bytes.fromhex(last.hash)
    links = []
    for row in rows:
        seq += 1
        own = link_hash(vault, seq, row, before)
        links.append({"seq": seq, "administration": row.id, "prev_hash": before, "hash": own})
        before = own
    add_rows(session, Link, links)


def _hold_head(session: Session) -> None:
    """On SQLite the whole store is held already."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_HEAD)))


def root_hash(vault: Vault) -> bytes:
    """The hash of link 0, where the chain begins."""
    return vault.chain("administration-root-v1", b"")


def link_hash(vault: Vault, seq: int, row: Row[*tuple[Any, ...]], before: bytes) -> bytes:
    """The keyed hash of one link, over its row and the link before. Columns that are NULL say nothing:

    so a column that is added later changes no older hash.
    """
    said = {name: value for name, value in row._mapping.items() if name in _NAMES and value is not None}
    clear = {**said, "at": moment_text(row.at)}
    return vault.chain("administration-v1", canonical({"seq": seq, "row": clear, "prev": before.hex()}))


_NAMES = frozenset(column.name for column in _COLUMNS)


# ---- verification --------------------------------------------------------------------------------------------------


def verify(session: Session, vault: Vault) -> Iterator[Break]:
    """Every break in the chain of administration, and every row that has no link; a page at a time."""
    expected, before, after = 0, b"", -1
    while page := session.execute(_linked(after)).all():
        for row in page:
            if row.seq != expected:
                yield _break(expected, Flaw.missing)
            elif row.seq and row.prev_hash != before:
                yield _break(row.seq, Flaw.unlinked)
            yield from _own_flaw(vault, row, page)
            expected, before = row.seq + 1, row.hash
        after = page[-1].seq
    yield from _without_link(session, expected)


def _linked(after: int) -> Select[*tuple[Any, ...]]:
    columns = (Link.seq, Link.administration, Link.prev_hash, Link.hash, *_COLUMNS)
    joined = select(*columns).outerjoin(AdministrationRow, AdministrationRow.id == Link.administration)
    return joined.where(Link.seq > after).order_by(Link.seq).limit(_AT_ONCE)


def _own_flaw(vault: Vault, row: Row[*tuple[Any, ...]], page: Sequence[Row[*tuple[Any, ...]]]) -> Iterator[Break]:
    if row.seq == 0:
        if not hmac.compare_digest(row.hash, root_hash(vault)):
            yield _break(0, Flaw.altered)
    elif row.id is None:
        yield _break(row.seq, Flaw.missing)
    elif not hmac.compare_digest(row.hash, link_hash(vault, row.seq, row, row.prev_hash)):
        numbers = (other.seq for other in page if other.seq != row.seq)
        is_moved = any(row.hash == link_hash(vault, number, row, row.prev_hash) for number in numbers)
        yield _break(row.seq, Flaw.moved if is_moved else Flaw.altered)


def _without_link(session: Session, last: int) -> Iterator[Break]:
    query = select(AdministrationRow.id).outerjoin(Link, Link.administration == AdministrationRow.id)
    found = session.scalars(query.where(Link.seq.is_(None)).order_by(AdministrationRow.at, AdministrationRow.id))
    for place, _row in enumerate(found, start=last):
        yield _break(place, Flaw.inserted)


def _break(seq: int, flaw: Flaw) -> Break:
    return Break("", seq, flaw, Chain.administration)


class Kind(StrEnum):
    """What was changed."""

    stand_in_named = "stand_in_named"
    stand_in_ended = "stand_in_ended"
    leaving = "leaving"
    """The last day was said; until then nothing changes."""
    left = "left"
    left_at_once = "left_at_once"
    orphaned = "orphaned"
    """A case that somebody who left at once held a seat of."""
    draft_uploaded = "draft_uploaded"
    draft_proposed = "draft_proposed"
    draft_withdrawn = "draft_withdrawn"
    version_published = "version_published"
    invited = "invited"
    invitation_accepted = "invitation_accepted"
    password_code_made = "password_code_made"  # noqa: S105 (a name, no secret)
    password_set = "password_set"  # noqa: S105 (a name, no secret)
    """With the code that somebody printed."""
    password_changed = "password_changed"  # noqa: S105 (a name, no secret)
    code_factor_set = "code_factor_set"
    code_factor_removed = "code_factor_removed"
    recovery_codes_made = "recovery_codes_made"
    recovery_code_used = "recovery_code_used"
    passkey_added = "passkey_added"
    passkey_removed = "passkey_removed"
    restoration_asked = "restoration_asked"
    restoration_withdrawn = "restoration_withdrawn"
    restoration_agreed = "restoration_agreed"
    factors_restored = "factors_restored"
    calendar_opened = "calendar_opened"
    """An address was made under which one's due dates can be read without signing in."""
    calendar_shut = "calendar_shut"
    account_created = "account_created"
    account_changed = "account_changed"
    """How somebody is called, or in which language they are spoken to."""
    address_changed = "address_changed"
    """Where messages reach somebody."""
    account_closed = "account_closed"
    account_opened = "account_opened"
    """A closed account, let in again."""
    account_known = "account_known"
    """Linked to an account of the ministry's."""
    appointed = "appointed"
    appointment_ends = "appointment_ends"
    """The last day was said, or another one."""
    appointment_ended = "appointment_ended"
    certificate_seen = "certificate_seen"
    certificate_withdrawn = "certificate_withdrawn"
    """A certificate that a workshop gave, by whoever had attested it."""
    unit_created = "unit_created"
    unit_changed = "unit_changed"
    contact_added = "contact_added"
    contact_corrected = "contact_corrected"
    contact_verified = "contact_verified"
    contact_retired = "contact_retired"
    figures_issued = "figures_issued"
    figures_published = "figures_published"
    """Put on the page for everybody."""
    figures_withdrawn = "figures_withdrawn"
    """Taken from there."""
    token_asked = "token_asked"  # noqa: S105 (a name, no secret)
    """Somebody asked that another system may read."""
    token_agreed = "token_agreed"  # noqa: S105 (a name, no secret)
    token_drawn = "token_drawn"  # noqa: S105 (a name, no secret)
    token_ended = "token_ended"  # noqa: S105 (a name, no secret)
    visit_recorded = "visit_recorded"
    visit_corrected = "visit_corrected"
    visit_action_done = "visit_action_done"
    visit_pack_issued = "visit_pack_issued"
    duty_entered = "duty_entered"
    duty_withdrawn = "duty_withdrawn"
    go_live_signed = "go_live_signed"
    """An item of the list without which no real case is opened; `reason` says which."""
    go_live_withdrawn = "go_live_withdrawn"


WITHDRAWING = frozenset({Kind.stand_in_ended, Kind.left, Kind.left_at_once, Kind.appointment_ended})
"""What makes an appointment count no more, from that moment on."""
OF_IDENTITY = frozenset(
    {
        Kind.invited, Kind.invitation_accepted, Kind.password_code_made, Kind.password_set, Kind.password_changed,
        Kind.code_factor_set, Kind.code_factor_removed, Kind.recovery_codes_made, Kind.recovery_code_used,
        Kind.passkey_added, Kind.passkey_removed, Kind.restoration_asked, Kind.restoration_withdrawn,
        Kind.restoration_agreed, Kind.factors_restored, Kind.calendar_opened, Kind.calendar_shut,
    }
)  # fmt: skip
"""What was changed about how somebody proves who they are."""
OF_STAFF = frozenset(
    {
        Kind.account_created, Kind.account_changed, Kind.address_changed, Kind.account_closed, Kind.account_opened,
        Kind.account_known, Kind.appointed, Kind.appointment_ends, Kind.appointment_ended, Kind.certificate_seen,
        Kind.certificate_withdrawn, Kind.unit_created, Kind.unit_changed,
    }
)  # fmt: skip
"""What whoever administers accounts changed."""
IN_TEAMS = frozenset({Kind.appointed, Kind.appointment_ends, Kind.appointment_ended})
"""Of these, what the people of the school itself are shown: who was given a role there, or lost it."""
OF_CONTACTS = frozenset({Kind.contact_added, Kind.contact_corrected, Kind.contact_verified, Kind.contact_retired})
"""What was changed in the directory of contacts."""
OF_FIGURES = frozenset({Kind.figures_issued, Kind.figures_published, Kind.figures_withdrawn})
"""What was issued of figures, and put before everybody."""
OF_VISITS = frozenset(
    {
        Kind.visit_recorded, Kind.visit_corrected, Kind.visit_action_done, Kind.visit_pack_issued,
        Kind.duty_entered, Kind.duty_withdrawn,
    }
)  # fmt: skip
"""Visits to teams, what was printed for them, and turns of duty."""
OF_SYSTEMS = frozenset({Kind.token_asked, Kind.token_agreed, Kind.token_drawn, Kind.token_ended})
"""What was changed about which other systems may read."""
OF_GOING_LIVE = frozenset({Kind.go_live_signed, Kind.go_live_withdrawn})
"""What was signed before an installation takes real cases."""
OF_PEOPLE = frozenset(Kind).difference(
    OF_IDENTITY, OF_CONTACTS, OF_FIGURES, OF_VISITS, OF_SYSTEMS, OF_GOING_LIVE, OF_STAFF - IN_TEAMS,
    {Kind.draft_uploaded, Kind.draft_proposed, Kind.draft_withdrawn, Kind.version_published},
)  # fmt: skip
"""What was changed about who works where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One row of the log. `other`: for a stand-in, who is away; `number`: the case that was left.

    `draft`: the file of a protocol, the contact, the token or the release that this was done to.
    """

    at: datetime
    actor: str
    kind: Kind
    unit: str
    account: str
    role: str
    reason: str
    sentence: str = ""
    appointment: str | None = None
    other: str | None = None
    number: str | None = None
    starts: date | None = None
    ends: date | None = None
    draft: str | None = None


def write_entry(session: Session, change: Change) -> None:
    """Write a change down: nothing takes it away again. It is linked to the one before as the transaction ends."""
    write_all(session, [change])


def write_all(session: Session, changes: Iterable[Change]) -> None:
    """Write several changes down at once."""
    rows = []
    for change in changes:
        fields = {name: getattr(change, name) for name in Change.__slots__}
        withdraws = change.kind in WITHDRAWING
        rows.append({"id": new_id(), **fields, "kind": change.kind.value, "withdraws": withdraws})
    session.flush()
    add_rows(session, AdministrationRow, rows)
    for row in rows:
        link_at_commit(session, str(row["id"]))


def changes(session: Session, units: Collection[str], *, limit: int, kinds: Collection[Kind] = ()) -> list[Change]:
    """What was changed in these units, newest first."""
    return list(_changes(session, tuple(sorted(units)), limit, tuple(sorted(kind.value for kind in kinds))))


@cached
def _changes(session: Session, units: tuple[str, ...], limit: int, kinds: tuple[str, ...]) -> tuple[Change, ...]:
    query = select(AdministrationRow).where(AdministrationRow.unit.in_(units))
    if kinds:
        query = query.where(AdministrationRow.kind.in_(kinds))
    rows = session.scalars(query.order_by(AdministrationRow.at.desc(), AdministrationRow.id.desc()).limit(limit))
    return tuple(change_of(row) for row in rows)


def about(session: Session, account: str, *, kinds: Collection[Kind], limit: int) -> list[Change]:
    """What was changed about this person, newest first."""
    query = select(AdministrationRow).where(
        AdministrationRow.account == account, AdministrationRow.kind.in_([kind.value for kind in kinds])
    )
    rows = session.scalars(query.order_by(AdministrationRow.at.desc(), AdministrationRow.id.desc()).limit(limit))
    return [change_of(row) for row in rows]


def count_entries(session: Session, unit: str, kind: Kind) -> int:
    """How often something was done about that unit."""
    query = select(func.count()).where(AdministrationRow.unit == unit, AdministrationRow.kind == kind.value)
    return session.scalar(query) or 0


def doers(session: Session, account: str, *, kinds: Collection[Kind], since: datetime) -> frozenset[str]:
    """Who made such changes about this person since then, themselves aside."""
    query = select(AdministrationRow.actor).where(
        AdministrationRow.account == account, AdministrationRow.kind.in_([kind.value for kind in kinds]),
        AdministrationRow.at >= since, AdministrationRow.actor != account,
    )  # fmt: skip
    return frozenset(session.scalars(query.distinct()))


def latest_entry(session: Session, account: str, *, kind: Kind, by: str, since: datetime) -> datetime | None:
    """When that person last made such a change about this one, since then; None: they did not, or it was themselves."""
    query = select(func.max(AdministrationRow.at)).where(
        AdministrationRow.account == account, AdministrationRow.kind == kind.value, AdministrationRow.actor == by,
        AdministrationRow.at >= since, AdministrationRow.actor != account,
    )  # fmt: skip
    return session.scalar(query)


def rows_since(
    session: Session, since: datetime, *, until: datetime, kinds: Collection[Kind]
) -> tuple[tuple[str, Change], ...]:
    """Ids and changes of these kinds between two moments, in order."""
    query = select(AdministrationRow).where(
        AdministrationRow.at.between(since, until), AdministrationRow.kind.in_([kind.value for kind in kinds])
    )
    rows = session.scalars(query.order_by(AdministrationRow.at, AdministrationRow.id))
    return tuple((row.id, change_of(row)) for row in rows)


def of_draft(session: Session, draft: str) -> tuple[Change, ...]:
    """What was done to a file of a protocol, in order."""
    rows = session.scalars(select(AdministrationRow).where(AdministrationRow.draft == draft))
    return tuple(sorted(map(change_of, rows), key=lambda change: (change.at, list(Kind).index(change.kind))))


def change_of(row: AdministrationRow) -> Change:
    fields = {name: getattr(row, name) for name in Change.__slots__}
    return Change(**{**fields, "kind": Kind(row.kind)})


# ---- appointments as they stand --------------------------------------------------------------------------------------
