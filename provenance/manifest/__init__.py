"""The signed metadata: what a manifest of ours says, how it is signed, how any manifest is read.

The only importer of ``c2pa``.  Three calls carry the work: :func:`attach` signs a finished file,
:func:`find_parent` says whether an input was signed already, :func:`read_manifest` validates and
reports.  Everything else is what they take and give.
"""

from typing import TYPE_CHECKING

from provenance.system.lazy import lazily

if TYPE_CHECKING:
    from provenance.manifest.assertions import (
        DEFAULT_DIGITAL_SOURCE_TYPE,
        DIGITAL_SOURCE_TYPES,
        Generation,
        Statement,
    )
    from provenance.manifest.builder import Signed, attach
    from provenance.manifest.containers import find_sidecar, identify, sidecar_path
    from provenance.manifest.disclosure import PromptTrace, holds_prompt, trace_prompt
    from provenance.manifest.jumbf import active_alone, active_label
    from provenance.manifest.parents import Parent, find_parent
    from provenance.manifest.prompt import PromptKey, given_prompt_hash, hash_prompt, prompt_matches
    from provenance.manifest.prompt_tags import prompt_in_tags
    from provenance.manifest.reader import read_manifest, read_recovered
    from provenance.manifest.recovery import Recovery, recovered_parent
    from provenance.manifest.signatures import signature_digests
    from provenance.manifest.signer import LocalSigner, Signer
    from provenance.manifest.trust import Trust

__all__ = [
    "DEFAULT_DIGITAL_SOURCE_TYPE",
    "DIGITAL_SOURCE_TYPES",
    "Generation",
    "LocalSigner",
    "Parent",
    "PromptKey",
    "PromptTrace",
    "Recovery",
    "Signed",
    "Signer",
    "Statement",
    "Trust",
    "active_alone",
    "active_label",
    "attach",
    "find_parent",
    "find_sidecar",
    "given_prompt_hash",
    "hash_prompt",
    "holds_prompt",
    "identify",
    "prompt_in_tags",
    "prompt_matches",
    "read_manifest",
    "read_recovered",
    "recovered_parent",
    "sidecar_path",
    "signature_digests",
    "trace_prompt",
]

__getattr__ = lazily(
    __name__,
    {
        "assertions": (
            "DEFAULT_DIGITAL_SOURCE_TYPE",
            "DIGITAL_SOURCE_TYPES",
            "Generation",
            "Statement",
        ),
        "builder": ("Signed", "attach"),
        "containers": ("find_sidecar", "identify", "sidecar_path"),
        "disclosure": ("PromptTrace", "holds_prompt", "trace_prompt"),
        "jumbf": ("active_alone", "active_label"),
        "parents": ("Parent", "find_parent"),
        "prompt": ("PromptKey", "given_prompt_hash", "hash_prompt", "prompt_matches"),
        "prompt_tags": ("prompt_in_tags",),
        "reader": ("read_manifest", "read_recovered"),
        "recovery": ("Recovery", "recovered_parent"),
        "signatures": ("signature_digests",),
        "signer": ("LocalSigner", "Signer"),
        "trust": ("Trust",),
    },
)
