"""Read a manifest, validate it, and say what it claims - three different things.

How the status comes about:

1. The library validates signature, certificate, timestamp and hashes.  A failure on the manifest
   itself, other than an unknown signer, makes it ``invalid``.
2. Nothing is intact that no hash binds to the file: without a matching hash the status is
   ``not_checked``, whatever the signature is worth.
3. ``trusted`` needs the library's own word for *this* manifest's certificate; an ingredient with
   an unknown signer does not take it away.
4. With timestamp anchors given, the file is read again with the signers' anchors alone, and only
   a signer trusted both times is trusted: the library lets a claim certificate chain to a
   timestamp anchor.
5. A store that a registry gave back is validated by itself: its signature and assertions, not its
   hash of a file that is no longer at hand.  Its source says so ("registry").
6. Ingredients, their own among them, are reported beside, each with the failures that its own
   validation left: a changed file that was signed again is trusted, and shows its past there.
7. The signing certificate is read from the store's own boxes and has to bear the serial number that
   the library names; of an intact manifest it is then said whether it belongs to an issuer.
8. What lies behind the container's end is not read, so that a phone's trailer hides nothing.  But
   a file with one is not the file that was signed.

Nothing here uses the network.
"""

from __future__ import annotations

import io
import json
import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from c2pa import C2paError, Context, Reader

from provenance.errors import UnreadableFileError
from provenance.manifest.certificates import fingerprint_id
from provenance.manifest.containers import Before, find_sidecar, identify
from provenance.manifest.facts import Facts, clean, codes, parse_time, read_facts
from provenance.manifest.history import (
    TIME_TRUSTED,
    TRUSTED,
    UNTRUSTED,
    delta_failures,
    read_history,
    signer_of,
)
from provenance.manifest.paths import why_untrusted
from provenance.manifest.signatures import signatures
from provenance.manifest.trust import Trust, library_settings
from provenance.results import ManifestReport, ManifestSource, ManifestStatus
from provenance.system.extent import extent_of

_log = logging.getLogger(__name__)

_UNREADABLE = "general.error"
_MAX_STORE = 64 * 1024 * 1024

_HARD_BINDINGS = frozenset(
    f"assertion.{kind}.match"
    for kind in ("dataHash", "bmffHash", "boxesHash", "collectionHash", "multiAssetHash")
)
_BINDING_FAILURES = frozenset(code.replace(".match", ".mismatch") for code in _HARD_BINDINGS)
_GROWN = ("assertion.dataHash.mismatch", "assertion.bmffHash.mismatch")
"""What a validator that takes all bytes into account says, of a sidecar's hash and one inside."""
_WITH_FILE = ("embedded", "sidecar")
_TIME_FAILURES = ("timeStamp.", "timestamp.")


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a store: the library's JSON, already parsed, and where the store was.

    One from a registry stands by itself: there is no file that its hash could match.  ``store`` is
    None of an embedded one; ``boxes`` is the store wherever it was, empty if it can't be had.
    """

    data: dict[str, Any]
    source: ManifestSource
    store: bytes | None = None
    boxes: bytes = b""


def read_manifest(path: Path, trust: Trust, *, sidecar: Path | None = None) -> ManifestReport:
    """Read and validate the manifest of a video or a still image.

    Looked for are, in this order: ``sidecar`` when given, an embedded manifest, and a sidecar
    beside the file (``clip.mkv.c2pa``, else ``clip.c2pa``).

    ``signed_at`` is the time of a timestamp when there is one that holds, else the time the first
    action claims; in either case it is in UTC.

    Raises:
        UnreadableFileError: when the file or the given sidecar can't be read at all.
    """
    reading = read_store(path, trust, sidecar)
    if isinstance(reading, ManifestReport):
        return reading
    report = interpret(reading, trust)
    if trust.has_tsa and _says_trusted(report):
        report = _withdraw_trust(report, _read_again(path, trust, reading))
    return _with_trailer(report, extent_of(path).behind)  # 8


def read_recovered(store: bytes, trust: Trust) -> ManifestReport:
    """Validate a manifest store by itself, as a registry keeps it: all but its hash of a file."""
    reading = load_store(store, library_settings(trust))
    if isinstance(reading, ManifestReport):
        return reading
    report = interpret(reading, trust)
    if trust.has_tsa and _says_trusted(report):
        again = load_store(store, library_settings(trust, with_tsa=False))
        report = _withdraw_trust(report, again)
    return report


def interpret(
    reading: Reading, trust: Trust | None = None, *, now: datetime | None = None
) -> ManifestReport:
    """Turn one reading into a report; safe on any JSON and any boxes whatever.

    Args:
        reading: of the library.
        trust: as the reading was made with; its issuers are looked for among the signers.
        now: default: the clock.
    """
    trust, now = trust or Trust(), now or datetime.now(UTC)
    data = reading.data
    manifests = data.get("manifests")
    label = data.get("active_manifest")
    manifest = _mapping(manifests).get(label) if isinstance(label, str) else None
    if not isinstance(label, str) or not isinstance(manifest, dict):
        return _unreadable("The manifest store names no active manifest.", reading.source)
    results = _mapping(data.get("validation_results"))
    if reading.source == "registry":
        results = without_binding(results)
    active = _mapping(results.get("activeManifest"))
    deltas = results.get("ingredientDeltas")
    signed = signatures(reading.boxes)
    ingredients, lineage = read_history(_mapping(manifests), label, deltas, signed)
    failures = codes(active.get("failure"))
    successes = codes(active.get("success"))
    state = data.get("validation_state")
    if reading.source == "registry":
        successes = (*successes, *_HARD_BINDINGS)
        state = "Valid" if state == "Invalid" and not delta_failures(deltas) else state
    status, reason = _status(state, successes, failures)
    if status == "invalid" and not failures:
        failures = delta_failures(deltas)
    facts = read_facts(manifest)
    signature = _mapping(manifest.get("signature_info"))
    signed_at = _signed_at(signature, active, facts)
    proven = trust.has_tsa and TIME_TRUSTED in successes
    own = signer_of(signed.get(label), signature)  # 7
    report = ManifestReport(
        status=status,
        source=reading.source,
        signer=clean(signature.get("issuer")) or clean(signature.get("common_name")),
        signed_at=signed_at,
        ingredients=ingredients,
        failures=failures,
        reason=reason,
        signer_id=None if own is None else fingerprint_id(own.leaf),
        signature=None if own is None else own.digest,
        proven_at=signed_at if proven else None,
        lineage=lineage,
    )
    if status == "trusted" and own is not None:
        wrong = why_untrusted(own.chain, trust.issuers_pem, report.proven_at or now)
        report = replace(report, issuer=wrong is None)
    return _with_facts(report, facts)


def read_store(path: Path, trust: Trust, sidecar: Path | None = None) -> Reading | ManifestReport:
    """Get the store from wherever it is; a report when there is none to interpret."""
    settings = library_settings(trust)
    if sidecar is not None:
        return _load(path, settings, _sidecar_bytes(sidecar), "sidecar")
    first = _load(path, settings, None, "embedded")
    if isinstance(first, Reading) or first.status == "invalid":
        return first
    beside = find_sidecar(path)
    if beside is None:
        return first
    return _load(path, settings, _sidecar_bytes(beside), "sidecar")


def _read_again(path: Path, trust: Trust, reading: Reading) -> Reading | ManifestReport:
    settings = library_settings(trust, with_tsa=False)
    return _load(path, settings, reading.store, reading.source)


def _load(
    path: Path, settings: dict[str, Any], store: bytes | None, source: ManifestSource
) -> Reading | ManifestReport:
    try:
        with (
            path.open("rb") as whole,
            Before(whole, _end_of(path)) as stream,
            Context.from_dict(settings) as context,
            # The format is the library's to find out: a wrong name ending must not hide anything.
            Reader(None, stream, store, context=context) as reader,
        ):
            data = json.loads(reader.json())
            boxes = store if store is not None else _boxes(reader, data)
            if store is None and not reader.is_embedded():
                source = "remote"
    except C2paError as error:
        return _refusal(error, path, source)
    except (ValueError, RecursionError):
        return _unreadable("The manifest store is damaged.", source)
    except OSError as error:
        raise UnreadableFileError(
            f"{path.name} can't be read ({error.strerror or 'input/output error'})",
            advice="check the path and its permissions",
        ) from error
    if not isinstance(data, dict):
        return _unreadable("The manifest store is damaged.", source)
    return Reading(data, source, store, boxes)


def load_store(store: bytes, settings: dict[str, Any]) -> Reading | ManifestReport:
    """Read a store that stands by itself; a report when it can't be read."""
    try:
        with (
            Context.from_dict(settings) as context,
            Reader("application/c2pa", io.BytesIO(store), context=context) as reader,
        ):
            data = json.loads(reader.json())
    except (C2paError, ValueError, RecursionError):
        return _unreadable("The recovered manifest store is damaged.", "registry")
    if not isinstance(data, dict):
        return _unreadable("The recovered manifest store is damaged.", "registry")
    return Reading(data, "registry", store, store)


def _end_of(path: Path) -> int:
    return path.stat().st_size - extent_of(path).behind


def _with_trailer(report: ManifestReport, behind: int) -> ManifestReport:
    """The same report of a file that has grown behind its end since it was signed, if it has."""
    if not behind or report.status == "absent":
        return report
    count = "1 byte that belongs" if behind == 1 else f"{behind} bytes that belong"
    added = f"{count} to no part of the container lie behind its end, as phones and editors append"
    if report.status in ("trusted", "valid"):
        return replace(
            report,
            status="invalid",
            failures=(*report.failures, _GROWN[report.source == "embedded"]),
            issuer=False,
            reason=f"{added} them; all before them is as it was signed.",
        )
    return replace(report, reason=report.reason or f"{added} them.")


def _boxes(reader: Reader, data: object) -> bytes:
    """The store inside a file, which the library hands out under the name of any manifest in it."""
    stream = io.BytesIO()
    try:
        reader.resource_to_stream(
            f"self#jumbf=/c2pa/{_mapping(data).get('active_manifest')}", stream
        )
    except C2paError:
        return b""
    return stream.getvalue()


def without_binding(results: dict[str, Any]) -> dict[str, Any]:
    """The library's validation results without its word on a hash of a file not at hand."""
    active = _mapping(results.get("activeManifest"))
    listed = active.get("failure")
    kept = [
        status
        for status in (listed if isinstance(listed, list) else [])
        if _mapping(status).get("code") not in _BINDING_FAILURES
    ]
    return results | {"activeManifest": active | {"failure": kept}}


def _sidecar_bytes(sidecar: Path) -> bytes:
    try:
        if sidecar.stat().st_size > _MAX_STORE:
            raise UnreadableFileError(
                f"{sidecar.name} is too large for a manifest",
                advice="give the right `.c2pa` file",
            )
        return sidecar.read_bytes()
    except OSError as error:
        raise UnreadableFileError(
            f"{sidecar.name} can't be read ({error.strerror or 'input/output error'})",
            advice="check the path and its permissions",
        ) from error


def _refusal(error: C2paError, path: Path, source: ManifestSource) -> ManifestReport:
    """What the library's refusal to read means."""
    text = str(error)
    _log.debug("c2pa: %s: %s", type(error).__name__, clean(text))  # words for programmers
    if isinstance(error, C2paError.ManifestNotFound):
        return ManifestReport("absent")
    if isinstance(error, C2paError.NotSupported) and source == "embedded":
        if identify(path).mime == "application/octet-stream":
            return ManifestReport("not_checked", reason="The container is unknown to C2PA.")
        return ManifestReport(
            "absent", reason="This container can't hold a manifest, and no sidecar lies beside it."
        )
    if "RemoteManifest" in type(error).__name__ or text.startswith("Remote"):
        return ManifestReport(
            "not_checked",
            source="remote",
            reason="The manifest lies on a server, which was not asked.",
        )
    if "asset could not be parsed" in text and source == "embedded":
        return ManifestReport(
            "not_checked",
            reason="The container is damaged, or built in a way that no manifest can be read from.",
        )
    return _unreadable("The manifest store is damaged.", source)


def _unreadable(reason: str, source: ManifestSource) -> ManifestReport:
    return ManifestReport("invalid", source=source, failures=(_UNREADABLE,), reason=reason)


def _status(
    state: object, successes: tuple[str, ...], failures: tuple[str, ...]
) -> tuple[ManifestStatus, str | None]:
    if state == "Invalid" or any(code != UNTRUSTED for code in failures):
        return "invalid", None
    if state not in ("Valid", "Trusted") or "claimSignature.validated" not in successes:
        return "not_checked", "The library reached no verdict on the signature."
    if not _HARD_BINDINGS.intersection(successes):
        return "not_checked", "The manifest is bound to the file by no hash that this tool checks."
    if TRUSTED in successes and UNTRUSTED not in failures:
        return "trusted", None
    return "valid", None


def _signed_at(signature: dict[str, Any], active: dict[str, Any], facts: Facts) -> datetime | None:
    """The timestamp's time if the timestamp holds, else the time the claim states."""
    doubts = (*codes(active.get("failure")), *codes(active.get("informational")))
    stamped = parse_time(signature.get("time"))
    if stamped is not None and not any(code.startswith(_TIME_FAILURES) for code in doubts):
        return stamped
    return facts.claimed_at


def _says_trusted(report: ManifestReport) -> bool:
    return report.status == "trusted" or any(i.status == "trusted" for i in report.ingredients)


def _withdraw_trust(report: ManifestReport, again: Reading | ManifestReport) -> ManifestReport:
    """Keep ``trusted`` only where the reading without timestamp anchors says so too."""
    second = interpret(again) if isinstance(again, Reading) else again
    confirmed = [i.status == "trusted" for i in second.ingredients]
    confirmed += [False] * (len(report.ingredients) - len(confirmed))
    ingredients = tuple(
        replace(i, status="valid", failures=(*i.failures, UNTRUSTED))
        if i.status == "trusted" and not kept
        else i
        for i, kept in zip(report.ingredients, confirmed, strict=False)
    )
    lineage = tuple(
        replace(clip, status=item.status)
        for clip, item in zip(report.lineage, ingredients, strict=True)
    )
    report = replace(report, ingredients=ingredients, lineage=lineage)
    if report.status == "trusted" and second.status != "trusted":
        failures = (*report.failures, UNTRUSTED)
        return replace(report, status="valid", failures=failures, issuer=False)
    return report


def _with_facts(report: ManifestReport, facts: Facts) -> ManifestReport:
    recovered = facts.recovered is not None
    return replace(
        report,
        provider=facts.provider,
        model_name=facts.model_name,
        model_version=facts.model_version,
        prompt_hash=facts.prompt_hash,
        soft_binding=facts.soft_binding,
        watermark_key_id=facts.watermark_key_id,
        digital_source_type=facts.source_type,
        consents=facts.consents,
        model_card_sha256=facts.model_card_sha256,
        recovered=facts.recovered,
        source="recovered" if report.source in _WITH_FILE and recovered else report.source,
        reason=report.reason or facts.reason,
    )


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
