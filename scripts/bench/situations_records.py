"""Situations of manifests: claims on top of ours, moved ones, sidecars, texts, time-stamps."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from c2pa import Builder, C2paBuilderIntent, C2paSigningAlg, Context
from c2pa import Signer as LibrarySigner

from bench import edits
from bench.due import Due, Row, held, judged
from bench.situations_signers import CONFIRMED, CONFLICT, MATCH, REVOKED
from bench.stages import Resize
from bench.studio import Studio
from provenance import Verdict
from provenance.manifest import Signer, find_parent, sidecar_path
from provenance.manifest.assertions import ACTIONS, PARENT_LABEL, manifest_definition
from provenance.registry import now
from tests.authority import Authority, serve

INVALID, UNTRUSTED = Verdict.CREDENTIAL_INVALID, Verdict.SIGNER_UNTRUSTED
ONLY = Verdict.CREDENTIAL_ONLY
C2PA_BOX = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
AFTER_SIGNING = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Foreign:
    """What somebody else's manifest states: that a file was opened, or made, and no stamp."""

    title: str = "clip.mp4"

    def definition(self, *, mime: str, parent: dict[str, Any] | bool = False) -> dict[str, Any]:
        """As :class:`provenance.manifest.Statement` says."""
        source = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
        action: dict[str, Any] = {"action": "c2pa.created", "digitalSourceType": source}
        if parent:
            action = {"action": "c2pa.opened", "parameters": {"ingredientIds": [PARENT_LABEL]}}
        return manifest_definition(self.title, mime, [(ACTIONS, {"actions": [action]})], parent)


def updates(studio: Studio) -> Iterator[Row]:
    """An update manifest by somebody else on top of ours: the picture is as it was."""
    item = "new updates"
    clip = Path(studio.clips[0].output_path)
    own = _updated(clip, studio.path(), studio.keyring.signer)
    due = Due((MATCH, CONFLICT, UNTRUSTED, Verdict.NOT_CHECKED, INVALID), silent=("Stamped by",))
    yield judged(item, "by our own key", studio.check(own), due)
    theirs = _updated(clip, studio.path(), studio.partner.signer)
    report = studio.check(theirs, trust=studio.with_partner)
    yield judged(item, "by a partner", report, due)
    report = studio.check(theirs, trust=studio.with_partner, registry=None)
    due = Due((*due.verdicts, Verdict.WATERMARK_UNKNOWN), silent=due.silent)
    yield judged(item, "by a partner, no registry", report, due)
    strange = _updated(clip, studio.path(), studio.stranger.signer)
    due = Due(due.verdicts, silent=("Stamped by", "Sly"))
    yield judged(item, "by a stranger", studio.check(strange), due)
    with studio.withdrawn("stamp", studio.clips[0].stamp_id.hex):
        report = studio.check(theirs, trust=studio.with_partner)
        yield judged(item, "by a partner, the stamp withdrawn", report, Due((REVOKED,)))


def ingredients(studio: Studio) -> Iterator[Row]:
    """Our clip is an ingredient of somebody else's file."""
    item = "new parents"
    clip = Path(studio.clips[0].output_path)
    parent = find_parent(clip, studio.trust)
    other = studio.sources[1]
    copy = edits.passed(clip, studio.path(), (Resize(lines=360),), other)
    strange = studio.signed(other, Foreign(), studio.stranger.signer, parent)
    due = Due((UNTRUSTED,), silent=("Sly", "Stamped by"))
    yield judged(item, "a stranger's, other picture", studio.check(strange), due)
    theirs = studio.signed(other, Foreign(), studio.partner.signer, parent)
    report = studio.check(theirs, trust=studio.with_partner)
    due = Due((ONLY,), ("Partner Org",), ("Stamped by",))
    yield judged(item, "a partner's, other picture", report, due)
    marked = studio.signed(copy, Foreign(), studio.partner.signer, parent)
    report = studio.check(marked, trust=studio.with_partner)
    due = Due((MATCH,), ("Partner Org", "names no watermark of ours"), ("Stamped by",))
    yield judged(item, "a partner's, a copy of ours", report, due)
    with studio.withdrawn("stamp", studio.clips[0].stamp_id.hex):
        report = studio.check(theirs, trust=studio.with_partner)
        yield judged(item, "a partner's, our clip withdrawn", report, Due((REVOKED,)))
        yield judged(
            item, "a stranger's, our clip withdrawn", studio.check(strange), Due((UNTRUSTED,))
        )


def moved(studio: Studio) -> Iterator[Row]:
    """A manifest moved to another file of the same length."""
    item = "new moved"
    first = studio.clips[0]
    second = studio.stamp(studio.sources[0], "clip9.mp4", consents=("consent-9",))
    swapped = _with_box(Path(second.output_path), _box(Path(first.output_path)), studio.path())
    yield judged(item, "to another stamp of one clip", studio.check(swapped), Due((CONFLICT,)))
    report = studio.check(swapped, registry=None)
    yield judged(item, "the same, no registry", report, Due((CONFLICT,)))
    plain = studio.path()
    plain.write_bytes(Path(first.output_path).read_bytes())
    data = bytearray(plain.read_bytes())
    data[data.find(b"mdat") + 600] ^= 1
    plain.write_bytes(data)
    due = Due((INVALID,), ("changed after signing",))
    yield judged(item, "under a byte that was changed", studio.check(plain), due)


def sidecars(studio: Studio) -> Iterator[Row]:
    """Foreign, double and stale sidecars, beside embedded manifests and beside none."""
    item = "new sidecars"
    clip = studio.path()
    clip.write_bytes(Path(studio.clips[0].output_path).read_bytes())
    foreign = studio.signed(_mkv(studio, studio.sources[1]), Foreign(), studio.stranger.signer)
    beside = sidecar_path(foreign).read_bytes()
    sidecar_path(clip).write_bytes(beside)
    due = Due((CONFIRMED,), ("these very bytes",))
    yield judged(item, "a stranger's beside an embedded one", studio.check(clip), due)
    report = studio.check(clip, sidecar=sidecar_path(foreign))
    due = Due((MATCH, INVALID, CONFLICT), silent=("Stamped by",))
    yield judged(item, "a stranger's, named on purpose", report, due)

    made = studio.stamp(studio.sources[0], "beside.mkv")
    own = Path(made.output_path)
    short = own.with_suffix(".c2pa")
    short.write_bytes(beside)
    yield judged(item, "ours and a foreign short name", studio.check(own), Due((CONFIRMED,)))
    short.unlink()
    other = studio.stamp(studio.sources[0], "other.mkv")
    whole = sidecar_path(own).read_bytes()
    sidecar_path(own).write_bytes(sidecar_path(Path(other.output_path)).read_bytes())
    yield judged(item, "another stamp's beside ours", studio.check(own), Due((CONFLICT,)))
    sidecar_path(own).write_bytes(whole)
    data = bytearray(own.read_bytes())
    data[len(data) // 2] ^= 1
    own.write_bytes(data)
    due = Due((INVALID,))
    yield judged(item, "a stale one, the file changed since", studio.check(own), due)


def texts(studio: Studio) -> Iterator[Row]:
    """Control characters and markup in what a trusted manifest says."""
    evil = "[bold]Evil[/bold] <b>x</b> \u202egnp.exe"
    bare = studio.bare(studio.clips[0].output_path)
    claims = _Loose(studio.claims(provider="Partner Org"), evil + "\x1b[31m\r\n")
    marked = studio.signed(bare, claims, studio.partner.signer)
    report = studio.check(marked, trust=studio.with_partner)
    due = Due((CONFLICT,), silent=("\x1b", "\u202e", "\n", "\r"))
    yield judged("new texts", "escapes in a model's name", report, due)


@dataclass(frozen=True, slots=True)
class _Loose:
    """A statement whose model is called what this program would not let it be called."""

    plain: Any
    name: str

    def definition(self, *, mime: str, parent: dict[str, Any] | bool = False) -> dict[str, Any]:
        """As :class:`provenance.manifest.Statement` says."""
        made: dict[str, Any] = self.plain.definition(mime=mime, parent=parent)
        for assertion in made["assertions"]:
            model = assertion["data"].get("model")
            if isinstance(model, dict) and "name" in model:
                model["name"] = self.name
        return made


def unknown_authority(studio: Studio) -> Iterator[Row]:
    """A time-stamp by an authority that nobody trusts proves no time."""
    item = "new time"
    bare = studio.bare(studio.clips[0].output_path)
    past = now() - AFTER_SIGNING
    with serve(Authority(clock=past)) as authority:
        forged = studio.signed(bare, studio.claims(), tsa_url=authority.url)
    report = studio.check(forged, registry=None)
    yield held(
        item,
        "a month back, by an authority on no list",
        f"proven at {report.manifest.proven_at}",
        holds=report.manifest.proven_at is None,
        due="no time is proven",
    )
    signer_id = report.manifest.signer_id or ""
    with studio.withdrawn("key", signer_id, good_before=now() - timedelta(days=1)):
        report = studio.check(forged)
        yield judged(item, "the same, its key good until yesterday", report, Due((REVOKED,)))


# --- by hand ---------------------------------------------------------------------------------


def _updated(clip: Path, target: Path, signer: Signer) -> Path:
    """A copy under an update manifest, as the library writes one."""
    chain = signer.chain_pem.decode("ascii")
    definition = {"claim_generator_info": [{"name": "another tool"}], "title": clip.name}
    with (
        Context.from_dict({"verify": {"verify_after_sign": False}}) as context,
        LibrarySigner.from_callback(signer.sign, C2paSigningAlg.ES256, chain, None) as library,
        Builder(definition, context=context) as builder,
        clip.open("rb") as source,
        target.open("w+b") as out,
    ):
        builder.set_intent(C2paBuilderIntent.UPDATE)
        parent = {"title": "source", "relationship": "parentOf"}
        builder.add_ingredient(parent, "video/mp4", io.BytesIO(clip.read_bytes()))
        builder.sign(library, "video/mp4", source, out)
    return target


def _box(path: Path) -> bytes:
    """The C2PA box of an MP4 file."""
    data = path.read_bytes()
    start = data.index(b"uuid" + C2PA_BOX) - 4
    return data[start : start + int.from_bytes(data[start : start + 4], "big")]


def _with_box(path: Path, box: bytes, target: Path) -> Path:
    """A file whose C2PA box is another's, of the same length."""
    data, own = path.read_bytes(), _box(path)
    if len(own) != len(box):
        raise ValueError(f"boxes of {len(own)} and {len(box)} bytes")
    target.write_bytes(data.replace(own, box))
    return target


def _mkv(studio: Studio, source: Path) -> Path:
    return edits.remuxed(source, studio.path(".mkv"))


GROUPS = (updates, ingredients, moved, sidecars, texts, unknown_authority)
