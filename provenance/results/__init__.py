"""What the use cases return: frozen values, ready to be printed or turned into JSON.

"Nothing found" is a value here, never an exception.  ``as_json`` methods return plain
dictionaries in the shape of the command line's contract, version 1; no key is ever left out.
"""

from __future__ import annotations

from provenance.results.credential import (
    Ancestor,
    Ingredient,
    ManifestReport,
    ManifestSource,
    ManifestStatus,
    PromptHash,
    SoftBinding,
)
from provenance.results.picture import (
    CellStatus,
    Detection,
    MissingArea,
    PictureMap,
    Segment,
    SegmentStatus,
    Transform,
    WatermarkStatus,
)
from provenance.results.registered import (
    Compared,
    DifferentArea,
    Known,
    Order,
    PictureMatch,
    RegistryReport,
    RegistryStatus,
    SoundMatch,
)
from provenance.results.reports import (
    FileFacts,
    FileKind,
    Other,
    StampResult,
    Tag,
    Verdict,
    VerificationReport,
    tags_json,
)

__all__ = [
    "Ancestor",
    "CellStatus",
    "Compared",
    "Detection",
    "DifferentArea",
    "FileFacts",
    "FileKind",
    "Ingredient",
    "Known",
    "ManifestReport",
    "ManifestSource",
    "ManifestStatus",
    "MissingArea",
    "Order",
    "Other",
    "PictureMap",
    "PictureMatch",
    "PromptHash",
    "RegistryReport",
    "RegistryStatus",
    "Segment",
    "SegmentStatus",
    "SoftBinding",
    "SoundMatch",
    "StampResult",
    "Tag",
    "Transform",
    "Verdict",
    "VerificationReport",
    "WatermarkStatus",
    "tags_json",
]
