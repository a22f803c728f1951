"""A studio to try verdicts at: keys, a registry, stamped clips, and others who sign as well."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from bench import edits
from provenance import (
    StampResult,
    Trust,
    VerificationReport,
    hash_prompt,
    init_keyring,
    stamp,
    verify,
)
from provenance.manifest import Generation, LocalSigner, Parent, Signer, attach, sidecar_path
from provenance.manifest.certificates import issue_signer, make_root
from provenance.registry import Registry
from provenance.registry.facts import WithdrawalKind

PROMPT = "a lighthouse in a storm, seen from the deck of a small boat, waves over the bow"


class Other:
    """Somebody else who signs, with a root of their own."""

    def __init__(self, name: str) -> None:
        root = make_root(name)
        leaf = issue_signer(name, root)
        self.root_pem = root.certificate_pem
        self.signer = LocalSigner(leaf.key_pem, leaf.certificate_pem)


class Studio:
    """Keys, a registry and clips in one folder.

    ``sources`` are the clips as they were, at most 480 lines and four seconds, with sound;
    ``clips`` what they were stamped to.
    """

    def __init__(self, folder: Path, registry: Registry, clips: list[Path]) -> None:
        self.folder, self.registry = folder, registry
        self.keyring = init_keyring(folder / "keys", "Example Studio")
        self.partner, self.stranger = Other("Partner Org"), Other("Sly Ltd")
        self.sources = [
            edits.prepared(clip, folder / f"source{number}.mp4", number)
            for number, clip in enumerate(clips)
        ]
        self.clips = [
            self.stamp(source, f"clip{number}.mp4", consents=(f"consent-{number}",))
            for number, source in enumerate(self.sources)
        ]
        self._made = 0

    @property
    def trust(self) -> Trust:
        """Whom the studio trusts: itself."""
        return self.keyring.trust

    @property
    def with_partner(self) -> Trust:
        """The same, and the partner's root, as ``--trust`` adds it."""
        own = self.trust
        return replace(own, anchors_pem=own.anchors_pem + self.partner.root_pem)

    def path(self, suffix: str = ".mp4") -> Path:
        """A name for a new file."""
        self._made += 1
        return self.folder / f"made{self._made}{suffix}"

    def stamp(self, source: Path, name: str, **options: Any) -> StampResult:
        """Stamp into the registry, once more where another situation stamped the same clip."""
        given: dict[str, Any] = {"keyring": self.keyring, "registry": self.registry}
        given |= {"again": "another situation", "restamp": True} | options
        return stamp(
            source,
            self.folder / name,
            model_name="M",
            model_version="1",
            prompt_hash=hash_prompt(PROMPT, self.keyring.prompt_key),
            **given,
        )

    def check(self, path: Path | str, **options: Any) -> VerificationReport:
        """Verify as the studio does."""
        given: dict[str, Any] = {"registry": self.registry, "trust": self.trust} | options
        return verify(Path(path), watermark_keys=self.keyring.watermark_keys, **given)

    def claims(self, number: int = 0, **changes: Any) -> Generation:
        """What the manifest of a stamped clip says, changed."""
        record = self.registry.find(self.clips[number].stamp_id)
        if record is None or record.prompt_hash is None:
            raise ValueError("the clip's record is gone")
        plain = Generation(
            stamp_id=record.stamp_id,
            watermark_key_id=record.key_id,
            provider="Example Studio",
            model_name=record.model_name or "",
            model_version=record.model_version or "",
            prompt_hash=record.prompt_hash,
            duration_ms=1000,
            title="clip.mp4",
            created_at=record.created_at,
            consents=record.consents,
        )
        return replace(plain, **changes)

    def signed(
        self,
        plain: Path,
        statement: Any,
        signer: Signer | None = None,
        parent: Parent | None = None,
        tsa_url: str | None = None,
    ) -> Path:
        """A file under a fresh manifest: whoever holds a signing key can do it."""
        target = self.path(plain.suffix)
        done = attach(
            plain,
            target,
            statement,
            self.keyring.signer if signer is None else signer,
            trust=self.trust,
            parent=parent,
            tsa_url=tsa_url,
        )
        if not done.embedded:
            sidecar_path(target).write_bytes(done.store)
        return target

    def bare(self, path: Path | str) -> Path:
        """A copy without its manifest, its picture and sound untouched."""
        return edits.remuxed(Path(path), self.path())

    @contextmanager
    def withdrawn(
        self, kind: WithdrawalKind, target: str, good_before: datetime | None = None
    ) -> Iterator[None]:
        """Withdrawn for as long as the block."""
        self.registry.withdrawals.withdraw(kind, target, "for a trial", good_before=good_before)
        try:
            yield
        finally:
            self.registry.withdrawals.reinstate(kind, target, "the trial is over")
