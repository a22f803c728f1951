"""Stamp AI-generated video with an invisible watermark and a signed manifest, and verify both.

A run through everything, on a clip of your own::

    from pathlib import Path

    import provenance

    keyring = provenance.init_keyring(Path("keys"), "Example Studio")  # once; later Keyring.load
    with provenance.Registry("registry.db", create=True) as registry:
        result = provenance.stamp(
            Path("clip.mp4"),
            Path("stamped.mp4"),
            keyring=keyring,
            model_name="ExampleVideoModel",
            model_version="3.2.1",
            prompt_hash=provenance.hash_prompt("a cat on a skateboard", keyring.prompt_key),
            registry=registry,  # without it nobody can look the stamp up, or withdraw it
        )
        report = provenance.verify(
            Path("stamped.mp4"),
            watermark_keys=keyring.watermark_keys,
            trust=keyring.trust,
            registry=registry,
        )
    assert report.verdict == provenance.Verdict.CONFIRMED
    assert report.watermark.stamp_id == result.stamp_id
    assert report.registry.status == "match"

"Nothing found" is a report, never an exception; every error is a :class:`ProvenanceError` whose
message is one sentence for a person.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from provenance.errors import InputError, ProvenanceError, ServiceError, UsageError
    from provenance.keyring import Keyring, init_keyring
    from provenance.manifest import Trust, hash_prompt, trace_prompt
    from provenance.registry import Registry
    from provenance.results import StampResult, Verdict, VerificationReport
    from provenance.results.payload import StampId
    from provenance.stamping.making import prompt_from_tags
    from provenance.stamping.stamp import stamp
    from provenance.verifying.verify import verify
    from provenance.video import EncoderOptions

__all__ = [
    "EncoderOptions",
    "InputError",
    "Keyring",
    "ProvenanceError",
    "Registry",
    "ServiceError",
    "StampId",
    "StampResult",
    "Trust",
    "UsageError",
    "Verdict",
    "VerificationReport",
    "hash_prompt",
    "init_keyring",
    "prompt_from_tags",
    "stamp",
    "trace_prompt",
    "verify",
]

_HOMES = {
    "errors": ("InputError", "ProvenanceError", "ServiceError", "UsageError"),
    "keyring": ("Keyring", "init_keyring"),
    "stamping.making": ("prompt_from_tags",),
    "manifest": ("Trust", "hash_prompt", "trace_prompt"),
    "results.payload": ("StampId",),
    "registry": ("Registry",),
    "results": ("StampResult", "Verdict", "VerificationReport"),
    "stamping.stamp": ("stamp",),
    "verifying.verify": ("verify",),
    "video": ("EncoderOptions",),
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: OpenCV, PyAV and c2pa take a second to load."""
    for home, names in _HOMES.items():
        if name in names:
            value = getattr(import_module(f"provenance.{home}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
