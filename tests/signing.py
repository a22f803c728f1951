"""Signers, facts and small helpers that the manifest's tests share."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from provenance.errors import SigningError
from provenance.manifest import Generation, LocalSigner, Trust, attach, hash_prompt, sidecar_path
from provenance.manifest.certificates import BACKDATE, Issued, issue_signer, make_root
from provenance.manifest.prompt import PromptKey
from provenance.results.payload import StampId

STAMP = StampId(bytes(range(8)))
PROMPT_KEY = PromptKey("p1", bytes(32))


@dataclass
class Studio:
    """An organisation with its own root and one signing certificate."""

    name: str = "Example Studio"
    root: Issued = field(init=False)
    leaf: Issued = field(init=False)

    def __post_init__(self) -> None:
        self.root = make_root(self.name)
        self.leaf = issue_signer(self.name, self.root)

    @property
    def signer(self) -> LocalSigner:
        return LocalSigner(self.leaf.key_pem, self.leaf.certificate_pem)

    @property
    def trust(self) -> Trust:
        return Trust(self.root.certificate_pem)


def facts(**changes: Any) -> Generation:
    """A generation record; name the fields that shall differ."""
    plain = Generation(
        stamp_id=STAMP,
        watermark_key_id="w1",
        provider="Example Studio",
        model_name="ExampleVideoModel",
        model_version="3.2.1",
        prompt_hash=hash_prompt("a cat on a sofa", PROMPT_KEY),
        duration_ms=1000,
        title="clip.mp4",
        created_at=datetime(2026, 11, 22, 12, tzinfo=UTC),
    )
    return replace(plain, **changes)


def sign(studio: Studio, source: Path, target: Path, **options: Any) -> Path:
    """Sign ``source`` to ``target``, sidecar and all; returns ``target``."""
    options.setdefault("trust", studio.trust)
    options.setdefault("signer", studio.signer)
    generation = options.pop("generation", facts())
    signed = attach(source, target, generation, **options)
    if not signed.embedded:
        sidecar_path(target).write_bytes(signed.store)
    return target


def flip(path: Path, target: Path, at: int, bit: int = 1) -> Path:
    """Copy ``path`` to ``target`` with one bit of the byte at ``at`` changed."""
    content = bytearray(path.read_bytes())
    content[at] ^= bit
    target.write_bytes(content)
    return target


def picture_byte(path: Path) -> int:
    """An offset inside the picture data of an mp4, mov, avi, mkv or webm."""
    content = path.read_bytes()
    starts = [content.find(name) for name in (b"mdat", b"movi")]
    return next((at for at in starts if at > 0), len(content) // 2) + 600


def signed_before_its_end(
    organisation: str, root: Issued, work: Callable[[LocalSigner], None]
) -> None:
    """Let ``work`` sign by a certificate that lives for seconds, and return when it has expired.

    What takes longer on a slow machine than the certificate lives is done again by a longer one.
    """
    for seconds in (4, 20, 100):
        life = BACKDATE + timedelta(seconds=seconds)
        ends = time.monotonic() + seconds
        leaf = issue_signer(organisation, root, years=life / timedelta(days=365))
        try:
            work(LocalSigner(leaf.key_pem, leaf.certificate_pem))
        except SigningError:
            if time.monotonic() < ends - 1:  # it ends at a whole second
                raise
        if (left := ends - time.monotonic()) > 0:
            time.sleep(left + 1)
            return
    raise TimeoutError("nothing could be signed in 100 seconds")
