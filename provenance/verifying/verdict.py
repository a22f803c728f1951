"""The verdict: one word and one plain statement for what all layers say together.  Pure.

:func:`decide` walks through the contract's table from the top and stops at the first row that
applies.  The numbers stand again in the code.

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
4. PARTIAL: the watermark is in some segments or areas only, or a tenth of the picture shows
   something else, whatever the manifest says: a splice of marked material into a fresh, well
   signed file must not read as confirmed.
5. CONFIRMED: manifest intact, signed by an issuer, who stamps with this watermark key, and the
   watermark names the same stamp; a registry that has the stamp knows this very manifest, or these
   very bytes.  Never a copy that was given its credential back.
6. SIGNER_UNTRUSTED: manifest intact, signer on no list; the watermark may be anything.
7. CREDENTIAL_ONLY: manifest trusted, and the watermark absent with none of ours declared, or not
   checked (a key that the verifier does not hold is "not checked", never "absent").
8. WATERMARK_MATCH: the watermark was decoded and the registry has its stamp.  No manifest is the
   normal case; a recovered one comes here too, and a trusted one that names no stamp of ours
   (signed by somebody else after us), since nothing else ties the two layers together.
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

from provenance.results import (
    Detection,
    FileKind,
    ManifestReport,
    Other,
    RegistryReport,
    Verdict,
)
from provenance.results.payload import SOFT_BINDING_ALG
from provenance.system.text import chance, listing, printable
from provenance.verifying.wording import (
    area,
    areas,
    because,
    beside,
    comparison,
    merged,
    model,
    recorded,
    signed,
    signer,
    stretches,
    withdrawn,
)

UNASKED = " Whether it was withdrawn is not known: the registry can't be asked."
"""The end of every summary of a file whose registry failed."""
NO_MARK_SENTENCE = (
    "None of our marks was found. This does not show that the video is authentic or not made by AI."
)
AREA = 0.1
"""Share of the compared picture from which areas that differ make a verdict."""
_CHANGED = (".mismatch", "assertion.missing", "assertion.inaccessible")
_STRANGE = 4


def decide(
    watermark: Detection,
    manifest: ManifestReport,
    registry: RegistryReport | None = None,
    *,
    others: Sequence[Other] = (),
    kind: FileKind = "video",
    require_registry: bool = False,
) -> tuple[Verdict, str]:
    """Say what the layers' findings mean together; see the module's docstring for the steps.

    Args:
        watermark: what the pixels say.  ``not_checked`` where the manifest names a key that was
            not held.
        manifest: what the signed metadata says.
        registry: what the registry says; None when none was asked.
        others: further stamps in moments that do not carry the first; any of them may have been
            withdrawn (1), and each is named.
        kind: for the wording only.
        require_registry: whether nothing is CONFIRMED that no registry vouches for.

    Returns:
        The verdict, and a summary in one line for people.  Claims of a manifest are repeated in
        it only when its signer is trusted; texts from outside are made printable.
    """
    case = _Case(watermark, manifest, registry or RegistryReport(), kind, require_registry)
    verdict, summary = case.standing()
    summary += "".join(f" {beside(one)}" for one in others)
    if case.registry.failed:
        summary += UNASKED
    if case.registry.revocation is not None:  # 1
        return Verdict.REVOKED, f"{withdrawn(case.registry)} Otherwise: {verdict}. {summary}"
    for one in others:
        if one.registry.revocation is not None:
            of = f"Of stamp {one.watermark.stamp_id}, which is in it: {withdrawn(one.registry)}"
            return Verdict.REVOKED, f"{of} Otherwise: {verdict}. {summary}"
    return verdict, summary


class _Case:
    """The findings on one file, with the questions the steps ask of them."""

    def __init__(
        self,
        watermark: Detection,
        manifest: ManifestReport,
        registry: RegistryReport,
        kind: FileKind,
        require_registry: bool,
    ) -> None:
        self.watermark = watermark
        self.manifest = manifest
        self.registry = registry
        self.kind = kind
        self.require_registry = require_registry
        self.credential = "absent" if manifest.source == "registry" else manifest.status
        self.intact = self.credential in ("trusted", "valid")
        self.recovered = manifest.recovered is not None
        # Only a decoded id is evidence; a find without one is no more than a signal.
        self.read = watermark.stamp_id if watermark.status in ("found", "partial") else None
        self.status = watermark.status
        if self.status == "found" and self.read is None:
            self.status = "weak"
        binding = manifest.soft_binding if self.credential != "absent" else None
        self.declares_ours = binding is not None and binding.alg == SOFT_BINDING_ALG
        self.named = binding.stamp_id if binding is not None and self.declares_ours else None
        self.agrees = self.read is not None and self.read == self.named

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
        if self.status == "partial" or self._different():  # 4
            return Verdict.PARTIAL, f"{self._where()} {self._beside()}".strip()
        if self.credential == "trusted" and self.agrees and self._vouched():  # 5
            return Verdict.CONFIRMED, (
                f"{self._stamped()}; both layers agree.{self._voucher()}{self._history()}"
            )
        if self.credential == "valid":  # 6
            return Verdict.SIGNER_UNTRUSTED, (
                f"File intact; signer not on the trust list. {self._pixels()}"
            )
        unread = self.status in ("absent", "not_checked")
        if self.credential == "trusted" and unread and not self.recovered:  # 7
            return Verdict.CREDENTIAL_ONLY, (
                f"Credential intact: {signed(self.manifest)}. {self._pixels()}{self._history()}"
            )
        if self.read is not None:  # 8 and 9
            return self._watermark_alone()
        if self.status == "weak":  # 10
            return Verdict.SUSPECTED, (
                f"Weak signal. Do not act on this alone. {self._beside()}".strip()
            )
        missing = self._not_checked()
        if missing:  # 11
            rests = f" {self._recovery()}" if self.recovered and self.intact else ""
            nothing = "" if rests else " Nothing else was found."
            return Verdict.NOT_CHECKED, f"Not checked: {missing}.{nothing}{rests}"
        return Verdict.NO_MARK_FOUND, NO_MARK_SENTENCE  # 12

    def _conflict(self) -> str | None:
        if self.read is not None and self.named is not None and self.read != self.named:  # 2a
            return f"the watermark names stamp {self.read}, the manifest names {self.named}"
        other = self._other_content()
        if other is not None:  # 2b
            return other
        if self.intact and self.declares_ours and self.status == "absent":  # 2c
            stamp = "a stamp" if self.named is None else f"stamp {self.named}"
            return f"the manifest names {stamp}, the picture does not carry it"
        if self.intact and self.registry.differs:  # 2d
            return (
                f"the manifest{self._claims()} speaks of stamp {self.named}, whose record says "
                f"{recorded(self.registry)}: it differs in {listing(self.registry.differs)}"
            )
        if self.registry.contradictions:  # 2e
            return (
                f"the registry's record says {listing(self.registry.contradictions)} otherwise "
                "than the signed manifest that it keeps: its database was changed"
            )
        return None

    def _claims(self) -> str:
        """What a trusted manifest says, as a parenthesis; an unknown signer's is not repeated."""
        if self.credential != "trusted":
            return ", by a signer on no trust list,"
        named = model(self.manifest)
        return f", {signed(self.manifest)}{named and f' as {named}'},"

    def _other_content(self) -> str | None:
        compared = self.registry.compared
        if self.read is None or compared.picture == "bytes":
            return None
        if compared.picture == "differs":
            return f"watermark {self.read} belongs to other content than this"
        if self.registry.strange:
            where = stretches(self.registry.strange[:_STRANGE])
            return f"watermark {self.read} goes on over other content in {where}"
        copied = [one for one in compared.areas if one.copied]
        if sum(one.share for one in copied) >= AREA:
            return f"watermark {self.read} lies over other content in {areas(copied)}"
        return None

    def _different(self) -> bool:
        return self.registry.compared.different >= AREA

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
            about = f" and matches the registry: {recorded(self.registry)}"
            known = self.registry.status == "match"
            return f"Watermark {self.read} was read{about if known else ''}."
        if self.status == "partial":
            return self._where()
        if self.status == "weak":
            return "The picture shows a weak watermark signal only."
        if self.status == "absent":
            return "No watermark of ours was found in the picture."
        return f"The watermark was not checked ({because(self.watermark.reason)})."

    def _beside(self) -> str:
        """What a trusted or unreadable credential adds to a finding in the picture."""
        if self.credential == "trusted":
            if self.recovered:
                return self._recovery()
            named = "" if self.named is None else f", which names stamp {self.named}"
            return f"The credential is intact: {signed(self.manifest)}{named}."
        if self.credential == "valid":
            return "The credential is intact; its signer is not on the trust list."
        if self.credential == "not_checked":
            return f"The credential was not checked ({because(self.manifest.reason)})."
        return ""

    def _where(self) -> str:
        """In which part the mark is, or the stamped picture."""
        if self.status != "partial":
            return (
                f"Watermark {self.read} was read, and the picture shows something else than was "
                f"stamped in {areas(self.registry.compared.areas)}."
            )
        marked = merged(self.watermark.segments)
        picture = self.watermark.picture
        outside = ""
        if picture is not None and picture.missing is not None:
            outside = f"outside {area(picture.missing)}"
        if all(segment.status != "unmarked" for segment in self.watermark.segments) or not marked:
            return f"Mark found only {outside or 'in part of the picture'}."
        return f"Mark found only in {stretches(marked)}{outside and f', and there only {outside}'}."

    def _watermark_alone(self) -> tuple[Verdict, str]:
        opening = self._opening()
        if self.registry.status == "match":
            return Verdict.WATERMARK_MATCH, (
                f"{opening} Watermark {self.read} matches the registry: "
                f"{recorded(self.registry)}.{self._chance()} {self._comparison()}"
            )
        asked = (
            "the registry has no such stamp"
            if self.registry.status == "no_match"
            else because(self.registry.reason)
        )
        return Verdict.WATERMARK_UNKNOWN, (
            f"{opening} Watermark {self.read} was read; {asked}.{self._chance()}"
        )

    def _comparison(self) -> str:
        transform = self.watermark.transform
        mirrored = transform is not None and transform.mirrored
        return comparison(self.registry.compared, mirrored=mirrored)

    def _opening(self) -> str:
        """What there is to say of the credential before a watermark that stands by itself."""
        if self.credential == "not_checked":
            return f"Credential not checked ({because(self.manifest.reason)})."
        if self.credential != "trusted":
            return "Credential missing."
        if self.recovered:
            return self._recovery()
        intact = f"Credential intact ({signed(self.manifest)})"
        if not self.agrees:
            claims = model(self.manifest)
            says = f", which says {claims}," if claims else ""
            return f"{intact}{says} but it names no watermark of ours."
        if self.manifest.issuer:
            return f"{intact}, both layers agree, but no registry vouches for this very file."
        return (
            f"{intact}, but that signer speaks about a stamp of somebody else's: nothing here says "
            "that it stamps with this watermark key."
        )

    def _recovery(self) -> str:
        compared = listing(printable(one, 80) for one in (self.manifest.recovered or ())[:6])
        return (
            f"This is a copy that was given its credential back, {signed(self.manifest)}, after "
            f"comparing {compared or 'nothing'}; it is not the stamped file."
        )

    def _vouched(self) -> bool:
        """Whether anybody vouches for this very file, and not for its stamp alone."""
        if self.recovered or not self.manifest.issuer:
            return False
        if self.registry.status == "match":
            return self.registry.knows in ("file", "manifest")
        return not self.require_registry

    def _voucher(self) -> str:
        """What a confirmation rests on besides the two layers."""
        registry = self.registry
        if registry.status == "match":
            known = "these very bytes" if registry.knows == "file" else "this very manifest"
            return f" The registry has {known}."
        if registry.failed:
            return ""
        if registry.status == "no_match":
            asked = "The registry that was asked has no such stamp"
        else:
            asked = "No registry was asked"
        if registry.revocation is not None:
            return f" {asked}."
        if registry.listed_at is not None:
            return f" {asked}; a signed list of {registry.listed_at:%Y-%m-%d} does not withdraw it."
        return f" {asked}, so whether it was withdrawn is not known."

    def _chance(self) -> str:
        probability = self.watermark.false_positive_probability
        if probability is None:
            return ""
        return f" Chance of this on an unmarked {self.kind}: at most {chance(probability)}."

    def _stamped(self) -> str:
        named = model(self.manifest)
        when = "" if self.manifest.signed_at is None else f" on {self.manifest.signed_at:%Y-%m-%d}"
        return f"Stamped by {signer(self.manifest)}{named and f' as {named}'}{when}"

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
            layers.append(f"watermark ({because(self.watermark.reason)})")
        if self.credential == "not_checked":
            layers.append(f"manifest ({because(self.manifest.reason)})")
        return listing(layers)


def _means_changed(code: str) -> bool:
    return any(part in code for part in _CHANGED)
