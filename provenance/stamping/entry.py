"""A stamping in the registry: reserved first, recorded before publishing, settled last."""

from __future__ import annotations

import contextlib
from pathlib import Path

from provenance.errors import RegistryError
from provenance.keyring.files import certificate_id
from provenance.manifest import Generation
from provenance.registry import Facts, Registry, StampRecord, check_reason, check_reviewer_id
from provenance.results import VerificationReport
from provenance.results.payload import LAYOUT, StampId
from provenance.stamping.claims import Claims
from provenance.stamping.making import Making
from provenance.verifying.imprint import fingerprint_of
from provenance.verifying.lineage import lineage_of_source, stamps_in, with_stamp
from provenance.video import probe


class Entry:
    """This stamping in the registry: reserved on entering; settled in the end, however it ended.

    Raises:
        WithdrawnError: model, key or a consent is withdrawn, or of what the input was made from.
        AlreadyStampedError: the input was stamped before as the same.
        BusyError: another process is stamping it.
        RegistryError: the registry can't be used.
    """

    def __init__(
        self,
        registry: Registry | None,
        making: Making,
        generation: Generation,
        input_sha256: str,
        claims: Claims,
        *,
        again: str | None,
    ) -> None:
        self._registry = registry
        self._making = making
        self._generation = generation
        self._input_sha256 = input_sha256
        self._approvers = tuple(sorted({check_reviewer_id(one) for one in claims.approvers}))
        self._asked = claims.asked(input_sha256, making.target, making.keyring.organisation)
        self._again = None if again is None else check_reason(again)
        self._lineage: tuple[Facts, ...] = ()
        self._signer_id = certificate_id(making.keyring.signer.chain_pem)
        self.stamp_id = generation.stamp_id

    def __enter__(self) -> Entry:
        if self._registry is not None:
            self._lineage = lineage_of_source(
                self._making.source, self._input_sha256, self._making.trust, self._registry
            )
            self.check()
            self.stamp_id = self._registry.reservations.reserve(
                self._making.key.key_id,
                self._making.target,
                self._asked,
                again=self._again is not None,
                name=self._making.source.name,
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

    def made_from(self, stamp_id: StampId) -> None:
        """Note a stamp that the input's picture carries, and look whether it is withdrawn."""
        if self._registry is not None:
            self._lineage = with_stamp(self._lineage, stamp_id, self._registry)
            self.check()

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
            asked=self._asked,
            again=self._again,
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
