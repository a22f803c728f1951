"""Situations of registries: rows changed by hand, two that differ, lists under a wrong clock."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta

from bench.due import Due, Row, held, judged, refused
from bench.situations_signers import CONFIRMED, CONFLICT, DAY, MATCH, NOT_ASKED, REVOKED
from bench.studio import Studio
from provenance import Verdict
from provenance.documents.bundles import open_bundle, read_lines, write_bundle, write_lines
from provenance.documents.lists import read_revocations, write_revocations
from provenance.documents.seal import unseal
from provenance.errors import SealError
from provenance.manifest.reader import Reading, read_store
from provenance.registry import Registry, now

INVALID, UNTRUSTED = Verdict.CREDENTIAL_INVALID, Verdict.SIGNER_UNTRUSTED


def changed_rows(studio: Studio) -> Iterator[Row]:
    """Somebody writes to the database, and holds no key of ours."""
    item = "new rows"
    bare = studio.bare(studio.clips[0].output_path)
    claims = studio.claims(model_name="OtherModel", model_version="9", provider="Partner Org")
    theirs = studio.signed(bare, claims, studio.partner.signer)
    told = studio.check(theirs, trust=studio.with_partner)
    stamp_id = studio.clips[0].stamp_id.hex
    kept = _row(studio, stamp_id)
    _write(
        studio,
        "UPDATE stamp SET model_name = 'OtherModel', model_version = '9', signer = 'Partner Org', "
        "signer_id = ?, output_sha256 = ? WHERE stamp_id = ?",
        (told.manifest.signer_id, told.file.sha256, stamp_id),
    )
    report = studio.check(theirs, trust=studio.with_partner)
    due = Due((CONFLICT, MATCH, UNTRUSTED, INVALID), silent=("Stamped by Partner",))
    yield judged(item, "a partner's claim made the record", report, due)
    store = studio.registry.manifest(studio.clips[0].stamp_id)
    reading = read_store(theirs, studio.with_partner)
    if isinstance(reading, Reading):
        swap = "UPDATE manifest SET store = ? WHERE stamp_id = ?"
        _write(studio, swap, (reading.boxes, stamp_id))
        report = studio.check(theirs, trust=studio.with_partner)
        yield judged(item, "the same, and their manifest the registered one", report, due)
        _write(studio, swap, (store, stamp_id))
    report = studio.check(studio.clips[0].output_path)
    due = Due((CONFIRMED, CONFLICT), silent=("as OtherModel",))
    yield judged(item, "the same, our own clip", report, due)
    broken = studio.registry.check().broken
    yield held(item, "the same, the audit", str(broken), holds=bool(broken), due="it is found")
    _restore(studio, kept)
    broken = studio.registry.check().broken
    yield held(item, "put back", str(broken), holds=not broken, due="the audit holds again")
    with studio.withdrawn("stamp", stamp_id):
        listed = studio.path(".json")
        write_revocations(studio.registry, listed, studio.keyring.signer, valid=DAY)
        _write(studio, "UPDATE withdrawal SET ended_at = at WHERE target = ?", (stamp_id,))
        broken = studio.registry.check().broken
        yield held(
            item,
            "a withdrawal ended by hand, the audit",
            str(broken),
            holds=bool(broken),
            due="it is found",
        )
        lists = [read_revocations(listed, studio.keyring.issuers_pem)]
        report = studio.check(studio.clips[0].output_path, revocations=lists)
        yield judged(item, "the same, a signed list beside", report, Due((REVOKED,)))
        _write(studio, "UPDATE withdrawal SET ended_at = NULL WHERE target = ?", (stamp_id,))


def two_registries(studio: Studio) -> Iterator[Row]:
    """A second registry took the stamps over before one was withdrawn in the first."""
    item = "new two"
    clip = studio.clips[1]
    lines = studio.path(".jsonl")
    write_lines(studio.registry, lines)
    with Registry(str(studio.folder / "second.db"), create=True) as second:
        read_lines(second, lines)
        report = studio.check(clip.output_path, registry=second)
        yield judged(item, "the second knows it too", report, Due((CONFIRMED,), ("these very",)))
        with studio.withdrawn("stamp", clip.stamp_id.hex):
            listed, bundle = studio.path(".json"), studio.path(".bundle")
            signer = studio.keyring.signer
            write_revocations(studio.registry, listed, signer, valid=DAY)
            write_bundle(studio.registry, bundle, signer, valid=DAY)
        anchors = studio.keyring.issuers_pem
        lists = [read_revocations(listed, anchors)]
        report = studio.check(clip.output_path, registry=second, revocations=lists)
        yield judged(item, "withdrawn in the first, its list", report, Due((REVOKED,)))
        with open_bundle(bundle, anchors) as opened:
            report = studio.check(clip.output_path, registry=opened)
            yield judged(item, "withdrawn in the first, its bundle", report, Due((REVOKED,)))
    with Registry(str(studio.folder / "third.db"), create=True) as third:
        made = studio.stamp(studio.sources[1], "third.mp4", registry=third)
        report = studio.check(made.output_path)
        due = Due((CONFIRMED,), ("no such stamp", NOT_ASKED))
        yield judged(item, "stamped into the other registry", report, due)


def wrong_clocks(studio: Studio) -> Iterator[Row]:
    """A list and a bundle meet a clock that is behind or ahead."""
    item = "new clocks"
    listed, bundle = studio.path(".json"), studio.path(".bundle")
    write_revocations(studio.registry, listed, studio.keyring.signer, valid=DAY)
    write_bundle(studio.registry, bundle, studio.keyring.signer, valid=DAY)
    anchors = studio.keyring.issuers_pem

    def at(kind: str, data: bytes, moment: datetime) -> None:
        unseal(kind, data, anchors, kind, expires=True, now=moment)

    behind, ahead = now() - timedelta(minutes=20), now() + 2 * DAY
    for kind, data in (
        ("revocations", listed.read_bytes()),
        ("bundle", bundle.read_bytes().splitlines(keepends=True)[0]),
    ):
        yield refused(
            item,
            f"{kind}, a clock twenty minutes behind",
            lambda kind=kind, data=data: at(kind, data, behind),  # type: ignore[misc]
            "still to come",
        )
        yield refused(
            item,
            f"{kind}, a clock two days ahead",
            lambda kind=kind, data=data: at(kind, data, ahead),  # type: ignore[misc]
            "expired",
        )
    try:
        at("revocations", listed.read_bytes(), now())
        said = "read"
    except SealError as error:
        said = str(error)
    yield held(item, "a clock that is right", said, holds=said == "read", due="it is read")


def _database(studio: Studio) -> sqlite3.Connection:
    return sqlite3.connect(studio.folder / "registry.db")


def _write(studio: Studio, statement: str, values: tuple[object, ...]) -> None:
    with _database(studio) as connection:
        connection.execute(statement, values)


def _row(studio: Studio, stamp_id: str) -> dict[str, object]:
    with _database(studio) as connection:
        connection.row_factory = sqlite3.Row
        found = connection.execute("SELECT * FROM stamp WHERE stamp_id = ?", (stamp_id,))
        return dict(found.fetchone())


def _restore(studio: Studio, row: dict[str, object]) -> None:
    names = ", ".join(f"{name} = ?" for name in row)
    _write(
        studio,
        f"UPDATE stamp SET {names} WHERE stamp_id = ?",  # noqa: S608 - the table's own columns
        (*row.values(), row["stamp_id"]),
    )


GROUPS = (changed_rows, two_registries, wrong_clocks)
