"""Sealed bytes in the database, in the very transaction that names them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from school_protocol.config import ROWS
from school_protocol.storage.blobs.blobs import Lying, Standing, beginning, checked
from school_protocol.storage.blobs.tables import KeptBlobRow
from school_protocol.storage.engines import Store, empty_log


class Rows:
    """A table of the realm: never half there, erased with its case."""

    address, holds_papers, reads_are_cheap = ROWS, False, True

    def __init__(self, realm: Store) -> None:
        self.realm = realm

    def put(self, session: Session | None, case_id: str, name: str, data: bytes) -> None:
        assert session is not None, "rows come with the rows that name them"
        session.execute(insert(KeptBlobRow).values(name=checked(name), case_id=case_id, content=data))

    def get(self, session: Session, name: str) -> bytes | None:
        return session.scalar(select(KeptBlobRow.content).where(KeptBlobRow.name == checked(name)))

    def delete(self, names: Iterable[str]) -> None:
        wanted = list(map(checked, names))
        if wanted:
            with self.realm.writing(together=True) as session:
                session.execute(delete(KeptBlobRow).where(KeptBlobRow.name.in_(wanted)))
            if self.realm.engine.dialect.name == "sqlite":
                empty_log(self.realm.engine)  # else what was deleted lies in the log for a while

    def names(self, start: str = "") -> Iterator[Lying]:
        size = func.length(KeptBlobRow.content)
        query = select(KeptBlobRow.name, size).where(beginning(KeptBlobRow.name, start)).order_by(KeptBlobRow.name)
        with self.realm.reading() as session:
            found = session.execute(query).all()
        yield from (Lying(name, length, None) for name, length in found)

    def clear(self) -> None:
        with self.realm.writing() as session:
            session.execute(delete(KeptBlobRow))

    def is_versioned(self) -> bool | None:
        return False

    def standing(self) -> Standing:
        """The rows beside were just read: there is nothing more to try."""
        return Standing()
