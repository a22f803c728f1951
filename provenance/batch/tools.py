"""What a worker opens once, at its first job: keys, registry, reviewers, ledger."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from provenance.batch.approvals import Reviewers, load_reviewers, reference_of
from provenance.batch.jobs import Job, Ledger, Prompt, PromptForms, approved, terms_of
from provenance.batch.settings import UNAPPROVED, Settings
from provenance.errors import ApprovalError, KeyringError
from provenance.keyring import Keyring
from provenance.manifest import DEFAULT_DIGITAL_SOURCE_TYPE
from provenance.manifest.certificates import PublicKey
from provenance.manifest.signer import public_key_of
from provenance.registry import Asked, Facts, Registry, StampRecord, Withdrawal
from provenance.results import PromptHash
from provenance.results.payload import StampId
from provenance.signers import open_signer
from provenance.stamping.claims import Claims, How
from provenance.stamping.making import prompt_from_tags
from provenance.system.text import printable
from provenance.video import EncoderOptions
from provenance.watermark.embed.profiles import DEFAULT_PROFILE


@dataclass(slots=True)
class Tools:
    """Open keys and registry; lives as long as its process."""

    keyring: Keyring
    registry: Registry | None
    reviewers: Reviewers
    settings: Settings
    _ledger: Ledger | None = field(default=None, repr=False)

    @property
    def signing_key(self) -> PublicKey:
        """The public half of the key that signs manifests."""
        return public_key_of(self.keyring.signer.chain_pem)

    def ledger(self) -> Ledger:
        """The ledger of this machine."""
        if self._ledger is None:
            self._ledger = Ledger(self.settings.ledger)
        return self._ledger

    def approval(
        self, job: Job, sha256: str, scratch: Path, bound: tuple[PromptHash, ...]
    ) -> Permit:
        """What lets a clip be stamped.

        Args:
            job: the job.
            sha256: of the bytes that will be stamped.
            scratch: a folder of the caller's.
            bound: every form in which an approval may name the prompt.

        Raises:
            ApprovalError: nothing does, and the run does not allow that.
            StorageError: the approvals' store does not give them.
        """
        settings = self.settings
        try:
            if not self.reviewers.keys:
                raise ApprovalError("no_reviewers", "No reviewer's key was given.")
            found = approved(
                job,
                sha256,
                scratch,
                reviewers=self.reviewers,
                signing_key=self.signing_key,
                terms=terms_of(
                    job,
                    bound,
                    provider=settings.provider,
                    digital_source_type=settings.digital_source_type,
                ),
                policy=settings.policy_for(job),
                withdrawn=self._withdrawn(),
            )
        except ApprovalError as error:
            if not settings.allow_unapproved:
                raise
            warning = f"{job.output} is stamped without an approval: {error}"
            return Permit(UNAPPROVED, warning=warning)
        return Permit(reference_of(found), tuple(sorted({one.key_id for one in found})))

    def _withdrawn(self) -> dict[str, Withdrawal]:
        """What withdraws reviewers' keys."""
        if self.registry is None:
            return {}
        return self.registry.withdrawals.of("reviewer", sorted(self.reviewers.keys))

    def claims(self, job: Job, prompt: PromptForms) -> Claims:
        """What a job's clip is stamped as; the approval is still to come."""
        return Claims(
            job.model_name,
            job.model_version,
            prompt.hashes[0],
            provider=self.settings.provider,
            title=job.title or printable(self.settings.target(job).file_name),
            digital_source_type=self.settings.digital_source_type or DEFAULT_DIGITAL_SOURCE_TYPE,
            consents=job.consents,
            prompt_trace=prompt.trace,
            prompt_hashes=prompt.hashes[1:],
            model_card_sha256=job.model_card_sha256,
        )

    def stamped_before(self, claims: Claims, input_sha256: str) -> tuple[StampRecord, ...]:
        """Records of a clip that was stamped as the same; oldest first.

        Raises:
            RegistryError: the registry can't be asked.
        """
        asked = self._asked(claims, input_sha256)
        return () if self.registry is None else self.registry.stamped_before(asked)

    def refuse_second(self, claims: Claims, input_sha256: str, name: str) -> None:
        """Refuse a clip that was stamped before, or is being stamped.

        Raises:
            AlreadyStampedError: it was.
            BusyError: another process is at it.
        """
        if self.registry is not None:
            self.registry.refuse_second(self._asked(claims, input_sha256), name)

    def _asked(self, claims: Claims, input_sha256: str) -> Asked:
        return claims.asked(input_sha256, self.settings.spool, self.keyring.organisation)

    def record_of(
        self, claims: Claims, input_sha256: str, output_sha256: str
    ) -> StampRecord | None:
        """The record of a file that came out of stamping a clip as this.

        Raises:
            RegistryError: the registry can't be asked.
        """
        if self.registry is None:
            return None
        asked = self._asked(claims, input_sha256)
        found = self.registry.search(sha256=output_sha256)
        return next(
            (one for one in found if one.output_sha256 == output_sha256 and asked.is_told_by(one)),
            None,
        )

    def place_of(self, stamp_id: str) -> str | None:
        """Where the output of a stamp is, as the registry was told.

        Raises:
            RegistryError: the registry can't be asked.
        """
        found = None if self.registry is None else self.registry.places
        return None if found is None else found.newest(StampId.from_hex(stamp_id))

    def withdrawn(self, job: Job, stamp: Mapping[str, Any]) -> str | None:
        """Why a clip that was stamped may not be out there; None when it may.

        Args:
            job: what asked for it; says of a stamp what a registry without its record can't.
            stamp: as ``stamp --json`` says it.

        Raises:
            RegistryError: the registry can't be asked.
        """
        if self.registry is None:
            return None
        stamp_id = StampId.from_hex(stamp["stamp_id"])
        record = self.registry.find(stamp_id)
        facts = Facts(stamp_id, (stamp["key_id"],), job.model_name, job.model_version, job.consents)
        facts = facts if record is None else Facts.of(record)
        hit = self.registry.withdrawals.hitting(facts)
        if hit is None:
            return None
        own = hit.hits(replace(facts, parents=()))
        whose = f"its {hit.kind}" if own else f"the {hit.kind} of a clip that it was made from"
        return f"{whose} was withdrawn on {hit.at:%Y-%m-%d} ({hit.reason})"


@dataclass(frozen=True, slots=True)
class Permit:
    """What lets a clip be stamped.

    Attributes:
        reference: to the approvals, for registry and manifest.
        approvers: ids of the reviewers' keys.
        warning: a sentence where nobody approved.
    """

    reference: str
    approvers: tuple[str, ...] = ()
    warning: str | None = None


def prompt_of(clip: Path, keyring: Keyring) -> PromptForms:
    """What goes on of the prompt in the tags of a clip.

    Raises:
        PromptTagsError: there is none, or more than one text could be it.
    """
    return Prompt(prompt_from_tags(clip)).forms(keyring.prompt_keys)


def names_of(job: Job) -> dict[str, str]:
    """Texts of a job that everybody reads, by what they are called."""
    named = {"the output's name": str(PurePosixPath(job.output).with_suffix(""))}
    return named if job.title is None else {"the title": job.title} | named


def how_of(job: Job, settings: Settings) -> How:
    """How a job's clip is to be marked, encoded and signed."""
    encoder = EncoderOptions(
        codec=job.codec,  # type: ignore[arg-type]  # checked when the job was read
        crf=job.crf,
        bitrate=job.bitrate,
        preset=job.preset,
        extra=settings.encoder_options,
        threads=settings.threads,
    )
    return How(
        job.profile or DEFAULT_PROFILE, encoder, settings.tsa, settings.min_margin, job.keep_tags
    )


@functools.lru_cache(maxsize=1)
def tools_for(settings: Settings, pin: str | None) -> Tools:
    """Open what the settings name, once a process; ``pin`` is the signing token's.

    Raises:
        KeyringError: keys or reviewers' keys can't be used.
        RegistryError: the registry can't be used.
        SigningError: the signer can't be used.
        UsageError: the registry is another organisation's, going by its stamps.
    """
    keyring = Keyring.load(settings.keys, pin=pin)
    if settings.signer is not None:
        keyring = keyring.with_signer(open_signer(settings.signer, pin=pin))
    reviewers = load_reviewers(settings.reviewers)
    if not reviewers.keys and not settings.allow_unapproved:
        raise KeyringError("No reviewer's key is known, so nothing counts as approved.")
    registry = None if settings.registry is None else Registry(settings.registry)
    if registry is not None:  # on another machine, keys and registry may be others than the run's
        registry.stampers.refuse_strangers(keyring.watermark_key_ids, keyring.organisation)
    return Tools(keyring, registry, reviewers, settings)
