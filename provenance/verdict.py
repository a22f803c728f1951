"""The verdict: one word and one plain statement for what all layers say together.  Pure.

:func:`decide` walks through the contract's table from the top and stops at the first row that
applies.  The numbers stand again in the code.

1. REVOKED: the registry says that the stamp, its key, its model or a consent was withdrawn.
2. CONFLICT: (a) pixels and manifest name different stamps, whatever state the manifest is in;
   (b) the watermark sits on content whose registered fingerprint differs, throughout or for a
   stretch; (c) an intact manifest
   binds itself to our watermark, and pixels that were searched with the key it names hold none.
   A weak signal is not "none": it never makes a conflict.
3. CREDENTIAL_INVALID: a manifest is there and fails validation; the watermark's own finding is
   told beside it.
4. PARTIAL: the watermark is in some segments or areas only, whatever the manifest says: a splice
   of marked material into a fresh, well signed file must not read as confirmed.
5. CONFIRMED: manifest intact, signer trusted, and the watermark names the same stamp.
6. SIGNER_UNTRUSTED: manifest intact, signer on no list; the watermark may be anything.
7. CREDENTIAL_ONLY: manifest trusted, and the watermark absent with none of ours declared, or not
   checked (a key that the verifier does not hold is "not checked", never "absent").
8. WATERMARK_MATCH: the watermark was decoded and the registry has its stamp.  No manifest is the
   normal case; a trusted one that names no stamp of ours (re-signed by somebody else after us)
   comes here too, since nothing else ties the two layers together.
9. WATERMARK_UNKNOWN: as 8, but the registry has no such stamp or was not asked.
10. SUSPECTED: a signal over the weak threshold that did not decode.  With a trusted manifest as
    well: a watermark that ought to decode and does not is not to be acted on, and the sentence
    names the credential.
11. NOT_CHECKED: a layer could not run, and the others found nothing.
12. NO_MARK_FOUND: every layer ran and found nothing.

A manifest that the registry returned (source "registry") says nothing about the file at hand: the
file itself then counts as one without a manifest.
"""

from __future__ import annotations

from provenance.payload import SOFT_BINDING_ALG
from provenance.results import (
    Detection,
    FileKind,
    ManifestReport,
    MissingArea,
    RegistryReport,
    Segment,
    Verdict,
)
from provenance.text import chance, clock, listing, printable

UNASKED = " Whether it was withdrawn is not known: the registry can't be asked."
"""The end of every summary of a file whose registry failed."""
NO_MARK_SENTENCE = (
    "None of our marks was found. This does not show that the video is authentic or not made by AI."
)
_CHANGED = (".mismatch", "assertion.missing", "assertion.inaccessible")
_MAX_RANGES = 6


def decide(
    watermark: Detection,
    manifest: ManifestReport,
    registry: RegistryReport | None = None,
    *,
    kind: FileKind = "video",
    fingerprint_limit: float | None = None,
) -> tuple[Verdict, str]:
    """Say what the layers' findings mean together; see the module's docstring for the steps.

    Args:
        watermark: what the pixels say.  ``not_checked`` where the manifest names a key that was
            not held.
        manifest: what the signed metadata says.
        registry: what the registry says; None when none was asked.
        kind: for the wording only.
        fingerprint_limit: distance above which the registered fingerprint is not this content's;
            None leaves the distance unjudged.

    Returns:
        The verdict, and a summary in one line for people.  Claims of a manifest are repeated in
        it only when its signer is trusted; texts from outside are made printable.
    """
    case = _Case(watermark, manifest, registry or RegistryReport(), kind, fingerprint_limit)
    verdict, summary = case.standing()
    if case.registry.failed:
        summary += UNASKED
    if case.registry.revocation is not None:  # 1
        return Verdict.REVOKED, f"{_withdrawn(case.registry)} Otherwise: {verdict}. {summary}"
    return verdict, summary


class _Case:
    """The findings on one file, with the questions the steps ask of them."""

    def __init__(
        self,
        watermark: Detection,
        manifest: ManifestReport,
        registry: RegistryReport,
        kind: FileKind,
        fingerprint_limit: float | None,
    ) -> None:
        self.watermark = watermark
        self.manifest = manifest
        self.registry = registry
        self.kind = kind
        self.fingerprint_limit = fingerprint_limit
        self.credential = "absent" if manifest.source == "registry" else manifest.status
        self.intact = self.credential in ("trusted", "valid")
        # Only a decoded id is evidence; a find without one is no more than a signal.
        self.read = watermark.stamp_id if watermark.status in ("found", "partial") else None
        self.status = watermark.status
        if self.status == "found" and self.read is None:
            self.status = "weak"
        binding = manifest.soft_binding if self.credential != "absent" else None
        self.declares_ours = binding is not None and binding.alg == SOFT_BINDING_ALG
        self.named = binding.stamp_id if binding is not None and self.declares_ours else None

    def standing(self) -> tuple[Verdict, str]:  # noqa: PLR0911 - one return a row of the table
        """Steps 2 to 12."""
        conflict = self._conflict()
        if conflict is not None:  # 2
            return Verdict.CONFLICT, (
                f"The layers disagree ({conflict}). "
                "Possible splice, copied mark or re-stamp. Escalate."
            )
        if self.credential == "invalid":  # 3
            return Verdict.CREDENTIAL_INVALID, f"{self._invalid()} {self._pixels()}"
        if self.status == "partial":  # 4
            return Verdict.PARTIAL, f"{self._where()} {self._beside()}".strip()
        if self.credential == "trusted" and self.read is not None and self.read == self.named:  # 5
            return Verdict.CONFIRMED, f"{self._stamped()}; both layers agree.{self._history()}"
        if self.credential == "valid":  # 6
            return Verdict.SIGNER_UNTRUSTED, (
                f"File intact; signer not on the trust list. {self._pixels()}"
            )
        if self.credential == "trusted" and self.status in ("absent", "not_checked"):  # 7
            return Verdict.CREDENTIAL_ONLY, (
                f"Credential intact: {self._signed()}. {self._pixels()}{self._history()}"
            )
        if self.read is not None:  # 8 and 9
            return self._watermark_alone()
        if self.status == "weak":  # 10
            return Verdict.SUSPECTED, (
                f"Weak signal. Do not act on this alone. {self._beside()}".strip()
            )
        missing = self._not_checked()
        if missing:  # 11
            return Verdict.NOT_CHECKED, f"Not checked: {missing}. Nothing else was found."
        return Verdict.NO_MARK_FOUND, NO_MARK_SENTENCE  # 12

    def _conflict(self) -> str | None:
        if self.read is not None and self.named is not None and self.read != self.named:  # 2a
            return f"the watermark names stamp {self.read}, the manifest names {self.named}"
        distance = self.registry.fingerprint_distance
        if (
            self.read is not None
            and distance is not None
            and self.fingerprint_limit is not None
            and distance > self.fingerprint_limit
        ):  # 2b
            return f"watermark {self.read} belongs to other content than this"
        if self.read is not None and self.registry.strange:
            ranges = [f"{clock(start)}-{clock(end)}" for start, end in self.registry.strange[:4]]
            return f"watermark {self.read} goes on over other content in {listing(ranges)}"
        if self.intact and self.declares_ours and self.status == "absent":  # 2c
            stamp = "a stamp" if self.named is None else f"stamp {self.named}"
            return f"the manifest names {stamp}, the picture does not carry it"
        return None

    def _invalid(self) -> str:
        failures = [printable(code, 80) for code in self.manifest.failures]
        if not failures or any(_means_changed(code) for code in failures):
            return "The file changed after signing. Its claims are leads, not evidence."
        # A credential can also fail with every byte in place: an expired certificate, say.
        return (
            f"The credential fails validation ({listing(failures[:3])}). "
            "Its claims are leads, not evidence."
        )

    def _pixels(self) -> str:
        """The watermark's finding, in a sentence of its own."""
        if self.status == "found":
            return f"Watermark {self.read} was read{self._registered()}."
        if self.status == "partial":
            return self._where()
        if self.status == "weak":
            return "The picture shows a weak watermark signal only."
        if self.status == "absent":
            return "No watermark of ours was found in the picture."
        return f"The watermark was not checked ({self._reason(self.watermark.reason)})."

    def _beside(self) -> str:
        """What a trusted or unreadable credential adds to a finding in the picture."""
        if self.credential == "trusted":
            named = "" if self.named is None else f", which names stamp {self.named}"
            return f"The credential is intact: {self._signed()}{named}."
        if self.credential == "valid":
            return "The credential is intact; its signer is not on the trust list."
        if self.credential == "not_checked":
            return f"The credential was not checked ({self._reason(self.manifest.reason)})."
        return ""

    def _where(self) -> str:
        marked = merged(self.watermark.segments)
        picture = self.watermark.picture
        outside = ""
        if picture is not None and picture.missing is not None:
            outside = f"outside {area(picture.missing)}"
        if all(segment.status != "unmarked" for segment in self.watermark.segments) or not marked:
            return f"Mark found only {outside or 'in part of the picture'}."
        ranges = [f"{clock(start)}-{clock(end)}" for start, end in marked[:_MAX_RANGES]]
        if len(marked) > _MAX_RANGES:
            ranges.append(f"{len(marked) - _MAX_RANGES} more places")
        return f"Mark found only in {listing(ranges)}{outside and f', and there only {outside}'}."

    def _watermark_alone(self) -> tuple[Verdict, str]:
        opening = {
            "trusted": f"Credential intact ({self._signed()}), but it names no watermark of ours.",
            "not_checked": f"Credential not checked ({self._reason(self.manifest.reason)}).",
        }.get(self.credential, "Credential missing.")
        if self.registry.status == "match":
            model, date = self._record()
            return Verdict.WATERMARK_MATCH, (
                f"{opening} Watermark {self.read} matches the registry: {model}, {date}."
                f"{self._likeness()}{self._chance()}"
            )
        asked = (
            "the registry has no such stamp"
            if self.registry.status == "no_match"
            else self._reason(self.registry.reason)
        )
        return Verdict.WATERMARK_UNKNOWN, (
            f"{opening} Watermark {self.read} was read; {asked}.{self._chance()}"
        )

    def _likeness(self) -> str:
        """Without a comparison, a copied mark would look just the same."""
        if self.fingerprint_limit is None or self.registry.fingerprint_distance is not None:
            return ""
        return " The picture could not be compared with the registered one."

    def _chance(self) -> str:
        probability = self.watermark.false_positive_probability
        if probability is None:
            return ""
        return f" Chance of this on an unmarked {self.kind}: at most {chance(probability)}."

    def _registered(self) -> str:
        if self.registry.status == "match":
            model, date = self._record()
            return f" and matches the registry: {model}, {date}"
        return ""

    def _record(self) -> tuple[str, str]:
        record = self.registry.record or {}
        nested = record.get("model")
        model = nested if isinstance(nested, dict) else {}
        name = record.get("model_name") or model.get("name")
        version = record.get("model_version") or model.get("version")
        date = record.get("signed_at") or record.get("created_at")
        named = " ".join(printable(part, 80) for part in (name, version) if part)
        # The day alone: a sentence needs no more, and the record has the rest.
        day, _, _ = str(printable(date or "date not recorded", 40)).partition("T")
        return named or "model not recorded", day

    def _signed(self) -> str:
        date = self.manifest.signed_at
        when = "" if date is None else f" on {date:%Y-%m-%d}"
        return f"signed by {self._signer()}{when}"

    def _stamped(self) -> str:
        manifest = self.manifest
        parts = [printable(p, 80) for p in (manifest.model_name, manifest.model_version) if p]
        model = f" as {' '.join(parts)}" if parts else ""
        when = "" if manifest.signed_at is None else f" on {manifest.signed_at:%Y-%m-%d}"
        return f"Stamped by {self._signer()}{model}{when}"

    def _signer(self) -> str:
        # The certificate's name, not the provider the manifest claims: only the first is proven.
        return printable(self.manifest.signer or "an unnamed signer", 80)

    def _history(self) -> str:
        """A broken ingredient does not make the file's own credential fail, but must be told."""
        broken = [item for item in self.manifest.ingredients if item.status == "invalid"]
        if not broken:
            return ""
        titles = listing(printable(item.title or "unnamed", 60) for item in broken[:3])
        return f" But a file it was made from had failed validation already ({titles})."

    def _not_checked(self) -> str:
        layers = []
        if self.status == "not_checked":
            layers.append(f"watermark ({self._reason(self.watermark.reason)})")
        if self.credential == "not_checked":
            layers.append(f"manifest ({self._reason(self.manifest.reason)})")
        return listing(layers)

    @staticmethod
    def _reason(reason: str | None) -> str:
        return printable(reason or "no reason given", 300).rstrip(".")


def merged(segments: tuple[Segment, ...]) -> list[tuple[float, float]]:
    """The stretches of time that carry the mark, neighbours joined, in seconds."""
    ranges: list[tuple[float, float]] = []
    for segment in sorted(segments, key=lambda s: (s.start, s.end)):
        if segment.status != "marked":
            continue
        if ranges and segment.start <= ranges[-1][1] + 0.05:
            ranges[-1] = (ranges[-1][0], max(ranges[-1][1], segment.end))
        else:
            ranges.append((segment.start, segment.end))
    return ranges


def area(missing: MissingArea) -> str:
    """An area without the mark, in words: ``an area of 15 % at the upper left``."""
    x, y = (missing.left + missing.right) / 2.0, (missing.top + missing.bottom) / 2.0
    across = "left" if x < 0.4 else "right" if x > 0.6 else ""
    down = "upper" if y < 0.4 else "lower" if y > 0.6 else ""
    place = {
        ("", ""): "in the middle",
        ("upper", ""): "at the top",
        ("lower", ""): "at the bottom",
    }.get((down, across), f"at the {down} {across}".replace("  ", " "))
    return f"an area of {100.0 * missing.share:.0f} % {place}"


def _means_changed(code: str) -> bool:
    return any(part in code for part in _CHANGED)


def _withdrawn(registry: RegistryReport) -> str:
    revocation = registry.revocation or {}
    date = revocation.get("date") or revocation.get("at") or "an unrecorded date"
    reason = revocation.get("reason") or "no reason recorded"
    return f"Withdrawn on {printable(date, 40)}: {printable(reason).rstrip('.')}."
