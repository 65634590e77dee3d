"""Who stands in the slots of a case: names sealed one by one, found again by keyed marks within one's own unit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, bindparam, delete, select
from sqlalchemy.orm import Session

from school_protocol.storage import cases, keys
from school_protocol.storage.placing import add_rows
from school_protocol.storage.tables import IdentityMarkRow, IdentityRow, ObjectKeyRow
from school_protocol.storage.vault import Vault, normalised


@dataclass(frozen=True, slots=True)
class Identity:
    """One person of a case: the slot, and what is known of them (None where it was destroyed)."""

    slot_id: str
    slot: str
    values: Mapping[str, Any] | None


def keep(
    session: Session,
    vault: Vault,
    case_id: str,
    *,
    slot_id: str,
    slot: str,
    values: Mapping[str, Any],
    marks: Iterable[str] = (),
) -> None:
    """Seal who stands in a slot, in place of what was kept; `marks` are the names and codes to find the case by."""
    unit = cases.opened(session, case_id).unit
    forget(session, case_id, slot_id)
    kept = sealed(vault, keys.case_key(session, vault, case_id), case_id, slot_id, slot, values)
    add_rows(session, ObjectKeyRow, [kept.own_key])
    add_rows(session, IdentityRow, [kept.row])
    if found := mark_rows(vault, unit, case_id, slot_id, marks):
        add_rows(session, IdentityMarkRow, found)


@dataclass(frozen=True, slots=True)
class Sealed:
    """Rows of one person: their key, wrapped by the key of the case, and what is sealed under it."""

    own_key: dict[str, Any]
    row: dict[str, Any]


def sealed(vault: Vault, key: bytes, case_id: str, slot_id: str, slot: str, values: Mapping[str, Any]) -> Sealed:
    """Who stands in a slot, sealed, not written yet."""
    own = vault.new_case_key()
    wrapped = vault.wrap_object(key, case_id, _object(slot_id), own)
    said = vault.seal(own, _label(case_id, slot_id), values)
    return Sealed(
        {"case_id": case_id, "object_id": _object(slot_id), "wrapped": wrapped},
        {"case_id": case_id, "slot_id": slot_id, "slot": slot, "sealed": said},
    )


def mark_rows(vault: Vault, unit: str, case_id: str, slot_id: str, marks: Iterable[str]) -> list[dict[str, Any]]:
    """Rows by which a case is found by a name or a code, not written yet."""
    found = {vault.mark(unit, text) for text in marks if normalised(text)}
    return [{"unit": unit, "mark": mark, "case_id": case_id, "slot_id": slot_id} for mark in found]


def load(session: Session, vault: Vault, case_id: str) -> tuple[Identity, ...]:
    """Everybody in a case, opened, in the order of their slots' ids."""
    key = keys.case_key(session, vault, case_id)
    rows = session.execute(_OF_CASE, {"case": case_id})
    return tuple(
        Identity(row.slot_id, row.slot, _opened(vault, key, case_id, row))
        for row in sorted(rows, key=lambda r: r.slot_id)
    )


def _of_case() -> Select[*tuple[Any, ...]]:
    known, own = IdentityRow.__table__, ObjectKeyRow.__table__
    its_own = (own.c.case_id == known.c.case_id) & (own.c.object_id == "identity:" + known.c.slot_id)
    query = select(known.c.slot_id, known.c.slot, known.c.sealed, own.c.wrapped)
    return query.select_from(known.outerjoin(own, its_own)).where(known.c.case_id == bindparam("case"))


_OF_CASE = _of_case()


def marked(session: Session, most: int) -> list[tuple[str, str, str, set[bytes]]]:
    """Some of those who are found by marks: case, slot, the unit in which they are found, their marks."""
    row = IdentityMarkRow
    some = session.execute(select(row.case_id, row.slot_id, row.unit).distinct().limit(most)).all()
    return [
        (case_id, slot_id, unit, set(session.scalars(
            select(row.mark).where(row.case_id == case_id, row.slot_id == slot_id, row.unit == unit)
        )))
        for case_id, slot_id, unit in some
    ]  # fmt: skip


def forget(session: Session, case_id: str, slot_id: str) -> None:
    """Remove a slot's row, key and marks."""
    keys.destroy_object_key(session, case_id, _object(slot_id))
    session.execute(delete(IdentityRow).where(IdentityRow.case_id == case_id, IdentityRow.slot_id == slot_id))
    unmark(session, case_id, [slot_id])


def unmark(session: Session, case_id: str, slot_ids: Collection[str]) -> None:
    """Remove the marks of these people alone: what is sealed stays, the case is no longer found by them."""
    marks = (IdentityMarkRow.case_id == case_id, IdentityMarkRow.slot_id.in_(slot_ids))
    session.execute(delete(IdentityMarkRow).where(*marks))


def _opened(vault: Vault, key: bytes, case_id: str, row: Any) -> Mapping[str, Any] | None:
    if row.wrapped is None:
        return None
    own = vault.unwrap_object(key, case_id, _object(row.slot_id), row.wrapped)
    values: dict[str, Any] = vault.open_sealed(own, _label(case_id, row.slot_id), row.sealed)
    return values


def _object(slot_id: str) -> str:
    return f"identity:{slot_id}"


def _label(case_id: str, slot_id: str) -> str:
    return f"case:{case_id}|identity:{slot_id}"
