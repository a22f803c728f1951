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
from provenance.system.text import chance, listing, printable
from provenance.system.tongue import counted, retold, say, worded
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

_WATERMARK: Final = {
    "found": worded("found"),
    "partial": worded("partial"),
    "weak": worded("weak"),
    "absent": worded("none found"),
    "not_checked": worded("not checked"),
}
_MANIFEST: Final = {
    "trusted": worded("intact, signer trusted"),
    "valid": worded("intact, signer not on the trust list"),
    "invalid": worded("fails validation"),
    "absent": worded("none"),
    "not_checked": worded("not checked"),
}
_RECOVERED: Final = {
    "trusted": worded("recovered from the registry, signer trusted; not bound to this file"),
    "valid": worded(
        "recovered from the registry, signer not on the trust list; not bound to this file"
    ),
}
_UNRECOVERED: Final = worded(
    "recovered from the registry, fails validation; not bound to this file"
)
_SOURCES: Final = {
    "embedded": worded("{status} (embedded)"),
    "sidecar": worded("{status} (sidecar)"),
    "remote": worded("{status} (remote)"),
    "recovered": worded("{status} (of a copy that was given its credential back)"),
}
_SOURCE_TYPES: Final = {
    "trainedAlgorithmicMedia": worded("a generative model"),
    "compositeWithTrainedAlgorithmicMedia": worded("editing with a generative model"),
    "algorithmicMedia": worded("a program that is no trained model"),
    "algorithmicallyEnhanced": worded("enhancement by a program"),
    "digitalArt": worded("drawing on a computer"),
    "digitalCreation": worded("making on a computer"),
    "dataDrivenMedia": worded("a program, from data"),
    "virtualRecording": worded("recording of a virtual event"),
    "screenCapture": worded("recording of a screen"),
    "digitalCapture": worded("a camera"),
    "computationalCapture": worded("a camera that computes"),
    "negativeFilm": worded("a scan of a negative"),
    "positiveFilm": worded("a scan of a positive film"),
    "print": worded("a scan of a print"),
    "humanEdits": worded("edits by a person"),
    "minorHumanEdits": worded("small edits by a person"),
    "composite": worded("composition of several things"),
    "compositeCapture": worded("composition of camera pictures"),
    "compositeSynthetic": worded("composition with something synthetic"),
}
"""IPTC's digital source types (https://cv.iptc.org/newscodes/digitalsourcetype/)."""
INGREDIENT: Final = {
    "trusted": worded("trusted"),
    "valid": worded("valid"),
    "invalid": worded("invalid"),
    "absent": worded("absent"),
    "not_checked": worded("not checked"),
}
"""What validation said of something that a file was made from."""
_REGISTRY: Final = {
    "match": worded("has this stamp"),
    "no_match": worded("has no such stamp"),
}
_UNCHECKED: Final = worded("not checked")
_CHANCES: Final = {
    "video": worded("at most {chance} on an unmarked video"),
    "image": worded("at most {chance} on an unmarked image"),
    "file": worded("at most {chance} on an unmarked file"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """One row; ``head`` is the first of its layer, and the others belong under it.

    :meth:`of` and :meth:`first` take a label in English, and say it in the language spoken.
    """

    label: str
    text: str
    head: bool = False

    @classmethod
    def of(cls, label: str, text: str, limit: int = 300) -> Told:
        """A row whose text may come from a file: made printable, and cut."""
        return cls(say(label), printable(text, limit))

    @classmethod
    def first(cls, label: str, text: str, reason: str | None = None) -> Told:
        """The first row of a layer, with the reason why it is so, if there is one."""
        told = say("{what}: {why}", what=text, why=retold(reason)) if reason else text
        return cls(say(label), printable(told, 500), head=True)


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
    yield Told.first("Watermark", say(_WATERMARK[found.status]), found.reason)
    if found.stamp_id is not None:
        yield Told.of("stamp id", found.stamp_id.hex)
        key = found.key_id or say("unnamed")
        yield Told.of("key", say("{key}, layout {layout}", key=key, layout=found.layout or "?"))
    if found.score is not None and found.status != "not_checked":
        strength = say("score {score}", score=f"{found.score:.0f}")
        if found.margin_db is not None and found.stamp_id is not None:
            margin = f"{found.margin_db:.1f}"
            strength += say(", {margin} dB above what decoding needs", margin=margin)
        yield Told.of("strength", strength)
    if found.false_positive_probability is not None and found.stamp_id is not None:
        bound = chance(found.false_positive_probability)
        yield Told.of("chance", say(_CHANCES[kind], chance=bound))
    if coverage is not None:
        seen = say("{count} looked at", count=coverage.frames)
        if coverage.longest_gap_s:
            seen += say(", {gap} apart at most", gap=apart(coverage))
        yield Told.of("frames", seen)
        took = spent_lines({stage.name: stage.seconds for stage in coverage.spent})
        for number, line in enumerate(took):
            yield Told("" if number else say("time"), line)
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
    yield Told.first("Manifest", _standing(said), said.reason)
    for failure in said.failures[:5]:
        yield Told.of("failure", failure)
    if said.status in ("absent", "not_checked"):
        return
    if said.signer:
        yield Told.of("signer", _claim(said, said.signer))
    if said.signed_at is not None:
        yield Told.of("date", _claim(said, moment(said.signed_at)))
    if said.provider:
        yield Told.of("provider", _claim(said, said.provider))
    model = " ".join(part for part in (said.model_name, said.model_version) if part)
    card = said.model_card_sha256
    if model:
        if card:
            model = say("{model}, card sha256 {card}", model=model, card=f"{card[:16]}…")
        yield Told.of("model", _claim(said, model))
    if said.prompt_hash is not None:
        prompt = said.prompt_hash
        key = say(", key {key}", key=prompt.key_id) if prompt.key_id else ""
        yield Told.of("prompt", f"{prompt.alg} {prompt.value[:16]}…{key}")
    if said.soft_binding is not None:
        binding = said.soft_binding
        named = say("a watermark by {alg}", alg=binding.alg)
        if binding.stamp_id:
            named = say("stamp {stamp}", stamp=binding.stamp_id)
        yield Told.of("names", named)
    for ingredient in said.ingredients[:5]:
        failures = f" ({listing(ingredient.failures[:3])})" if ingredient.failures else ""
        told = say(
            "{title}: {status}",
            title=ingredient.title or say("unnamed"),
            status=say(INGREDIENT[ingredient.status]),
        )
        yield Told.of("made from", f"{told}{failures}")


def _standing(said: ManifestReport) -> str:
    """Whether it holds, and where it lay."""
    if said.source == "registry":
        return say(_RECOVERED.get(said.status, _UNRECOVERED))
    status = say(_MANIFEST[said.status])
    if said.source is None or (said.status == "absent" and said.source != "recovered"):
        return status
    return say(_SOURCES[said.source], status=status)


def _claim(said: ManifestReport, what: str) -> str:
    """Whoever wrote an unproven manifest wrote this too."""
    return what if said.status == "trusted" else say("claims {what}", what=what)


def source_type(term: str) -> str:
    """How a picture came to be, by its IPTC digital source type; terms that are not known here
    stay as they are."""
    return say(_SOURCE_TYPES[term]) if term in _SOURCE_TYPES else term


def registry(said: RegistryReport) -> Iterator[Told]:
    """What the registry says, and what was compared with what was stamped."""
    if said.listed_at is not None:
        yield Told.first("Withdrawals", say("list of {date}", date=moment(said.listed_at)))
    if said.bundled_at is not None:
        yield Told.first("Bundle", say("of {date}", date=moment(said.bundled_at)))
    if said.status == "not_checked" and said.revocation is None:
        yield Told.first("Registry", retold(str(said.reason)))
        return
    yield Told.first("Registry", say(_REGISTRY.get(said.status, _UNCHECKED)), said.reason)
    record = said.record or {}
    if record.get("approval"):
        yield Told.of("approval", record["approval"])
    if record.get("consents"):
        yield Told.of("consents", listing(record["consents"][:5]))
    if said.knows in ("file", "manifest"):
        bytes_too = said.knows == "file"
        yield Told.of("knows", say("these very bytes") if bytes_too else say("this very manifest"))
    for name in said.differs:
        yield Told.of("differs", retold(name))
    if said.compared.picture not in ("bytes", "not_compared"):
        yield from _compared(said.compared)


def _compared(compared: Compared) -> Iterator[Told]:
    if compared.distance is not None:
        over = ""
        if compared.share is not None:
            over = say(", {share} % of it in view", share=f"{100 * compared.share:.0f}")
        yield Told.of(
            "picture",
            say(
                "compared in {frames}{over}, {squares}; changes in less than four of them may not "
                "show",
                frames=counted(compared.frames, "{count} frame", "{count} frames"),
                over=over,
                squares=finely(compared),
            ),
        )
    for one in compared.areas[:5]:
        mark = say(", and the mark lies over it") if one.copied else ""
        yield Told.of("differs", area(one) + mark)


def beside(other: Other) -> Iterator[Told]:
    """Another stamp of the same file."""
    yield Told.first("Also in it", say("stamp {stamp}", stamp=other.watermark.stamp_id))
    yield Told.of("where", where(other.watermark))
    if other.registry.status == "match":
        yield Told.of("model", recorded(other.registry))
    if other.registry.revocation is not None:
        yield Told.of("withdrawn", withdrawn(other.registry))


def describe(transform: Transform) -> str:
    """How the examined picture lies on the stamped one, in words."""
    parts = []
    if abs(transform.scale - 1.0) > 0.01:
        parts.append(say("scaled to {scale}", scale=f"{transform.scale:.2f}"))
    if transform.mirrored:
        parts.append(say("mirrored"))
    if abs(transform.rotation_deg) > 0.2:
        parts.append(say("turned {angle} degrees", angle=f"{transform.rotation_deg:.1f}"))
    if abs(transform.aspect - 1.0) > 0.005:
        parts.append(say("width stretched by {aspect}", aspect=f"{transform.aspect:.3f}"))
    if max(abs(transform.matrix[6]), abs(transform.matrix[7])) > 1e-5:
        parts.append(say("seen at an angle"))
    return listing(parts) or say("lies as it was stamped")


def timeline(found: Detection, others: Sequence[Other] = ()) -> str:
    """Which stretches carry the mark, how long those of ``others`` are, and those of none."""
    marked = marked_in(found.segments)
    unknown = sum(s.end - s.start for s in found.segments if s.status == "unknown")
    without = [(s.start, s.end) for s in found.segments if s.status == "unmarked"]
    bare: Sequence[tuple[float, float]] = without
    for other in others:
        bare = unmarked(bare, other.watermark)
    elsewhere, nowhere = (sum(end - start for start, end in one) for one in (without, bare))
    text = (
        say("marked {where}", where=marked)
        if marked
        else say("no second of it shows the mark by itself")
    )
    if elsewhere - nowhere >= 0.05:
        text += say("; other stamps {seconds} s", seconds=f"{elsewhere - nowhere:.1f}")
    if nowhere >= 0.05:
        text += say("; unmarked {seconds} s", seconds=f"{nowhere:.1f}")
    if unknown:
        text += say("; unknown {seconds} s", seconds=f"{unknown:.1f}")
    return text


def moment(at: datetime | None) -> str:
    """A date to the second, with its zone."""
    return say("no date") if at is None else f"{at:%Y-%m-%d %H:%M:%S %Z}".strip()
