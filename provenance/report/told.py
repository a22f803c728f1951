"""What is told of each layer, row by row, wherever it is shown: on a terminal, in a report.  Pure.

A :class:`Told` is a label and a text that is safe to print; who shows them brings the layout.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from provenance.results import (
    Compared,
    Coverage,
    Detection,
    ManifestReport,
    Other,
    RegistryReport,
    Transform,
)
from provenance.system.text import chance, listing, printable, several
from provenance.verifying.stretches import unmarked
from provenance.verifying.wording import (
    apart,
    area,
    finely,
    marked_in,
    placed,
    recorded,
    where,
    withdrawn,
)

_WATERMARK: Final = {"not_checked": "not checked", "absent": "none found"}
_MANIFEST: Final = {
    "trusted": "intact, signer trusted",
    "valid": "intact, signer not on the trust list",
    "invalid": "fails validation",
    "absent": "none",
    "not_checked": "not checked",
}
_RECOVERED: Final = {"trusted": "signer trusted", "valid": "signer not on the trust list"}
_REGISTRY: Final = {"match": "has this stamp", "no_match": "has no such stamp"}


@dataclass(frozen=True, slots=True)
class Told:
    """One row; ``head`` is the first of its layer, and the others belong under it."""

    label: str
    text: str
    head: bool = False

    @classmethod
    def of(cls, label: str, text: str, limit: int = 300) -> Told:
        """A row whose text may come from a file: made printable, and cut."""
        return cls(label, printable(text, limit))

    @classmethod
    def first(cls, label: str, text: str, reason: str | None = None) -> Told:
        """The first row of a layer, with the reason why it is so, if there is one."""
        return cls(label, printable(f"{text}: {reason}" if reason else text, 500), head=True)


def watermark(
    found: Detection,
    kind: str,
    coverage: Coverage | None,
    others: Sequence[Other] = (),
    *,
    legend: str = "",
) -> Iterator[Told]:
    """What the pixels say of one stamp, beside ``others``; ``kind`` is "video", "image" or "file",
    and ``legend`` explains the map that is drawn under the last row, if one is."""
    yield Told.first("Watermark", _WATERMARK.get(found.status, found.status), found.reason)
    if found.stamp_id is not None:
        yield Told.of("stamp id", found.stamp_id.hex)
        yield Told.of("key", f"{found.key_id or 'unnamed'}, layout {found.layout or '?'}")
    if found.score is not None and found.status != "not_checked":
        strength = f"score {found.score:.0f}"
        if found.margin_db is not None and found.stamp_id is not None:
            strength += f", {found.margin_db:.1f} dB above what decoding needs"
        yield Told.of("strength", strength)
    if found.false_positive_probability is not None and found.stamp_id is not None:
        bound = chance(found.false_positive_probability)
        yield Told.of("chance", f"at most {bound} on an unmarked {kind}")
    if coverage is not None:
        most = f", {apart(coverage)} apart at most" if coverage.longest_gap_s else ""
        yield Told.of("frames", f"{coverage.frames} looked at{most}")
        took = spent_lines({stage.name: stage.seconds for stage in coverage.spent})
        for number, line in enumerate(took):
            yield Told("" if number else "time", line)
    if found.transform is not None and found.stamp_id is not None:
        yield Told.of("picture", describe(found.transform))
    if inside := placed(found):
        yield Told.of("where", inside)
    if found.segments and found.stamp_id is not None and kind == "video":
        yield Told.of("timeline", timeline(found, others), 400)
    if found.picture is not None and found.picture.missing is not None:
        yield Told.of("missing", f"{area(found.picture.missing)}{legend}")


def spent_lines(spent: Mapping[str, float]) -> list[str]:
    """Where processors' seconds of a search went, the longest first, and their sum before them."""
    if not spent:
        return []
    longest = sorted(spent.items(), key=lambda one: -one[1])
    told = [
        (sum(spent.values()), "for the search, of processors' time"),
        *((s, n) for n, s in longest),
    ]
    return [f"{seconds:8.2f} s  {name}" for seconds, name in told]


def manifest(said: ManifestReport) -> Iterator[Told]:
    """What the signature says."""
    status = _MANIFEST[said.status]
    if said.source == "recovered":
        status += " (of a copy that was given its credential back)"
    elif said.source == "registry":
        held = _RECOVERED.get(said.status, "fails validation")
        status = f"recovered from the registry, {held}; not bound to this file"
    elif said.source is not None and said.status != "absent":
        status += f" ({said.source})"
    yield Told.first("Manifest", status, said.reason)
    for failure in said.failures[:5]:
        yield Told.of("failure", failure)
    if said.status in ("absent", "not_checked"):
        return
    # Whoever wrote an unproven manifest wrote these too.
    claims = "" if said.status == "trusted" else "claims "
    if said.signer:
        yield Told.of("signer", claims + said.signer)
    if said.signed_at is not None:
        yield Told.of("date", claims + moment(said.signed_at))
    if said.provider:
        yield Told.of("provider", claims + said.provider)
    model = " ".join(part for part in (said.model_name, said.model_version) if part)
    card = said.model_card_sha256
    if model:
        model += f", card sha256 {card[:16]}…" if card else ""
        yield Told.of("model", claims + model)
    if said.prompt_hash is not None:
        prompt = said.prompt_hash
        key = f", key {prompt.key_id}" if prompt.key_id else ""
        yield Told.of("prompt", f"{prompt.alg} {prompt.value[:16]}…{key}")
    if said.soft_binding is not None:
        binding = said.soft_binding
        named = f"a watermark by {binding.alg}"
        yield Told.of("names", f"stamp {binding.stamp_id}" if binding.stamp_id else named)
    for ingredient in said.ingredients[:5]:
        failures = f" ({listing(ingredient.failures[:3])})" if ingredient.failures else ""
        title = ingredient.title or "unnamed"
        yield Told.of("made from", f"{title}: {ingredient.status}{failures}")


def registry(said: RegistryReport) -> Iterator[Told]:
    """What the registry says, and what was compared with what was stamped."""
    if said.listed_at is not None:
        yield Told.first("Withdrawals", f"list of {moment(said.listed_at)}")
    if said.bundled_at is not None:
        yield Told.first("Bundle", f"of {moment(said.bundled_at)}")
    if said.status == "not_checked" and said.revocation is None:
        yield Told.first("Registry", str(said.reason))
        return
    yield Told.first("Registry", _REGISTRY.get(said.status, "not checked"), said.reason)
    record = said.record or {}
    if record.get("approval"):
        yield Told.of("approval", record["approval"])
    if record.get("consents"):
        yield Told.of("consents", listing(record["consents"][:5]))
    if said.knows in ("file", "manifest"):
        yield Told("knows", "these very bytes" if said.knows == "file" else "this very manifest")
    for name in said.differs:
        yield Told.of("differs", name)
    if said.compared.picture not in ("bytes", "not_compared"):
        yield from _compared(said.compared)


def _compared(compared: Compared) -> Iterator[Told]:
    if compared.distance is not None:
        over = "" if compared.share is None else f", {100 * compared.share:.0f} % of it in view"
        yield Told(
            "picture",
            f"compared in {several(compared.frames, 'frame')}{over}, {finely(compared)}; "
            "changes in less than four of them may not show",
        )
    for one in compared.areas[:5]:
        mark = ", and the mark lies over it" if one.copied else ""
        yield Told.of("differs", area(one) + mark)


def beside(other: Other) -> Iterator[Told]:
    """Another stamp of the same file."""
    yield Told.first("Also in it", f"stamp {other.watermark.stamp_id}")
    yield Told.of("where", where(other.watermark))
    if other.registry.status == "match":
        yield Told.of("model", recorded(other.registry))
    if other.registry.revocation is not None:
        yield Told.of("withdrawn", withdrawn(other.registry))


def describe(transform: Transform) -> str:
    """How the examined picture lies on the stamped one, in words."""
    parts = []
    if abs(transform.scale - 1.0) > 0.01:
        parts.append(f"scaled to {transform.scale:.2f}")
    if transform.mirrored:
        parts.append("mirrored")
    if abs(transform.rotation_deg) > 0.2:
        parts.append(f"turned {transform.rotation_deg:.1f} degrees")
    if abs(transform.aspect - 1.0) > 0.005:
        parts.append(f"width stretched by {transform.aspect:.3f}")
    if max(abs(transform.matrix[6]), abs(transform.matrix[7])) > 1e-5:
        parts.append("seen at an angle")
    return listing(parts) or "lies as it was stamped"


def timeline(found: Detection, others: Sequence[Other] = ()) -> str:
    """Which stretches carry the mark, how long those of ``others`` are, and those of none."""
    marked = marked_in(found.segments)
    unknown = sum(s.end - s.start for s in found.segments if s.status == "unknown")
    without = [(s.start, s.end) for s in found.segments if s.status == "unmarked"]
    bare: Sequence[tuple[float, float]] = without
    for other in others:
        bare = unmarked(bare, other.watermark)
    elsewhere, nowhere = (sum(end - start for start, end in one) for one in (without, bare))
    text = f"marked {marked}" if marked else "no second of it shows the mark by itself"
    if elsewhere - nowhere >= 0.05:
        text += f"; other stamps {elsewhere - nowhere:.1f} s"
    if nowhere >= 0.05:
        text += f"; unmarked {nowhere:.1f} s"
    if unknown:
        text += f"; unknown {unknown:.1f} s"
    return text


def moment(at: datetime | None) -> str:
    """A date to the second, with its zone."""
    return "no date" if at is None else f"{at:%Y-%m-%d %H:%M:%S %Z}".strip()
