"""The registry's tables, the same on SQLite and PostgreSQL.

What is in them is public or opaque: ids, hashes, model names, manifests, times.  Prompts, names of
people and file names have no column; only a reservation knows the path it is working on, and goes
when the file is published, and a place is what somebody told on purpose.  Times are UTC, as text
in ISO 8601, so that they sort and hash alike on both databases.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)

ROW_NUMBER = BigInteger().with_variant(Integer(), "sqlite")
"""Only INTEGER numbers itself on SQLite."""
_STAMP_ID = String(16)
_TIME = String(27)


def _of_stamp() -> Column[str]:
    return Column(
        "stamp_id",
        _STAMP_ID,
        ForeignKey("stamp.stamp_id", ondelete="CASCADE"),
        primary_key=True,
    )


stamp = Table(
    "stamp",
    metadata,
    Column("stamp_id", _STAMP_ID, primary_key=True),
    Column("state", String(8), nullable=False),
    Column("key_id", String(64), nullable=False),
    Column("layout", Integer, nullable=False),
    Column("provider", Text),
    Column("model_name", Text),
    Column("model_version", Text),
    Column("prompt_alg", String(32)),
    Column("prompt_hash", String(128)),
    Column("prompt_key_id", String(64)),
    Column("profile", String(32)),
    Column("created_at", _TIME, nullable=False),
    Column("signed_at", _TIME),
    Column("input_sha256", String(64)),
    Column("output_sha256", String(64)),
    Column("signer", Text),
    Column("signer_id", String(64)),
    Column("approval", Text),
    Column("again", Text),
    Index("ix_stamp_model", "model_name", "model_version"),
    Index("ix_stamp_key_id", "key_id"),
    Index("ix_stamp_signer_id", "signer_id"),
    Index("ix_stamp_input_sha256", "input_sha256"),
    Index("ix_stamp_output_sha256", "output_sha256"),
    Index("ix_stamp_created_at", "created_at"),
)
"""One row a stamp id; ``state`` is "reserved" until the signed file has been read back, and what it
is going to say is there already then, so that no other process stamps the same clip."""

reservation = Table(
    "reservation",
    metadata,
    _of_stamp(),
    Column("host", Text, nullable=False),
    Column("process", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("expires_at", _TIME, nullable=False),
)
"""Who is working on a stamp whose file has not got its name yet; gone afterwards."""

manifest = Table(
    "manifest",
    metadata,
    _of_stamp(),
    Column("store", LargeBinary, nullable=False),
)

fingerprint = Table(
    "fingerprint",
    metadata,
    _of_stamp(),
    Column("data", LargeBinary, nullable=False),
)

consent = Table(
    "consent",
    metadata,
    _of_stamp(),
    Column("reference", String(256), primary_key=True),
    Index("ix_consent_reference", "reference"),
)
"""Opaque references to consents that a clip needed."""

parent = Table(
    "parent",
    metadata,
    _of_stamp(),
    Column("parent_id", _STAMP_ID, primary_key=True),
    Index("ix_parent_parent_id", "parent_id"),
)
"""The stamps that a clip was made from, all generations; they need not be known here."""

approver = Table(
    "approver",
    metadata,
    _of_stamp(),
    Column("reviewer_id", String(64), primary_key=True),
    Index("ix_approver_reviewer_id", "reviewer_id"),
)
"""Ids of the keys with which reviewers approved the clip."""

withdrawal = Table(
    "withdrawal",
    metadata,
    Column("id", ROW_NUMBER, primary_key=True, autoincrement=True),
    Column("kind", String(8), nullable=False),
    Column("target", String(600), nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", _TIME, nullable=False),
    Column("ended_at", _TIME),
    Column("ended_reason", Text),
    Column("good_before", _TIME),
    Column("made_by", String(256)),
    Column("ended_by", String(256)),
    Index("ix_withdrawal_target", "kind", "target"),
)
"""A stamp, model, key, consent or reviewer that was withdrawn; over when it has an ``ended_at``.

A key's spares what was provably signed before ``good_before``."""

place = Table(
    "place",
    metadata,
    Column("id", ROW_NUMBER, primary_key=True, autoincrement=True),
    Column("stamp_id", _STAMP_ID, ForeignKey("stamp.stamp_id", ondelete="CASCADE"), nullable=False),
    Column("place", Text, nullable=False),
    Column("at", _TIME, nullable=False),
    Index("ix_place_stamp_id", "stamp_id"),
)
"""Where outputs went, as somebody told on purpose."""

audit = Table(
    "audit",
    metadata,
    Column("number", ROW_NUMBER, primary_key=True, autoincrement=False),
    Column("at", _TIME, nullable=False),
    Column("event", String(32), nullable=False),
    Column("details", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("ix_audit_event", "event"),
)
"""The log; see :mod:`provenance.registry.chain`.  Triggers refuse to change a row, and to
delete one that the log does not say is in an archive."""

delivery = Table(
    "delivery",
    metadata,
    Column("receiver", String(64), primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("owner", Text),
    Column("until", _TIME),
)
"""Up to which row of the log each receiver was told, and whose turn it is to tell it."""
