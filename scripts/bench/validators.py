"""Signed files of every kind, and what validators without common code make of them."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import c2pa
import numpy as np

from provenance.manifest import Trust, attach, find_parent, read_manifest, sidecar_path
from provenance.manifest.recovery import Recovery, recovered_parent
from provenance.manifest.trust import library_settings
from tests.authority import Authority, serve
from tests.signing import STAMP, Studio, sign

LARGE = 16
"""Frames of noise without loss that come to over 16 MiB, from where files are hashed in chunks."""
C2PA_TS = "0.9.4"
RUBRIC = "asset-rubric-conformance0.2-spec2.4.yml"
_SCRIPT = """
import * as fs from 'node:fs/promises';
import { BMFF } from '@trustnxt/c2pa-ts/asset';
import { SuperBox } from '@trustnxt/c2pa-ts/jumbf';
import { ManifestStore } from '@trustnxt/c2pa-ts/manifest';
// It reads HEIF alone by itself; its boxes are those of every ISO base-media file.
for (const brand of ['isom', 'iso2', 'qt  ', 'mp42']) BMFF.canReadBrands.add(brand);
const asset = new BMFF(await fs.readFile(process.argv[2]));
const store = ManifestStore.read(SuperBox.fromBuffer(asset.getManifestJUMBF()));
const found = await store.validate(asset);
console.log(JSON.stringify({
  valid: found.isValid,
  failures: found.statusEntries.filter((one) => !one.success).map((one) => one.code),
}));
"""


@dataclass(frozen=True, slots=True)
class Case:
    """One signed file, and whom its signer and its clock chain to."""

    name: str
    path: Path
    anchors: str
    tsa_anchors: str = ""


def cases(folder: Path) -> Iterator[Case]:
    """Small, large, stamped twice, with a time-stamp, in each container."""
    studio = Studio()
    root = studio.root.certificate_pem.decode()
    for suffix in ("mp4", "mov", "m4v"):
        for size, frames in (("small", 2), ("large", LARGE)):
            plain = noise(folder / f"{size}.{suffix}", frames)
            once = sign(studio, plain, folder / f"{size}-once.{suffix}")
            yield Case(f"{suffix}, {size}", once, root)
            twice = folder / f"{size}-twice.{suffix}"
            sign(studio, plain, twice, parent=find_parent(once, studio.trust))
            yield Case(f"{suffix}, {size}, stamped twice", twice, root)
    with serve(Authority()) as authority:
        timed = folder / "timed.mp4"
        sign(studio, folder / "small.mp4", timed, tsa_url=authority.url)
        yield Case("mp4, small, with a time-stamp", timed, root, authority.root_pem.decode())
    yield Case("mp4, restored", restored(studio, folder), root)
    yield Case("mkv, sidecar", sign(studio, noise(folder / "a.mkv", 2), folder / "clip.mkv"), root)


def restored(studio: Studio, folder: Path) -> Path:
    """A copy that was given its credential back."""
    once, copy, target = folder / "small-once.mp4", folder / "small.mp4", folder / "restored.mp4"
    said = read_manifest(once, studio.trust)
    store = store_of(once)
    statement = Recovery(STAMP, said, 1000, target.name, datetime.now(UTC), ("picture",))
    parent = recovered_parent(store, copy, studio.trust)
    attach(copy, target, statement, studio.signer, trust=studio.trust, parent=parent)
    return target


def store_of(path: Path) -> bytes:
    """The manifest store inside a file."""
    stream = io.BytesIO()
    with path.open("rb") as handle, c2pa.Reader(None, handle) as reader:
        label = json.loads(reader.json())["active_manifest"]
        reader.resource_to_stream(f"self#jumbf=/c2pa/{label}", stream)
    return stream.getvalue()


class Rubric:
    """The conformance programme's own rubric, by its own evaluator.

    Args:
        folder: a checkout of c2pa-org/conformance-public, where its evaluator can be run.
    """

    def __init__(self, folder: Path) -> None:
        self._evaluator = folder / "asset-rubrics" / "c2pa_conformance_rubric_evaluator.py"
        self._rubric = self._evaluator.with_name(RUBRIC)

    def __call__(self, case: Case) -> str:
        """How many rules hold, and the names of those that do not."""
        beside = sidecar_path(case.path)
        store = beside.read_bytes() if beside.exists() else None
        trust = Trust(case.anchors.encode(), case.tsa_anchors.encode())
        with (
            tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as written,
            c2pa.Context.from_dict(library_settings(trust)) as context,
            case.path.open("rb") as handle,
            c2pa.Reader(None, handle, store, context=context) as reader,
        ):
            written.write(reader.crjson())
            written.flush()
            done = subprocess.run(
                [sys.executable, str(self._evaluator), str(self._rubric), written.name],
                capture_output=True,
                text=True,
                timeout=120,
                check=True,
            )
        said = json.loads(done.stdout[done.stdout.index("{") :])
        broken = [
            f"{one['id']} ({kind})"
            for kind in ("false", "warning")
            for rules in said[kind].values()
            for one in rules
        ]
        held = sum(len(rules) for rules in said["true"].values())
        return f"{held} rules hold" + "".join(f", not {name}" for name in broken)


def noise(path: Path, frames: int) -> Path:
    """A clip that no encoder makes small."""
    source = np.random.default_rng(1)
    options = {"movflags": "+faststart"} if path.suffix != ".mkv" else {}
    with av.open(str(path), "w", format=None, options=options) as out:
        stream = out.add_stream("libx264", rate=24, options={"crf": "0", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for _ in range(frames):
            picture = source.integers(0, 255, (1080, 1280), dtype=np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="yuv420p")))
        out.mux(stream.encode(None))
    return path


def ours(case: Case) -> str:
    """The word of c2pa-python, by way of this program."""
    trust = Trust(case.anchors.encode(), case.tsa_anchors.encode())
    return read_manifest(case.path, trust).status


def encypher(case: Case) -> str:
    """The word of encypher-c2pa, without network and without telemetry."""
    import encypher_c2pa  # noqa: PLC0415 - only here

    beside = sidecar_path(case.path)
    # It knows no Matroska; a PDF is a file that is hashed from end to end as well.
    more: dict[str, Any] = (
        {"manifest_store": str(beside), "mime_type": "application/pdf"} if beside.exists() else {}
    )
    report = encypher_c2pa.verify(
        str(case.path),
        trust_pem=case.anchors,
        tsa_trust_pem=case.tsa_anchors or None,
        no_default_trust=True,
        telemetry=False,
        online=False,
        **more,
    )
    return str(report["validation_state"]).lower()


class C2paTs:
    """@trustnxt/c2pa-ts, installed by npm into a folder; Node.js has to be there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "package.json").write_text('{"type": "module"}', encoding="utf-8")
        (folder / "validate.mjs").write_text(_SCRIPT, encoding="utf-8")
        subprocess.run(
            ["npm", "install", "--silent", "--ignore-scripts", f"@trustnxt/c2pa-ts@{C2PA_TS}"],
            cwd=folder,
            check=True,
            timeout=300,
            stdout=sys.stderr,
        )

    def __call__(self, case: Case) -> str:
        """Its word; it has no sidecars."""
        if sidecar_path(case.path).exists():
            return "reads no sidecar"
        done = subprocess.run(
            ["node", "validate.mjs", str(case.path)],
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            told = [line for line in done.stderr.splitlines() if "Error" in line]
            return f"error: {told[0] if told else 'no reason given'}"
        said = json.loads(done.stdout)
        return "valid" if said["valid"] else f"invalid: {', '.join(said['failures'])}"
