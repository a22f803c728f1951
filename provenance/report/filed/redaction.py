"""What outsiders don't get to read of a verification: internal references, and persons.  Pure.

* Of a registry's record only what :data:`_OF_RECORDS` names is kept: no approval, no approvers, no
  consents, no hash of the input.  A withdrawal for a consent doesn't say which, nor why.
* Texts of a manifest may name persons.  Those of a signer on no trust list are left out, and the
  titles of what a file was made from whoever signed.
* Of the file's path the name is kept.

The sentence is said again of what is left (:func:`provenance.verifying.summary.said_again`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from provenance.results import ManifestReport, Other, RegistryReport, VerificationReport
from provenance.verifying.summary import said_again

_OF_RECORDS: Final = (
    *("stamp_id", "key_id", "layout", "provider", "model", "profile", "created_at", "signed_at"),
    *("output_sha256", "signer", "signer_id"),
)
_CONSENT: Final = "a consent was withdrawn"
_UNASKED: Final = "the registry can't be asked"


def redacted(report: VerificationReport) -> VerificationReport:
    """The same verdict and evidence, for anybody."""
    path = report.file.path
    name = path.rpartition("/")[2]

    def named(reason: str | None) -> str | None:
        return None if reason is None else reason.replace(path, name)

    shown = replace(
        report,
        file=replace(report.file, path=name),
        watermark=replace(report.watermark, reason=named(report.watermark.reason)),
        manifest=_manifest(replace(report.manifest, reason=named(report.manifest.reason))),
        registry=_registry(report.registry),
        others=tuple(Other(one.watermark, _registry(one.registry)) for one in report.others),
    )
    return replace(shown, summary=said_again(shown))


def left_out(report: VerificationReport, shown: VerificationReport) -> tuple[str, ...]:
    """Keys of a verification's JSON that say less in ``shown``, with dots between them."""
    return tuple(_differing(report.as_json(), shown.as_json(), ""))


def _manifest(manifest: ManifestReport) -> ManifestReport:
    untitled = tuple(replace(one, title=None) for one in manifest.ingredients)
    shown = replace(manifest, ingredients=untitled)
    if manifest.status == "trusted":
        return shown
    recovered = None if manifest.recovered is None else ()
    return replace(
        shown, signer=None, provider=None, model_name=None, model_version=None, recovered=recovered
    )


def _registry(registry: RegistryReport) -> RegistryReport:
    record, revocation = registry.record, registry.revocation
    if record is not None:
        record = {key: _kept(key, value) for key, value in record.items()}
    if revocation is not None and revocation.get("kind") == "consent":
        revocation = revocation | {"target": None, "reason": _CONSENT, "ended_reason": None}
    reason = _UNASKED if registry.failed else registry.reason
    return replace(registry, record=record, revocation=revocation, reason=reason)


def _kept(key: str, value: Any) -> Any:
    if key in _OF_RECORDS:
        return value
    return [] if isinstance(value, list) else None


def _differing(before: Any, after: Any, path: str) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            yield from _differing(value, after.get(key), f"{path}.{key}" if path else key)
    elif before != after:
        yield path
