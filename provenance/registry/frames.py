"""Search by fingerprint alone: which registered frames look like these?

Exact on both databases, within a Hamming distance of 31 of 256 bits:

* SQLite holds the hashes of 4096 frames a row, and NumPy goes through all of them; frames wait in
  rows of their own until there are enough for a block.
* PostgreSQL holds a ``bit(256)`` a row, found by an inverted index over eleven chunks of it: of two
  hashes within 31 bits, one chunk at least differs in two bits or fewer (multi-index hashing,
  Norouzi, Punjani and Fleet 2012).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from provenance.fingerprint import HASH_BYTES, RADIUS, chunks, nearest, probes
from provenance.registry.database import Database, retried
from provenance.results.payload import STAMP_ID_BYTES, StampId

BLOCK = 4096


@dataclass(frozen=True, slots=True)
class FrameMatch:
    """A registered frame close to a frame that was asked about."""

    stamp_id: StampId
    query: int
    distance: int


class FrameIndex:
    """The frames of one registry's fingerprints."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, connection: Connection, stamp_id: StampId, hashes: Sequence[bytes]) -> None:
        """Register the frames of a stamp, as part of a transaction."""
        if not hashes:
            return
        if self._database.is_sqlite:
            rows = [{"stamp_id": stamp_id.raw, "hash": value} for value in hashes]
            connection.execute(
                sa.text("INSERT INTO frame (stamp_id, hash) VALUES (:stamp_id, :hash)"), rows
            )
            self._fold(connection)
            return
        connection.execute(
            sa.text(
                "INSERT INTO frame (stamp_id, hash, chunks) "
                "VALUES (:stamp_id, CAST(:bits AS bit(256)), :chunks)"
            ),
            [
                {"stamp_id": stamp_id.hex, "bits": _bits(value), "chunks": chunks(value)}
                for value in hashes
            ],
        )

    @retried
    def nearest(self, hashes: Sequence[bytes], radius: int = RADIUS) -> list[FrameMatch]:
        """Every registered frame within ``radius`` bits of one of these, nearest first.

        Args:
            hashes: 32 bytes each.
            radius: at most 31.
        """
        if not hashes:
            return []
        if not 0 <= radius <= RADIUS:
            raise ValueError(f"the radius is 0 to {RADIUS} bits")
        with self._database.reading() as connection:
            found = (
                self._through_all(connection, hashes, radius)
                if self._database.is_sqlite
                else self._by_chunks(connection, hashes, radius)
            )
            return sorted(found, key=lambda one: (one.distance, one.query, one.stamp_id))

    def _through_all(
        self, connection: Connection, hashes: Sequence[bytes], radius: int
    ) -> Iterator[FrameMatch]:
        queries = _packed(b"".join(hashes))
        for values, owners in _blocks(connection):
            rows, columns, distances = nearest(_packed(values), queries, radius)
            for row, column, distance in zip(rows, columns, distances, strict=True):
                start = int(row) * STAMP_ID_BYTES
                owner = StampId(owners[start : start + STAMP_ID_BYTES])
                yield FrameMatch(owner, int(column), int(distance))

    @staticmethod
    def _by_chunks(
        connection: Connection, hashes: Sequence[bytes], radius: int
    ) -> Iterator[FrameMatch]:
        query = sa.text(
            "SELECT stamp_id, bit_count(hash # CAST(:bits AS bit(256))) AS distance FROM frame "
            "WHERE chunks && CAST(:probes AS integer[]) "
            "AND bit_count(hash # CAST(:bits AS bit(256))) <= :radius"
        )
        # The planner can't know how rarely a chunk is shared, and would read the whole table; and
        # compiling the plan would take longer than the search.
        for setting in ("enable_seqscan = off", "jit = off"):
            connection.execute(sa.text(f"SET LOCAL {setting}"))
        for number, value in enumerate(hashes):
            asked = {"bits": _bits(value), "probes": probes(value), "radius": radius}
            for stamp_id, distance in connection.execute(query, asked):
                yield FrameMatch(StampId.from_hex(stamp_id), number, int(distance))

    @staticmethod
    def _fold(connection: Connection) -> None:
        """Make blocks of the frames that wait, once there are enough of them."""
        waiting = connection.execute(sa.text("SELECT count(*) FROM frame")).scalar() or 0
        while waiting >= BLOCK:
            rows = connection.execute(
                sa.text("SELECT id, stamp_id, hash FROM frame ORDER BY id LIMIT :n"), {"n": BLOCK}
            ).all()
            connection.execute(
                sa.text("INSERT INTO frame_block (hashes, stamp_ids) VALUES (:hashes, :stamp_ids)"),
                {
                    "hashes": b"".join(row.hash for row in rows),
                    "stamp_ids": b"".join(row.stamp_id for row in rows),
                },
            )
            connection.execute(
                sa.text("DELETE FROM frame WHERE id <= :last"), {"last": rows[-1].id}
            )
            waiting -= len(rows)


def _blocks(connection: Connection) -> Iterable[tuple[bytes, bytes]]:
    result = connection.execute(sa.text("SELECT hashes, stamp_ids FROM frame_block ORDER BY id"))
    for hashes, stamp_ids in result:  # noqa: UP028 - rows become pairs
        yield hashes, stamp_ids
    rows = connection.execute(sa.text("SELECT hash, stamp_id FROM frame ORDER BY id")).all()
    if rows:
        yield b"".join(row.hash for row in rows), b"".join(row.stamp_id for row in rows)


def _packed(values: bytes) -> NDArray[np.uint64]:
    return np.frombuffer(values, "<u8").reshape(-1, HASH_BYTES // 8)


def _bits(value: bytes) -> str:
    return f"{int.from_bytes(value, 'big'):0256b}"
