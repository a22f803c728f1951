"""What the use cases return: frozen values, ready to be printed or turned into JSON.

"Nothing found" is a value here, never an exception.  ``as_json`` of a :class:`Document` returns
plain dictionaries in the shape of the command line's contract, version 1, and ``from_json`` reads
them back; no key is ever left out.
"""

from __future__ import annotations

from provenance.results.causes import Cause
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
    Gap,
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
    Resemblance,
    SoundMatch,
)
from provenance.results.reports import (
    Coverage,
    Effort,
    FileFacts,
    FileKind,
    Other,
    StampResult,
    Tag,
    Verdict,
    VerificationReport,
)
from provenance.results.serial import Document

__all__ = [
    "Ancestor",
    "Cause",
    "CellStatus",
    "Compared",
    "Coverage",
    "Detection",
    "DifferentArea",
    "Document",
    "Effort",
    "FileFacts",
    "FileKind",
    "Gap",
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
    "Resemblance",
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
]
