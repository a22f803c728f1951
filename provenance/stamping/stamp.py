"""Stamp one clip: mark every frame, sign what it says about itself, prove both, publish.

1. What was asked is checked: keys, profile, texts, encoder, output, withdrawals, also of what the
   input was made from (:mod:`provenance.verifying.lineage`); the input is probed and looked
   through, its tags are sorted into those that go along and those that do not, its tracks are
   tried, and the prompt is looked for in all that would be published.  Nothing has been written so
   far.  Then a stamp id is reserved in the registry.
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

import contextlib
import os
import secrets
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from provenance.errors import (
    ProvenanceError,
    RegistryError,
    UnreadableFileError,
)
from provenance.keyring import Keyring
from provenance.keyring.files import certificate_id
from provenance.manifest import (
    DEFAULT_DIGITAL_SOURCE_TYPE,
    Generation,
    PromptTrace,
    sidecar_path,
)
from provenance.registry import Facts, Registry, StampRecord, check_reference, check_reviewer_id
from provenance.results import PromptHash, StampResult, VerificationReport
from provenance.results.payload import LAYOUT, StampId
from provenance.stamping.making import Making, Progress, Stage, check_names
from provenance.stamping.readback import read_back
from provenance.system.text import printable
from provenance.system.workspace import Workspace, explained
from provenance.verifying.imprint import fingerprint_of
from provenance.verifying.layers import sha256_of
from provenance.verifying.lineage import lineage_of_source, stamps_in
from provenance.video import EncoderOptions, probe
from provenance.watermark.profiles import DEFAULT_PROFILE


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
    registry: Registry | None = None,
    approval: str | None = None,
    approvers: tuple[str, ...] = (),
    consents: tuple[str, ...] = (),
    keep_tags: Collection[str] = (),
    prompt_trace: PromptTrace | None = None,
    input_sha256: str | None = None,
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
        registry: where the stamp is recorded; without one, nobody can look it up.
        approval: opaque reference to the approval that let the clip be stamped.
        approvers: ids of the keys with which reviewers approved it; they go into the registry
            only.  Withdrawing one later withdraws the stamp.
        consents: opaque references to the consents that the clip needed.
        keep_tags: names of tags to carry over besides those that :mod:`provenance.video.tags`
            lists; "cover", "data" and "attachment" stand for whole tracks.
        prompt_trace: from :func:`provenance.trace_prompt`; the prompt is then looked for in all
            that would be published, and none of it may hold it.
        input_sha256: of the bytes that were approved; any others are refused.
        overwrite: replace an existing target.
        progress: told how far it is; what it raises stops the stamping.

    Raises:
        UsageError: arguments that cannot work, or a target that exists.
        InputError: a file that cannot be read or cannot hold the mark, or one that may not be
            stamped, since its model, key or a consent was withdrawn, or its tags hold the prompt.
        ServiceError: keys, clock, signer, timestamp authority, registry, disk, or the read-back.
    """
    started = time.monotonic()
    title = printable(target.name) if title is None else title
    names = {"the title": title, "the output's file name": target.stem}
    check_names(names, prompt_trace, keyring)
    making = Making.checked(  # 1 and 2
        source,
        target,
        keyring=keyring,
        profile=profile,
        encoder=encoder or EncoderOptions(),
        overwrite=overwrite,
        tsa_url=tsa_url,
        min_margin_db=min_margin_db,
        progress=progress or _silent,
        keep_tags=keep_tags,
        prompt=prompt_trace,
    )
    generation = Generation(
        stamp_id=StampId.new(),
        watermark_key_id=making.key.key_id,
        provider=keyring.organisation if provider is None else provider,
        model_name=model_name,
        model_version=model_version,
        prompt_hash=prompt_hash,
        duration_ms=0,
        title=title,
        created_at=datetime.now(UTC),
        digital_source_type=digital_source_type,
        approval=None if approval is None else check_reference(approval),
        consents=tuple(sorted({check_reference(one) for one in consents})),
    )
    before = _state(source)
    digest = sha256_of(source)
    if input_sha256 not in (None, digest):
        raise _changed(source)
    with (
        _Entry(registry, making, generation, digest, approvers) as entry,
        Workspace(target, overwrite=overwrite) as workspace,
    ):
        generation = replace(generation, stamp_id=entry.stamp_id)
        # Names that no source has: in an error they are replaced by the target's.
        marked = workspace.path(f"marked-{secrets.token_hex(8)}{target.suffix}")
        signed = workspace.path(f"signed-{secrets.token_hex(8)}{target.suffix}")
        with explained(target), _under_its_name(target, (marked, signed)):
            frames, psnr, seconds, rehearsal = making.mark(generation.stamp_id, marked)  # 3 and 4
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
    )


class _Entry:
    """This stamping in the registry: reserved on entering; settled in the end, however it ended.

    Raises:
        WithdrawnError: model, key or a consent is withdrawn, or of what the input was made from.
        RegistryError: the registry can't be used.
    """

    def __init__(
        self,
        registry: Registry | None,
        making: Making,
        generation: Generation,
        input_sha256: str,
        approvers: tuple[str, ...],
    ) -> None:
        self._registry = registry
        self._making = making
        self._generation = generation
        self._input_sha256 = input_sha256
        self._approvers = tuple(sorted({check_reviewer_id(one) for one in approvers}))
        self._lineage: tuple[Facts, ...] = ()
        self._signer_id = certificate_id(making.keyring.signer.chain_pem)
        self.stamp_id = generation.stamp_id

    def __enter__(self) -> _Entry:
        if self._registry is not None:
            self._lineage = lineage_of_source(
                self._making.source, self._input_sha256, self._making.trust, self._registry
            )
            self.check()
            self.stamp_id = self._registry.reservations.reserve(
                self._making.key.key_id, self._making.target
            )
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._registry is None:
            return
        # Without an error the file is published, though whoever waits for it may have taken it
        # away already.  Else it is there or it is not, whatever came in between.  A registry that
        # is gone can't be told: then a sweep will do the same.
        with contextlib.suppress(RegistryError):
            self._registry.reservations.settle(self.stamp_id, published=kind is None)

    def commit(self, proof: VerificationReport, manifest: bytes, finished: Path) -> None:
        """Step 7."""
        if self._registry is None:
            return
        generation = self._generation
        record = StampRecord(
            stamp_id=self.stamp_id,
            key_id=generation.watermark_key_id,
            layout=LAYOUT,
            created_at=generation.created_at,
            provider=generation.provider,
            model_name=generation.model_name,
            model_version=generation.model_version,
            prompt_hash=generation.prompt_hash,
            profile=self._making.profile.name,
            signed_at=proof.manifest.signed_at,
            input_sha256=self._input_sha256,
            output_sha256=proof.file.sha256,
            signer=proof.manifest.signer,
            signer_id=self._signer_id,
            approval=generation.approval,
            consents=generation.consents,
            parents=stamps_in(self._lineage),
            approvers=self._approvers,
        )
        fingerprint = fingerprint_of(finished, probe(finished))
        self._registry.commit(
            record,
            manifest,
            fingerprint.to_bytes(),
            lineage=self._lineage,
            name=self._making.source.name,
        )

    def check(self) -> None:
        """Look whether something of the stamp is withdrawn; before it is recorded, and after."""
        if self._registry is None:
            return
        made = self._generation
        facts = Facts(
            key_ids=(made.watermark_key_id, self._signer_id),
            model_name=made.model_name,
            model_version=made.model_version,
            consents=made.consents,
            approvers=self._approvers,
        )
        self._registry.withdrawals.refuse(facts, self._lineage, self._making.source.name)


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
        raise


def _changed(source: Path) -> UnreadableFileError:
    return UnreadableFileError(
        f"{source.name} changed while it was being stamped; stamp it again once nothing writes to "
        "it any more."
    )


def _state(path: Path) -> tuple[int, int, int]:
    try:
        status = os.stat(path)
    except OSError as error:
        raise UnreadableFileError(f"{path} is gone or can no longer be read.") from error
    return status.st_ino, status.st_size, status.st_mtime_ns


def _silent(_stage: Stage, _done: int, _total: int | None) -> None:
    """Report to nobody."""
