"""The making of one stamped file: what is checked, how it is marked, how it is signed.

The steps are those of :mod:`provenance.stamping.stamp`, which puts them in order and publishes.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from provenance.errors import (
    Checks,
    KeyringError,
    PromptExposedError,
    UnmarkableError,
    UnreadableFileError,
    UnsupportedMediaError,
    UsageError,
)
from provenance.keyring import Keyring
from provenance.manifest import (
    Generation,
    Parent,
    PromptTrace,
    Signed,
    Trust,
    attach,
    find_parent,
    holds_prompt,
    prompt_in_tags,
    sidecar_path,
)
from provenance.manifest.certificates import check_validity
from provenance.results import Tag
from provenance.results.payload import StampId
from provenance.signers import check_ready
from provenance.stamping.claims import How
from provenance.stamping.firstlook import FirstLook
from provenance.stamping.progress import Progress
from provenance.stamping.rehearsal import THIN_DB, Rehearsal, rehearse
from provenance.system.given import path_of
from provenance.system.memory import trim
from provenance.system.workspace import check_distinct, check_target
from provenance.verifying.sampling import MAX_ELONGATION, MIN_LINES, grid_of
from provenance.video import (
    Foresight,
    LumaFrame,
    LumaPlane,
    MediaInfo,
    TagPlan,
    at_depth,
    container_for,
    foresee,
    probe,
    read_tags,
    transcode,
)
from provenance.video.encoders import plan_encoder
from provenance.video.luma import luma_depth
from provenance.watermark.code.keys import WatermarkKey
from provenance.watermark.embed.embedder import Embedder
from provenance.watermark.embed.profiles import PROFILES, Profile

_WITH_SIDECAR = ("matroska", "webm")
"""Containers that C2PA cannot embed a manifest in."""

MIN_TEXTURE = 0.5
"""Grey levels by which the liveliest 1 % of the clip must stand out: less is a test card, not a
picture, and shows every mark."""
TRIMMED_EVERY = 50
"""Frames after which the memory of those that are done goes back: else it grows over the first few
hundred."""


@dataclass(frozen=True, slots=True)
class Making:
    """One stamping, all its inputs checked; every method is a step of :func:`provenance.stamp`."""

    source: Path
    target: Path
    info: MediaInfo
    keyring: Keyring
    key: WatermarkKey
    trust: Trust
    profile: Profile
    how: How
    depth: int
    progress: Progress
    foresight: Foresight
    tags: TagPlan
    parent: Parent | None

    @classmethod
    def checked(
        cls,
        source: Path,
        target: Path,
        *,
        keyring: Keyring,
        how: How,
        overwrite: bool,
        progress: Progress,
        prompt: PromptTrace | None = None,
    ) -> Making:
        """Steps 1 and 2: refuse whatever can be refused before any work.

        Every check is made, and the error names all that is wrong.
        """
        checks = Checks()
        checks.run(lambda: _check_how(how))
        container = checks.run(lambda: container_for(target))
        info = checks.run(lambda: _video(source))
        checks.run(lambda: _check_outputs(source, target, container, overwrite=overwrite))
        checks.run(lambda: _check_keyring(keyring))
        if info is None or container is None:
            raise checks.error
        checks.run(lambda: _check_room(info))
        plan = checks.run(
            lambda: plan_encoder(
                how.encoder,
                source_codec=info.video.codec,
                source_pix_fmt=info.video.pix_fmt,
                container=container,
            )
        )
        foresight = checks.run(lambda: foresee(source, container, how.keep_tags))
        parent = checks.run(lambda: find_parent(source, keyring.trust))
        tags = None
        if foresight is not None:
            tags = checks.run(lambda: _checked_tags(foresight.tags, parent, prompt, keyring))
        if checks.found or plan is None or foresight is None or tags is None:
            raise checks.error
        return cls(
            source,
            target,
            info,
            keyring,
            keyring.watermark_key,
            keyring.trust,
            PROFILES[how.profile],
            how,
            luma_depth(plan.pix_fmt) or info.video.bit_depth,
            progress,
            foresight,
            tags,
            parent,
        )

    def look(self, stamp_id: StampId) -> tuple[FirstLook, Embedder]:
        """Beginning of step 3: a look at the clip, and an embedder that will observe it with."""
        embedder = Embedder(self.key, stamp_id, self.profile, grid_of(self.info), self.depth)
        heard = itertools.count(1)

        def hear(frame: LumaFrame) -> None:
            embedder.observe(at_depth(frame.luma, frame.depth, self.depth))
            self.progress("observe", next(heard), None)

        return FirstLook(self.source, self.info, hear), embedder

    def mark(
        self, stamp_id: StampId, marked: Path, look: FirstLook, embedder: Embedder
    ) -> tuple[int, float, float, Rehearsal]:
        """Steps 3 and 4: frames, PSNR of luma in dB and seconds that came out; the rehearsal."""
        look.hear_all()
        if embedder.texture < MIN_TEXTURE:
            raise UnmarkableError(
                f"{self.source.name} is black or flat throughout and cannot hide a mark: its "
                f"texture is {embedder.texture:.1f} grey levels where {MIN_TEXTURE} is needed."
            )
        rehearsal = self._rehearsed(look, embedder, stamp_id)

        def mark(before: LumaPlane, after: LumaPlane, _frame: object) -> None:
            embedder.mark(before, after)

        def told(done: int, total: int | None) -> None:
            if done % TRIMMED_EVERY == 1:
                trim()
            self.progress("mark", done, total)

        result = transcode(
            self.source,
            marked,
            mark,
            self.how.encoder,
            container=container_for(self.target),
            foresight=self.foresight,
            progress=told,
        )
        trim()
        return result.frames, embedder.psnr_y(), result.duration, rehearsal

    def _rehearsed(self, look: FirstLook, embedder: Embedder, stamp_id: StampId) -> Rehearsal:
        """End of step 3; leaves the embedder prepared."""
        least = self.how.min_margin_db
        self.progress("rehearse", 0, None)
        small = look.runs()
        if not small:
            raise UnreadableFileError(
                f"No picture could be decoded from {self.source.name}",
                advice="get a complete copy of the file",
            )
        rehearsal = rehearse(
            small,
            self.info,
            embedder,
            self.key,
            stamp_id,
            self.profile,
            wanted_db=THIN_DB if least is None else max(THIN_DB, least),
            check=lambda: self.progress("rehearse", 0, None),
        )
        if least is not None and rehearsal.margin_db < least:
            raise UnmarkableError(
                f"{self.source.name} would keep a margin of {rehearsal.margin_db:.1f} dB in a "
                f"360p CRF 30 copy where {least:.1f} dB is asked for",
                advice="use the profile strong, or ask for a smaller margin",
                settings=("profile", "min_margin"),
            )
        return rehearsal

    def sign(self, generation: Generation, marked: Path, signed: Path) -> Signed:
        """Step 5: sign; a sidecar is written beside ``signed`` where one is needed."""
        self.progress("sign", 0, 1)

        def work() -> Signed:
            return attach(
                marked,
                signed,
                generation,
                self.keyring.signer,
                trust=self.trust,
                parent=self.parent,
                tsa_url=self.how.tsa_url,
            )

        # In a thread of its own: the library calls back into Python, where Ctrl-C would end in
        # the library's hands instead of ours.
        with ThreadPoolExecutor(1, thread_name_prefix="sign") as aside:
            result = aside.submit(work).result()
        self.progress("sign", 1, 1)
        if not result.embedded:
            sidecar_path(signed).write_bytes(result.store)
        return result


def prompt_from_tags(source: str | os.PathLike[str]) -> str:
    """The prompt that a generator wrote into the tags of a clip.

    Which text of which tag it is, :mod:`provenance.manifest.prompt_tags` says.

    Raises:
        PromptTagsError: there is none, or more than one text could be it.
        UnreadableFileError: the clip can't be opened.
    """
    path = path_of(source)
    return prompt_in_tags(read_tags(path), path.name)


def check_names(names: Mapping[str, str], prompt: PromptTrace | None, keyring: Keyring) -> None:
    """Refuse a title or a file name that gives the prompt away.

    Args:
        names: texts that are published, by what they are called.
        prompt: what the prompt is found by; None when it is not known.
        keyring: whose prompt key made it.

    Raises:
        UsageError: a text holds the prompt.
        KeyringError: the keyring has another prompt key.
    """
    place = _exposed(names.items(), prompt, keyring)
    if place is not None:
        raise UsageError(
            f"The prompt, or the beginning of it, stands in {place}, where everybody reads it; "
            "choose another."
        )


def _checked_tags(
    tags: TagPlan, parent: Parent | None, prompt: PromptTrace | None, keyring: Keyring
) -> TagPlan:
    """The same tags, none of which is called by the prompt, once nothing published holds it."""

    def shown(tag: Tag) -> Tag:
        return tag if _exposed([("", tag.name)], prompt, keyring) is None else tag.hidden()

    place = _exposed(((str(shown(tag)), text) for tag, text in tags.texts), prompt, keyring)
    if place is not None:
        raise PromptExposedError(
            f"The prompt, or a part of it, can be read in what would be kept of the clip: {place}",
            advice="remove that from it first",
        )
    carried = () if parent is None else parent.texts
    if _exposed((("", text) for text in carried), prompt, keyring) is not None:
        raise PromptExposedError(
            "The prompt, or a part of it, can be read in the manifest that the clip carries, and "
            "that goes along as its history",
            advice="give the clip without it",
        )
    return replace(tags, left_out=tuple(dict.fromkeys(map(shown, tags.left_out))))


def _exposed(
    texts: Iterable[tuple[str, str]], prompt: PromptTrace | None, keyring: Keyring
) -> str | None:
    """Where the prompt stands first."""
    if prompt is None:
        return None
    key = next((one for one in keyring.prompt_keys if one.key_id == prompt.key_id), None)
    if key is None:
        raise KeyringError(
            f"The prompt can't be looked for: {keyring.folder} does not hold the prompt key "
            f"{prompt.key_id}",
            advice="use the keys folder that the prompt was hashed with",
        )
    return next((place for place, text in texts if holds_prompt(text, prompt, key)), None)


def _check_how(how: How) -> None:
    if how.profile not in PROFILES:
        raise UsageError(f"{how.profile!r} is no profile; choose one of {', '.join(PROFILES)}.")
    if how.min_margin_db is not None and not math.isfinite(how.min_margin_db):
        raise UsageError("The least margin must be a number of dB, like 3.")
    _check_authority(how.tsa_url)


def _check_outputs(source: Path, target: Path, container: str | None, *, overwrite: bool) -> None:
    check_distinct(source, target)
    check_target(target, overwrite=overwrite)
    if container in _WITH_SIDECAR:
        check_target(sidecar_path(target), overwrite=overwrite)


def _check_keyring(keyring: Keyring) -> None:
    check_validity(keyring.signer.chain_pem)
    check_ready(keyring.signer)
    if not keyring.trust_anchors_pem.strip():
        raise KeyringError(
            f"{keyring.folder} holds no root certificate, so the output could not be checked",
            advice="put its `trust` folder back",
        )


def _video(source: Path) -> MediaInfo:
    info = probe(source)
    if info.kind != "video":
        raise UnsupportedMediaError(f"{source.name} is a still image; stamp marks videos.")
    return info


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
