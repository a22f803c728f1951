"""Stamp one clip: mark every frame, sign what it says about itself, prove both, publish.

1. What was asked is checked: keys, profile, texts, encoder, output, withdrawals, also of what the
   input was made from (:mod:`provenance.verifying.lineage`); the input is probed and looked
   through, its tags are sorted into those that go along and those that do not, its tracks are
   tried, and the prompt is looked for in all that would be published.  All that is wrong is told;
   nothing has been written so far.  Then the target's name is claimed, and a stamp id reserved in
   the registry, which refuses what was stamped before (:mod:`provenance.registry.once`).  An input
   that carries a stamp of ours is refused too (:mod:`provenance.stamping.marked`).
2. The input's own manifest, if it has one, is kept to become the parent ingredient.
3. Frames spread over the clip are observed, and the pattern is made for them; a small, coarse copy
   of a few frames is rehearsed, and the strength raised if its margin is thin
   (:mod:`provenance.stamping.rehearsal`).
4. The clip is transcoded with every frame marked, into a hidden folder beside the target.
5. The result is signed into a second file there.
6. The finished file is read back as a verifier would: the watermark must decode with the profile's
   margin, the manifest must be trusted under the keyring's own root, and both must name this stamp.
7. The record is committed to the registry: ids, hashes, the manifest, the fingerprint; and the same
   transaction looks again for withdrawals.
8. Withdrawals are looked for a last time.  Only then does the file get its name
   (:mod:`provenance.system.workspace`), and the reservation goes.

Whatever goes wrong before step 8, the target does not exist, nothing stays behind, and the registry
has no such stamp.  A kill leaves at most a reservation, which ``registry sweep`` settles.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, TypedDict, Unpack

from provenance.errors import Checks, ProvenanceError, UnreadableFileError
from provenance.keyring import Keyring
from provenance.manifest import Generation, PromptTrace, sidecar_path
from provenance.registry import Registry, check_reference
from provenance.results import PromptHash, StampResult
from provenance.results.payload import StampId
from provenance.stamping.claims import Allowed, Claims, How
from provenance.stamping.entry import Entry
from provenance.stamping.frames import FrameStamping
from provenance.stamping.making import Making, check_names
from provenance.stamping.marked import refuse_marked, stamp_in_picture
from provenance.stamping.progress import Cancel, Progress, watched
from provenance.stamping.readback import read_back
from provenance.system.given import Source, on_disk, path_of
from provenance.system.text import printable
from provenance.system.workspace import Workspace, explained
from provenance.verifying.findings import sha256_of
from provenance.video import EncoderOptions

_SAID: Final = tuple(field.name for field in fields(Claims))[3:]
_SETTINGS: Final = ("registry", *(field.name for field in fields(How)))


class Settings(TypedDict, total=False):
    """The fields of :class:`How`, by name."""

    profile: str
    encoder: EncoderOptions
    tsa_url: str | None
    min_margin_db: float | None
    keep_tags: tuple[str, ...]


class Stamper:
    """Stamps clips; what they have in common is said once.

    It may be used from several threads at a time: nothing in it changes.

    Args:
        keyring: signs, marks, and is who the read-back trusts.
        registry: where stamps are recorded; without one, nobody can look them up.
        how: how clips are marked, encoded and signed; or its fields by name.
    """

    def __init__(
        self,
        keyring: Keyring,
        *,
        registry: Registry | None = None,
        how: How | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        self.keyring, self.registry = keyring, registry
        self.how = replace(how or How(), **settings)

    def stamp(
        self,
        source: Source,
        target: str | os.PathLike[str],
        claims: Claims,
        *,
        input_sha256: str | None = None,
        overwrite: bool = False,
        restamp: bool = False,
        again: str | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> StampResult:
        """Write ``source`` to ``target``, marked and signed; the module's docstring has the steps.

        Args:
            source: the clip: a path, its bytes, or an open binary file; it is only read.
            target: where the stamped clip goes; its suffix chooses the container.
            claims: what is said of it.
            input_sha256: of the bytes that were approved; any others are refused.
            overwrite: replace an existing target.
            restamp: mark it although it carries a stamp of ours.
            again: why it is stamped although the registry has it as the same already; the reason
                is recorded.
            progress: told how far it is; what it raises stops the stamping.
            cancel: stops it from another thread.

        Raises:
            UsageError: arguments that cannot work, or a target that exists.
            InputError: a file that cannot be read or cannot hold the mark, or one that may not be
                stamped, since its model, key or a consent was withdrawn, or its tags hold the
                prompt; :class:`MarkedInputError` and :class:`AlreadyStampedError` when it carries
                a stamp of ours, or was stamped before.
            ServiceError: keys, clock, signer, timestamp authority, registry, disk, or the
                read-back; :class:`CancelledError` when it was cancelled.
        """
        with on_disk(source) as clip:
            return self.stamp_spooled(
                clip,
                path_of(target),
                claims,
                digest=None,
                approved=input_sha256,
                allowed=Allowed(overwrite, restamp, again),
                watch=(progress, cancel),
            )

    def open(
        self,
        target: str | os.PathLike[str],
        *,
        width: int,
        height: int,
        fps: Fraction | float,
        claims: Claims,
        overwrite: bool = False,
        restamp: bool = False,
        again: str | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> FrameStamping:
        """Stamp frames as a generator makes them: see :class:`FrameStamping`.

        Args:
            target: where the stamped clip goes; its suffix chooses the container.
            width: of the frames, pixels.
            height: the same.
            fps: frames a second.
            claims: what is said of the clip.
            overwrite: replace an existing target.
            restamp: as for :meth:`stamp`, of frames that show a stamped clip.
            again: the same, of frames that were stamped before to the bit.
            progress: told how far the stamping is that follows the last frame.
            cancel: stops it from another thread.

        Raises:
            UsageError: arguments that cannot work, or a target that exists.
        """
        return FrameStamping(
            self,
            path_of(target),
            (width, height),
            fps,
            claims,
            allowed=Allowed(overwrite, restamp, again),
            watch=(progress, cancel),
        )

    def stamp_spooled(
        self,
        source: Path,
        target: Path,
        claims: Claims,
        *,
        digest: str | None,
        approved: str | None,
        allowed: Allowed,
        watch: tuple[Progress | None, Cancel | None],
        workspace: Workspace | None = None,
    ) -> StampResult:
        """For frames that were spooled: :meth:`stamp` with the SHA-256 of what they were.

        ``digest`` None takes the source's own; ``workspace`` is one of the target's that is open
        already.  The rest is as there.
        """
        started = time.monotonic()
        keyring, cancel = self.keyring, watch[1] or Cancel()
        title = printable(target.name) if claims.title is None else claims.title
        names = {"the title": title, "the output's file name": target.stem}
        checks = Checks()
        checks.run(lambda: check_names(names, claims.prompt_trace, keyring))
        making = checks.run(  # 1 and 2
            lambda: Making.checked(
                source,
                target,
                keyring=keyring,
                how=self.how,
                overwrite=allowed.overwrite,
                progress=watched(*watch),
                prompt=claims.prompt_trace,
            )
        )
        if checks.found or making is None:
            raise checks.error
        generation = Generation(
            stamp_id=StampId.new(),
            watermark_key_id=making.key.key_id,
            provider=keyring.organisation if claims.provider is None else claims.provider,
            model_name=claims.model_name,
            model_version=claims.model_version,
            prompt_hash=claims.prompt_hash,
            duration_ms=0,
            title=title,
            created_at=datetime.now(UTC),
            digital_source_type=claims.digital_source_type,
            approval=None if claims.approval is None else check_reference(claims.approval),
            consents=tuple(sorted({check_reference(one) for one in claims.consents})),
            model_card_sha256=claims.model_card_sha256,
        )
        before = _state(source)
        with ExitStack() as stack:
            if workspace is None:
                workspace = stack.enter_context(Workspace(target, overwrite=allowed.overwrite))
            digest = digest or sha256_of(source)
            if approved not in (None, digest):
                raise _changed(source)
            entry = stack.enter_context(
                Entry(self.registry, making, generation, digest, claims, again=allowed.again)
            )
            making.progress("observe", 0, None)
            look, embedder = making.look(entry.stamp_id)
            if not allowed.restamp:
                refuse_marked(making, digest, self.registry, look)
            elif (carried := stamp_in_picture(making, look)) is not None:
                entry.made_from(carried)
            generation = replace(generation, stamp_id=entry.stamp_id)
            # Names that no source has: in an error they are replaced by the target's.
            marked = workspace.path(f"marked-{secrets.token_hex(8)}{target.suffix}")
            signed = workspace.path(f"signed-{secrets.token_hex(8)}{target.suffix}")
            with explained(target), _under_its_name(target, (marked, signed)):
                frames, psnr, seconds, rehearsal = making.mark(  # 3, 4
                    generation.stamp_id, marked, look, embedder
                )
                if _state(source) != before:
                    raise _changed(source)
                manifest = making.sign(  # 5
                    replace(generation, duration_ms=round(seconds * 1000)), marked, signed
                )
                marked.unlink()
                making.progress("read back", 0, 1)
                proof = read_back(  # 6
                    signed,
                    source,
                    generation.stamp_id,
                    key=making.key,
                    trust=making.trust,
                    profile=making.profile,
                )
                cancel.check()
                entry.commit(proof, manifest.store, signed)  # 7
                making.progress("read back", 1, 1)
            final = None if manifest.embedded else sidecar_path(target)
            entry.check()  # 8
            workspace.publish(signed, None if final is None else (sidecar_path(signed), final))
        margin = proof.watermark.margin_db
        return StampResult(
            input_path=str(source),
            input_sha256=digest,
            output_path=str(target),
            output_sha256=proof.file.sha256 or "",
            stamp_id=generation.stamp_id,
            key_id=making.key.key_id,
            profile=making.profile.name,
            psnr_y_db=psnr,
            margin_db=0.0 if margin is None else margin,
            copy_margin_db=rehearsal.margin_db,
            strength=rehearsal.strength,
            frames=frames,
            manifest_status=proof.manifest.status,
            sidecar=None if final is None else str(final),
            signed_at=proof.manifest.signed_at,
            seconds=time.monotonic() - started,
            tags_kept=making.tags.kept,
            tags_left_out=making.tags.left_out,
            warnings=rehearsal.warnings,
        )


class More(Settings, total=False):
    """What :func:`stamp` takes besides: arguments of Stamper, of Claims and of Stamper.stamp."""

    registry: Registry | None
    provider: str | None
    title: str | None
    digital_source_type: str
    approval: str | None
    approvers: tuple[str, ...]
    consents: tuple[str, ...]
    prompt_trace: PromptTrace | None
    input_sha256: str | None
    prompt_hashes: tuple[PromptHash, ...]
    model_card_sha256: str | None
    overwrite: bool
    restamp: bool
    again: str | None
    progress: Progress | None
    cancel: Cancel | None


def stamp(
    source: Source,
    target: str | os.PathLike[str],
    *,
    keyring: Keyring,
    model_name: str,
    model_version: str,
    prompt_hash: PromptHash,
    **more: Unpack[More],
) -> StampResult:
    """Stamp one clip: a shortcut for a :class:`Stamper`, :class:`Claims` and :meth:`Stamper.stamp`.

    ``more`` are arguments of any of the three, by name; see :class:`More`.

    Raises:
        TypeError: an argument that none of them has.
        ProvenanceError: as :meth:`Stamper.stamp` does.
    """
    given: dict[str, Any] = dict(more)
    settings = {name: given.pop(name) for name in _SETTINGS if name in given}
    said = {name: given.pop(name) for name in _SAID if name in given}
    claims = Claims(model_name, model_version, prompt_hash, **said)
    return Stamper(keyring, **settings).stamp(source, target, claims, **given)


@contextmanager
def _under_its_name(target: Path, drafts: tuple[Path, ...]) -> Iterator[None]:
    """Have every error speak of the target, not of a file in a hidden folder.

    It stays the error it was, with its attributes and its cause: only its words change.
    """

    def renamed(said: object) -> object:
        if not isinstance(said, str):
            return said
        for draft in drafts:
            said = said.replace(str(draft), str(target)).replace(draft.name, target.name)
        return said

    try:
        yield
    except ProvenanceError as error:
        error.args = tuple(map(renamed, error.args))
        if error.path in [str(draft) for draft in drafts]:
            error.path = str(target)
        raise


def _changed(source: Path) -> UnreadableFileError:
    return UnreadableFileError(
        f"{source.name} changed while it was being stamped",
        advice="stamp it again once nothing writes to it any more",
    )


def _state(path: Path) -> tuple[int, int, int]:
    try:
        status = os.stat(path)
    except OSError as error:
        raise UnreadableFileError(f"{path} is gone or can no longer be read.") from error
    return status.st_ino, status.st_size, status.st_mtime_ns
