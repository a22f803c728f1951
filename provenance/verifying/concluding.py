"""From what was found in a file to what is said of it.

1. A watermark that the manifest says was made with a key not held here was not looked for:
   "absent" becomes "not checked".
2. The registry, a bundle or a revocation list is asked (:mod:`.lookup`), if one is given; the
   file's fingerprint is taken only if there is something to compare it with.
3. The findings become a verdict (:mod:`.verdict`) and a sentence (:mod:`.summary`).

Apart from :mod:`.verify`, since whoever reads back a file of its own needs no worker process.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from provenance.errors import RegistryError
from provenance.manifest import Trust
from provenance.results import (
    Detection,
    ManifestReport,
    Other,
    RegistryReport,
    VerificationReport,
)
from provenance.results.payload import SOFT_BINDING_ALG
from provenance.system.text import printable
from provenance.verifying.findings import Findings
from provenance.verifying.lookup import DatedRevocations, look_up
from provenance.verifying.summary import summary
from provenance.verifying.verdict import Case, decide

if TYPE_CHECKING:
    from provenance.fingerprint import Fingerprint
    from provenance.registry import Registry


def _no_imprint() -> None:
    """Of what is not compared."""


def conclude(
    findings: Findings,
    held: set[str],
    *,
    trust: Trust,
    registry: Registry | None = None,
    imprint: Callable[[], Fingerprint | None] = _no_imprint,
    revocations: Sequence[DatedRevocations] = (),
    require_registry: bool = False,
) -> VerificationReport:
    """The findings as one report.

    Args:
        findings: what was gathered.
        held: the ids of the keys that were tried.
        trust, registry, revocations, require_registry: as :mod:`.verify` takes them.
        imprint: takes the file's fingerprint, where a registry has something to compare it with.
    """
    imprint = functools.cache(imprint)
    found = _looked_for(findings.watermark, findings.manifest, held)

    def ask(whom: Registry | None) -> tuple[RegistryReport, ManifestReport]:
        return look_up(
            findings.file,
            found,
            findings.manifest,
            imprint,
            trust=trust,
            registry=whom,
            revocations=tuple(revocations),
        )

    def ask_of(other: Detection, whom: Registry | None) -> Other:
        nothing = ManifestReport("absent")
        known, _ = look_up(
            findings.file,
            other,
            nothing,
            _no_imprint,
            trust=trust,
            registry=whom,
            revocations=tuple(revocations),
        )
        return Other(other, known)

    try:
        answer, manifest = ask(registry)
        others = tuple(ask_of(other, registry) for other in findings.others)
    except RegistryError as error:
        # What the file itself and the signed lists say is worth having, also while the registry
        # can't be asked.
        answer, manifest = ask(None)
        others = tuple(ask_of(other, None) for other in findings.others)
        answer = replace(answer, failed=True, reason=printable(error, 300).rstrip("."))
    kind = findings.file.kind or "video"
    case = Case(found, manifest, answer, others, kind, require_registry, findings.coverage)
    decision = decide(case)
    other = decision.otherwise
    return VerificationReport(
        findings.file,
        decision.verdict,
        summary(case, decision),
        found,
        manifest,
        answer,
        others,
        cause=decision.cause,
        coverage=findings.coverage,
        otherwise=None if other is None else (other.verdict, other.cause),
    )


def _looked_for(found: Detection, manifest: ManifestReport, held: set[str]) -> Detection:
    """Step 1.  Of an intact manifest only: a changed one could name any key it likes."""
    binding = manifest.soft_binding
    if (
        found.status not in ("absent", "weak")
        or manifest.status not in ("trusted", "valid")
        or binding is None
        or binding.alg != SOFT_BINDING_ALG
        or manifest.watermark_key_id in held
    ):
        return found
    named = manifest.watermark_key_id
    reason = (
        "the manifest does not say with which key its watermark was made"
        if named is None
        else f"the manifest names watermark key {printable(named, 40)}, which is not held here"
    )
    return replace(found, status="not_checked", reason=reason)
