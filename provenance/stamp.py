"""Stamp one clip: mark every frame, sign what it says about itself, prove both, publish.

1. What was asked is checked: keys, profile, texts, encoder, output; then the input is probed.
   Nothing has been written so far.
2. The input's own manifest, if it has one, is kept to become the parent ingredient.
3. Frames spread over the clip are observed, and the pattern is made for them; a small, coarse copy
   of a few frames is rehearsed, and the strength raised if its margin is thin
   (:mod:`provenance.rehearsal`).
4. The clip is transcoded with every frame marked, into a hidden folder beside the target.
5. The result is signed into a second file there.
6. The finished file is read back as a verifier would: the watermark must decode with the profile's
   margin, the manifest must be trusted under the keyring's own root, and both must name this stamp.
7. Only then does it get its name (:mod:`provenance.workspace`).

Whatever goes wrong before step 7, the target does not exist and nothing stays behind.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from provenance.errors import (
    KeyringError,
    ProvenanceError,
    UnmarkableError,
    UnreadableFileError,
    UnsupportedMediaError,
    UsageError,
)
from provenance.examine import MAX_ELONGATION, MIN_LINES, grid_of, survey
from provenance.keyring import Keyring
from provenance.manifest import (
    DEFAULT_DIGITAL_SOURCE_TYPE,
    Generation,
    Trust,
    attach,
    find_parent,
    sidecar_path,
)
from provenance.manifest.certificates import check_validity
from provenance.payload import StampId
from provenance.readback import read_back
from provenance.rehearsal import THIN_DB, Rehearsal, rehearse
from provenance.results import PromptHash, StampResult
from provenance.text import printable
from provenance.verify import sha256_of
from provenance.video import (
    EncoderOptions,
    LumaPlane,
    MediaInfo,
    at_depth,
    container_for,
    probe,
    transcode,
)
from provenance.video.encoders import plan_encoder
from provenance.video.luma import luma_depth
from provenance.watermark.embedder import Embedder
from provenance.watermark.keys import WatermarkKey
from provenance.watermark.profiles import DEFAULT_PROFILE, PROFILES, Profile
from provenance.workspace import Workspace, check_distinct, check_target, explained

_WITH_SIDECAR = ("matroska", "webm")
"""Containers that C2PA cannot embed a manifest in."""

MIN_TEXTURE = 0.5
"""Grey levels by which the liveliest 1 % of the clip must stand out: less is a test card, not a
picture, and shows every mark."""
Stage = Literal["observe", "rehearse", "mark", "sign", "read back"]
Progress = Callable[[Stage, int, int | None], object]
"""Called with the stage, the steps done in it, and how many there will be (None: not known)."""


def stamp(
    source: Path,
    target: Path,
    *,
    keyring: Keyring,
    model_name: str,
    model_version: str,
    prompt_hash: PromptHash,
    provider: str | None = None,
    title: str | None = None,
    digital_source_type: str = DEFAULT_DIGITAL_SOURCE_TYPE,
    profile: str = DEFAULT_PROFILE,
    encoder: EncoderOptions | None = None,
    tsa_url: str | None = None,
    min_margin_db: float | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> StampResult:
    """Write ``source`` to ``target``, marked and signed; see the module's docstring for the steps.

    Args:
        source: the clip; it is only read.
        target: where the stamped clip goes; its suffix chooses the container.
        keyring: signs, marks, and is who the read-back trusts.
        model_name: the generating model.
        model_version: its version.
        prompt_hash: from :func:`provenance.hash_prompt`.
        provider: who made the clip; default: the keyring's organisation.
        title: shown by C2PA readers; default: the target's file name.
        digital_source_type: a name of :data:`provenance.manifest.DIGITAL_SOURCE_TYPES`.
        profile: "faint", "standard" or "strong".
        encoder: how to encode; default: H.264, CRF 18.
        tsa_url: an RFC 3161 timestamp authority.
        min_margin_db: least margin, dB, after a simulated copy at 360 lines and H.264 CRF 30; a
            clip that stays below it at any strength of the profile is refused.
        overwrite: replace an existing target.
        progress: told how far it is; what it raises stops the stamping.

    Raises:
        UsageError: arguments that cannot work, or a target that exists.
        InputError: a file that cannot be read or cannot hold the mark.
        ServiceError: keys, clock, signer, timestamp authority, disk, or the read-back.
    """
    started = time.monotonic()
    job = _Job.checked(  # 1
        source,
        target,
        keyring=keyring,
        profile=profile,
        encoder=encoder or EncoderOptions(),
        overwrite=overwrite,
        tsa_url=tsa_url,
        min_margin_db=min_margin_db,
        progress=progress or _silent,
    )
    generation = Generation(
        stamp_id=StampId.new(),
        watermark_key_id=job.key.key_id,
        provider=keyring.organisation if provider is None else provider,
        model_name=model_name,
        model_version=model_version,
        prompt_hash=prompt_hash,
        duration_ms=0,
        title=printable(target.name) if title is None else title,
        created_at=datetime.now(UTC),
        digital_source_type=digital_source_type,
    )
    before = _state(source)
    digest = sha256_of(source)
    with Workspace(target, overwrite=overwrite) as workspace:
        marked = workspace.path(f"marked{target.suffix}")
        signed = workspace.path(f"signed{target.suffix}")
        with explained(target), _under_its_name(target, (marked, signed)):
            frames, psnr, seconds, rehearsal = job.mark(generation.stamp_id, marked)  # 3 and 4
            if _state(source) != before:
                raise UnreadableFileError(
                    f"{source.name} changed while it was being stamped; stamp it again once "
                    "nothing writes to it any more."
                )
            sidecar = job.sign(  # 2 and 5
                replace(generation, duration_ms=round(seconds * 1000)), marked, signed
            )
            marked.unlink()
            job.progress("read back", 0, 1)
            proof = read_back(  # 6
                signed,
                source,
                generation.stamp_id,
                key=job.key,
                trust=job.trust,
                profile=job.profile,
            )
            job.progress("read back", 1, 1)
        final = sidecar_path(target)
        workspace.publish(signed, None if sidecar is None else (sidecar, final))  # 7
    margin = proof.watermark.margin_db
    return StampResult(
        input_path=str(source),
        input_sha256=digest,
        output_path=str(target),
        output_sha256=proof.file.sha256 or "",
        stamp_id=generation.stamp_id,
        key_id=job.key.key_id,
        profile=job.profile.name,
        psnr_y_db=psnr,
        margin_db=0.0 if margin is None else margin,
        copy_margin_db=rehearsal.margin_db,
        strength=rehearsal.strength,
        frames=frames,
        manifest_status=proof.manifest.status,
        sidecar=None if sidecar is None else str(final),
        signed_at=proof.manifest.signed_at,
        seconds=time.monotonic() - started,
    )


@dataclass(frozen=True, slots=True)
class _Job:
    """One stamping, all its inputs checked."""

    source: Path
    target: Path
    info: MediaInfo
    keyring: Keyring
    key: WatermarkKey
    trust: Trust
    profile: Profile
    encoder: EncoderOptions
    depth: int
    tsa_url: str | None
    min_margin_db: float | None
    progress: Progress

    @classmethod
    def checked(
        cls,
        source: Path,
        target: Path,
        *,
        keyring: Keyring,
        profile: str,
        encoder: EncoderOptions,
        overwrite: bool,
        tsa_url: str | None,
        min_margin_db: float | None,
        progress: Progress,
    ) -> _Job:
        """Step 1: refuse whatever can be refused before any work."""
        if profile not in PROFILES:
            raise UsageError(f"{profile!r} is no profile; choose one of {', '.join(PROFILES)}.")
        if min_margin_db is not None and not math.isfinite(min_margin_db):
            raise UsageError("The least margin must be a number of dB, like 3.")
        container = container_for(target)
        info = probe(source)
        if info.kind != "video":
            raise UnsupportedMediaError(f"{source.name} is a still image; stamp marks videos.")
        _check_authority(tsa_url)
        check_distinct(source, target)
        check_target(target, overwrite=overwrite)
        if container in _WITH_SIDECAR:
            check_target(sidecar_path(target), overwrite=overwrite)
        check_validity(keyring.signer.chain_pem)
        trust = Trust(keyring.trust_anchors_pem, keyring.tsa_anchors_pem)
        if not keyring.trust_anchors_pem.strip():
            raise KeyringError(
                f"{keyring.folder} holds no root certificate, so the output could not be checked; "
                "put its `trust` folder back."
            )
        _check_room(info)
        plan = plan_encoder(
            encoder,
            source_codec=info.video.codec,
            source_pix_fmt=info.video.pix_fmt,
            container=container,
        )
        return cls(
            source,
            target,
            info,
            keyring,
            keyring.watermark_key,
            trust,
            PROFILES[profile],
            encoder,
            luma_depth(plan.pix_fmt) or info.video.bit_depth,
            tsa_url,
            min_margin_db,
            progress,
        )

    def mark(self, stamp_id: StampId, marked: Path) -> tuple[int, float, float, Rehearsal]:
        """Steps 3 and 4: frames, PSNR of luma in dB and seconds that came out; the rehearsal."""
        embedder = Embedder(self.key, stamp_id, self.profile, grid_of(self.info), self.depth)
        size = (self.info.video.height, self.info.video.width)
        for number, frame in enumerate(survey(self.source, self.info), start=1):
            if frame.luma.shape == size:
                embedder.observe(at_depth(frame.luma, frame.depth, self.depth))
            self.progress("observe", number, None)
        if embedder.texture < MIN_TEXTURE:
            raise UnmarkableError(
                f"{self.source.name} is black or flat throughout and cannot hide a mark: its "
                f"texture is {embedder.texture:.1f} grey levels where {MIN_TEXTURE} is needed."
            )
        rehearsal = self._rehearsed(embedder, stamp_id)

        def mark(before: LumaPlane, after: LumaPlane, _frame: object) -> None:
            embedder.mark(before, after)

        result = transcode(
            self.source,
            marked,
            mark,
            self.encoder,
            container=container_for(self.target),
            progress=lambda done, total: self.progress("mark", done, total),
        )
        rate = self.info.video.fps
        seconds = result.duration + (float(1 / rate) if rate else 0.0)
        return result.frames, embedder.psnr_y(), seconds, rehearsal

    def _rehearsed(self, embedder: Embedder, stamp_id: StampId) -> Rehearsal:
        """End of step 3; leaves the embedder prepared."""
        least = self.min_margin_db
        rehearsal = rehearse(
            self.source,
            self.info,
            embedder,
            self.key,
            stamp_id,
            self.profile,
            depth=self.depth,
            wanted_db=THIN_DB if least is None else max(THIN_DB, least),
            check=lambda: self.progress("rehearse", 0, None),
        )
        if least is not None and rehearsal.margin_db < least:
            raise UnmarkableError(
                f"{self.source.name} would keep a margin of {rehearsal.margin_db:.1f} dB in a 360p "
                f"CRF 30 copy where {least:.1f} dB is asked for; use --profile strong, or a lower "
                "--min-margin."
            )
        return rehearsal

    def sign(self, generation: Generation, marked: Path, signed: Path) -> Path | None:
        """Steps 2 and 5: sign; the sidecar's path when the container cannot hold a manifest."""
        self.progress("sign", 0, 1)

        def work() -> bytes | None:
            return attach(
                marked,
                signed,
                generation,
                self.keyring.signer,
                trust=self.trust,
                parent=find_parent(self.source, self.trust),
                tsa_url=self.tsa_url,
            )

        # In a thread of its own: the library calls back into Python, where Ctrl-C would end in
        # the library's hands instead of ours.
        with ThreadPoolExecutor(1, thread_name_prefix="sign") as aside:
            store = aside.submit(work).result()
        self.progress("sign", 1, 1)
        if store is None:
            return None
        sidecar = sidecar_path(signed)
        sidecar.write_bytes(store)
        return sidecar


def _check_authority(url: str | None) -> None:
    parts = None if url is None else url.partition("://")
    if parts is not None and (parts[0] not in ("http", "https") or not parts[2]):
        raise UsageError(
            "The timestamp authority's address must start with http:// or https:// and name a host."
        )


def _check_room(info: MediaInfo) -> None:
    width, height = info.video.display_size
    if min(width, height) < MIN_LINES:
        raise UnmarkableError(
            f"{Path(info.path).name} is {width} x {height}, too small to hold the mark: its short "
            f"side needs {MIN_LINES} lines."
        )
    if max(width, height) > MAX_ELONGATION * min(width, height):
        raise UnmarkableError(
            f"{Path(info.path).name} is {width} x {height}, too narrow to hold the mark: its long "
            f"side may be {MAX_ELONGATION:g} times its short side."
        )


@contextmanager
def _under_its_name(target: Path, drafts: tuple[Path, ...]) -> Iterator[None]:
    """Have every error speak of the target, not of a file in a hidden folder."""
    try:
        yield
    except ProvenanceError as error:
        text = str(error)
        for draft in drafts:
            text = text.replace(str(draft), str(target)).replace(draft.name, target.name)
        if text == str(error):
            raise
        raise type(error)(text) from error


def _state(path: Path) -> tuple[int, int, int]:
    try:
        status = os.stat(path)
    except OSError as error:
        raise UnreadableFileError(f"{path} is gone or can no longer be read.") from error
    return status.st_ino, status.st_size, status.st_mtime_ns


def _silent(_stage: Stage, _done: int, _total: int | None) -> None:
    """Report to nobody."""
