"""The verdict: one word for what all layers say together, and what decided.  Pure.

:func:`decide` walks through the contract's table from the top and stops at the first row that
applies.  The numbers stand again in the code.  How that is said is :mod:`.summary`'s.

1. REVOKED: the stamp, its key, its signing certificate, its model, a consent, or a clip that it was
   made from, was withdrawn.
2. CONFLICT: (a) pixels and manifest name different stamps, whatever state the manifest is in;
   (b) the watermark sits on content whose registered fingerprint differs, throughout, for a stretch
   or, with the mark lying over it, in a tenth of the picture; (c) an intact manifest binds itself
   to our watermark, and pixels that were searched with the key it names hold none; (d) an intact
   manifest names a stamp and says otherwise than its record, or is not the one that was registered;
   (e) the record itself says otherwise than the signed manifest that the registry keeps.
   A weak signal is not "none": it never makes a conflict.
3. CREDENTIAL_INVALID: a manifest is there and fails validation; the watermark's own finding is
   told beside it.
4. PARTIAL: the watermark is in some segments or areas only, several stamps are in it, or a tenth
   of the picture shows something else, whatever the manifest says: a splice of marked material into
   a fresh, well signed file must not read as confirmed.
5. CONFIRMED: manifest intact, signed by an issuer, who stamps with this watermark key, and the
   watermark names the same stamp; a registry that has the stamp knows this very manifest, or these
   very bytes.  Never a copy that was given its credential back.
6. SIGNER_UNTRUSTED: manifest intact, signer on no list; the watermark may be anything.
7. CREDENTIAL_ONLY: manifest trusted, and the watermark absent with none of ours declared, or not
   checked (a key that the verifier does not hold is "not checked", never "absent").
8. WATERMARK_MATCH: the watermark was decoded and the registry has its stamp.  No manifest is the
   normal case; a recovered one comes here too, and a trusted one that names no stamp of ours
   (signed by somebody else after us), since nothing else ties the two layers together.  One that
   says a camera captured the file is named as a contradiction: it may be a recording of a screen.
9. WATERMARK_UNKNOWN: as 8, but the registry has no such stamp or was not asked.
10. SUSPECTED: a signal over the weak threshold that did not decode.  With a trusted manifest as
    well: a watermark that ought to decode and does not is not to be acted on, and the sentence
    names the credential.
11. NOT_CHECKED: a layer could not run, and the others found nothing that stands by itself; a
    recovered credential does not, it rests on the watermark.
12. NO_MARK_FOUND: every layer ran and found nothing.

A manifest that the registry returned (source "registry") says nothing about the file at hand: the
file itself then counts as one without a manifest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from provenance.results import (
    Cause,
    Coverage,
    Detection,
    DifferentArea,
    FileKind,
    ManifestReport,
    ManifestStatus,
    Other,
    RegistryReport,
    Verdict,
    WatermarkStatus,
)
from provenance.results.payload import SOFT_BINDING_ALG, StampId

AREA: Final = 0.08
"""Share of the picture in view from which areas that differ make a verdict: a tenth, less the fifth
of it by which one may be measured too small."""
CAPTURED: Final = (
    "digitalCapture",
    "computationalCapture",
    "negativeFilm",
    "positiveFilm",
    "print",
)
"""IPTC digital source types of what a camera or a scanner took."""
_CHANGED: Final = (".mismatch", "assertion.missing", "assertion.inaccessible")


@dataclass(frozen=True, slots=True)
class Case:
    """The findings on one file, with the questions that the steps ask of them.

    Attributes:
        watermark: what the pixels say.  ``not_checked`` where the manifest names a key that was
            not held.
        manifest: what the signed metadata says.
        registry: what the registry says; the default when none was asked.
        others: further stamps where the first is not; any of them may have been withdrawn (1).
        kind: for the wording only.
        require_registry: whether nothing is CONFIRMED that no registry vouches for.
        coverage: how much was looked at; for the wording only.
    """

    watermark: Detection
    manifest: ManifestReport
    registry: RegistryReport = field(default_factory=RegistryReport)
    others: Sequence[Other] = ()
    kind: FileKind = "video"
    require_registry: bool = False
    coverage: Coverage | None = None

    @property
    def credential(self) -> ManifestStatus:
        """What is known of the file's own manifest."""
        return "absent" if self.manifest.source == "registry" else self.manifest.status

    @property
    def intact(self) -> bool:
        """Whether the file is as it was signed, by whomever."""
        return self.credential in ("trusted", "valid")

    @property
    def recovered(self) -> bool:
        """Whether this is a copy that was given its credential back."""
        return self.manifest.recovered is not None

    @property
    def read(self) -> StampId | None:
        """The stamp in the picture.  Only a decoded id is evidence."""
        status = self.watermark.status
        return self.watermark.stamp_id if status in ("found", "partial") else None

    @property
    def status(self) -> WatermarkStatus:
        """What is known of the watermark; a find without an id is no more than a signal."""
        nameless = self.watermark.status == "found" and self.read is None
        return "weak" if nameless else self.watermark.status

    @property
    def declares_ours(self) -> bool:
        """Whether the manifest says that a watermark of ours is in the picture."""
        binding = self.manifest.soft_binding
        there = self.credential != "absent" and binding is not None
        return there and binding.alg == SOFT_BINDING_ALG  # type: ignore[union-attr]

    @property
    def named(self) -> StampId | None:
        """The stamp that the manifest names."""
        binding = self.manifest.soft_binding
        return binding.stamp_id if binding is not None and self.declares_ours else None

    @property
    def agrees(self) -> bool:
        """Whether both layers name the same stamp."""
        return self.read is not None and self.read == self.named

    @property
    def copied(self) -> list[DifferentArea]:
        """Areas that show something else, and carry the mark all the same."""
        return [one for one in self.registry.compared.areas if one.copied]

    @property
    def withdrawn_other(self) -> Other | None:
        """The first of the other stamps that was withdrawn."""
        return next((one for one in self.others if one.registry.revocation is not None), None)


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict and what decided; ``otherwise`` is what it would be, were nothing withdrawn."""

    verdict: Verdict
    cause: Cause
    otherwise: Decision | None = None


def decide(case: Case) -> Decision:
    """Say what the layers' findings mean together; see the module's docstring for the steps."""
    standing = Decision(*_standing(case))
    if case.registry.revocation is not None:  # 1
        return Decision(Verdict.REVOKED, Cause.WITHDRAWN, standing)
    if case.withdrawn_other is not None:
        return Decision(Verdict.REVOKED, Cause.OTHER_WITHDRAWN, standing)
    return standing


def _standing(case: Case) -> tuple[Verdict, Cause]:  # noqa: PLR0911 - one return a row of the table
    """Steps 2 to 12."""
    conflict = _conflict(case)
    if conflict is not None:  # 2
        return Verdict.CONFLICT, conflict
    if case.credential == "invalid":  # 3
        return Verdict.CREDENTIAL_INVALID, _failure(case.manifest.failures)
    if case.status == "partial" or (case.read is not None and case.others):  # 4
        return Verdict.PARTIAL, Cause.MARK_IN_PART
    if case.registry.compared.different >= AREA:
        return Verdict.PARTIAL, Cause.CONTENT_IN_PART
    if case.credential == "trusted" and case.agrees and _vouched(case):  # 5
        known = case.registry.status == "match"
        return Verdict.CONFIRMED, Cause.REGISTRY_VOUCHES if known else Cause.LAYERS_AGREE
    if case.credential == "valid":  # 6
        return Verdict.SIGNER_UNTRUSTED, Cause.SIGNER_NOT_TRUSTED
    unread = case.status in ("absent", "not_checked")
    if case.credential == "trusted" and unread and not case.recovered:  # 7
        absent = case.status == "absent"
        return Verdict.CREDENTIAL_ONLY, (
            Cause.NO_WATERMARK if absent else Cause.WATERMARK_NOT_CHECKED
        )
    if case.read is not None:
        known = case.registry.status == "match"  # 8 and 9
        return (Verdict.WATERMARK_MATCH if known else Verdict.WATERMARK_UNKNOWN), _alone(case)
    if case.status == "weak":  # 10
        return Verdict.SUSPECTED, Cause.WEAK_SIGNAL
    unchecked = (case.status == "not_checked", case.credential == "not_checked")
    if all(unchecked):  # 11
        return Verdict.NOT_CHECKED, Cause.NOTHING_CHECKED
    if any(unchecked):
        return Verdict.NOT_CHECKED, (
            Cause.WATERMARK_NOT_CHECKED if unchecked[0] else Cause.CREDENTIAL_NOT_CHECKED
        )
    return Verdict.NO_MARK_FOUND, Cause.NOTHING_FOUND  # 12


def _conflict(case: Case) -> Cause | None:  # noqa: PLR0911 - one return a cause
    registry = case.registry
    if case.read is not None and case.named is not None and not case.agrees:  # 2a
        return Cause.OTHER_STAMP
    if case.read is not None and registry.compared.picture != "bytes":  # 2b
        if registry.compared.picture == "differs":
            return Cause.OTHER_CONTENT
        if registry.strange:
            return Cause.OTHER_CONTENT_IN_TIME
        if sum(one.share for one in case.copied) >= AREA:
            return Cause.OTHER_CONTENT_IN_AREA
    if case.intact and case.declares_ours and case.status == "absent":  # 2c
        return Cause.NOT_IN_PICTURE
    if case.intact and registry.differs:  # 2d
        return Cause.RECORD_DIFFERS
    return Cause.RECORD_CHANGED if registry.contradictions else None  # 2e


def _failure(codes: Sequence[str]) -> Cause:
    """A credential can also fail with every byte in place: an expired certificate, say."""
    changed = not codes or any(part in code for code in codes for part in _CHANGED)
    return Cause.CHANGED_AFTER_SIGNING if changed else Cause.FAILS_VALIDATION


def _vouched(case: Case) -> bool:
    """Whether anybody vouches for this very file, and not for its stamp alone."""
    if case.recovered or not case.manifest.issuer:
        return False
    if case.registry.status == "match":
        return case.registry.knows in ("file", "manifest")
    return not case.require_registry


def _alone(case: Case) -> Cause:
    """Why nothing but the watermark counts."""
    if case.credential == "not_checked":
        return Cause.CREDENTIAL_NOT_CHECKED
    if case.credential != "trusted":
        return Cause.CREDENTIAL_MISSING
    if case.recovered:
        return Cause.CREDENTIAL_RESTORED
    if not case.agrees:
        captured = case.manifest.digital_source_type in CAPTURED
        return Cause.SAYS_CAPTURED if captured else Cause.CREDENTIAL_OF_ANOTHER
    return Cause.NOT_VOUCHED_FOR if case.manifest.issuer else Cause.NO_ISSUER
