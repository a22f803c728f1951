"""Stamp AI-generated video with an invisible watermark and a signed manifest, and verify both.

A run through everything, on a clip of your own::

    import numpy as np

    import provenance

    keyring = provenance.init_keyring("keys", "Example Studio")  # once; later Keyring.load
    claims = provenance.Claims.of(
        keyring,
        model_name="ExampleVideoModel",
        model_version="3.2.1",
        prompt="a cat on a skateboard",  # only a keyed hash of it is kept
    )
    with provenance.Registry("registry.db", create=True) as registry:
        stamper = provenance.Stamper(keyring, registry=registry)
        result = stamper.stamp("clip.mp4", "stamped.mp4", claims)

        # What a generator makes is marked before it is ever encoded.
        frames = np.random.default_rng(1).integers(60, 190, (24, 240, 320, 3), np.uint8)
        with stamper.open("made.mp4", width=320, height=240, fps=24, claims=claims) as clip:
            for frame in frames:
                clip.write(frame)

        with provenance.Verifier.of(keyring, registry=registry) as verifier:
            for report in verifier.verify_many(["stamped.mp4", "made.mp4"]):
                assert report.verdict == provenance.Verdict.CONFIRMED
                assert verifier.policy.accepts(report)
    assert clip.result.frames == 24

Without a registry nobody can look a stamp up, or withdraw it.  "Nothing found" is a report, never
an exception; every error is a :class:`ProvenanceError` whose message is one sentence for a person.
A :class:`Cancel` stops a stamping from another thread: nothing is published then.  Names in
``__all__``, here and in :mod:`provenance.results`, which has the parts of a report, are stable from
1.0 on; everything else may move.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from provenance.system.lazy import lazily

if TYPE_CHECKING:
    from provenance.batch import approvals
    from provenance.errors import (
        CancelledError,
        InputError,
        ProvenanceError,
        ServiceError,
        UsageError,
    )
    from provenance.keyring import Keyring, init_keyring
    from provenance.manifest import (
        PromptKey,
        PromptTrace,
        Signer,
        Trust,
        hash_prompt,
        trace_prompt,
    )
    from provenance.registry import (
        AuditReport,
        AuditRow,
        Recalled,
        Registry,
        StampRecord,
        Withdrawal,
    )
    from provenance.results import (
        Effort,
        PromptHash,
        StampResult,
        Verdict,
        VerificationReport,
    )
    from provenance.results.payload import StampId
    from provenance.stamping.claims import Claims, How
    from provenance.stamping.frames import FrameStamping
    from provenance.stamping.making import prompt_from_tags
    from provenance.stamping.progress import Cancel, Progress
    from provenance.stamping.stamp import Stamper, stamp
    from provenance.system.given import Source
    from provenance.verifying.isolation import Examiner, Limits
    from provenance.verifying.lookup import DatedRevocations
    from provenance.verifying.verifier import Policy, Verifier
    from provenance.verifying.verify import verify
    from provenance.video import EncoderOptions, Still
    from provenance.watermark.code.keys import WatermarkKey

__all__ = [
    "AuditReport",
    "AuditRow",
    "Cancel",
    "CancelledError",
    "Claims",
    "DatedRevocations",
    "Effort",
    "EncoderOptions",
    "Examiner",
    "FrameStamping",
    "How",
    "InputError",
    "Keyring",
    "Limits",
    "Policy",
    "Progress",
    "PromptHash",
    "PromptKey",
    "PromptTrace",
    "ProvenanceError",
    "Recalled",
    "Registry",
    "ServiceError",
    "Signer",
    "Source",
    "StampId",
    "StampRecord",
    "StampResult",
    "Stamper",
    "Still",
    "Trust",
    "UsageError",
    "Verdict",
    "VerificationReport",
    "Verifier",
    "WatermarkKey",
    "Withdrawal",
    "approvals",
    "hash_prompt",
    "init_keyring",
    "prompt_from_tags",
    "stamp",
    "trace_prompt",
    "verify",
]

_HOMES = {
    "batch": ("approvals",),
    "errors": ("CancelledError", "InputError", "ProvenanceError", "ServiceError", "UsageError"),
    "keyring": ("Keyring", "init_keyring"),
    "manifest": ("PromptKey", "PromptTrace", "Signer", "Trust", "hash_prompt", "trace_prompt"),
    "registry": (
        "AuditReport",
        "AuditRow",
        "Recalled",
        "Registry",
        "StampRecord",
        "Withdrawal",
    ),
    "results": ("Effort", "PromptHash", "StampResult", "Verdict", "VerificationReport"),
    "results.payload": ("StampId",),
    "stamping.claims": ("Claims", "How"),
    "stamping.frames": ("FrameStamping",),
    "stamping.making": ("prompt_from_tags",),
    "stamping.progress": ("Cancel", "Progress"),
    "stamping.stamp": ("Stamper", "stamp"),
    "system.given": ("Source",),
    "verifying.isolation": ("Examiner", "Limits"),
    "verifying.lookup": ("DatedRevocations",),
    "verifying.verifier": ("Policy", "Verifier"),
    "verifying.verify": ("verify",),
    "video": ("EncoderOptions", "Still"),
    "watermark.code.keys": ("WatermarkKey",),
}


_load = lazily(__name__, _HOMES)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: OpenCV, PyAV and c2pa take a second to load."""
    if name == "__version__":
        return import_module("provenance.system.version").software_version()
    return _load(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
