"""Know a clip again by what it shows: perceptual hashes, numbers only.

A :class:`Collector` makes the :class:`Fingerprint` of a clip; :func:`compare` says whether the
picture that carries a watermark is the one it was made for, :func:`compare_sound` whether the sound
is (a :class:`Listener` takes its :class:`SoundPrint`); :func:`nearest`, or the keys that
:func:`chunks` and :func:`probes` give, find a clip among millions without any watermark.
"""

from provenance.fingerprint.areas import Area
from provenance.fingerprint.aside import LOOKS, MARGIN, around
from provenance.fingerprint.collector import Collector, frames_for
from provenance.fingerprint.compare import LIMIT, Comparison, compare
from provenance.fingerprint.details import DETAIL, IN_VIEW, signs, values, waves
from provenance.fingerprint.hashing import HASH_BYTES, PictureHash, pdq
from provenance.fingerprint.lattice import CELL, VISIBLE, Cells, Extent, cells
from provenance.fingerprint.model import Fingerprint, FrameHash
from provenance.fingerprint.search import RADIUS, chunks, nearest, packed, probes
from provenance.fingerprint.sound import SOUND_RATE, Listener, SoundPrint
from provenance.fingerprint.sound_compare import (
    SoundComparison,
    SoundPiece,
    SoundStatus,
    compare_sound,
)

__all__ = [
    "CELL",
    "DETAIL",
    "HASH_BYTES",
    "IN_VIEW",
    "LIMIT",
    "LOOKS",
    "MARGIN",
    "RADIUS",
    "SOUND_RATE",
    "VISIBLE",
    "Area",
    "Cells",
    "Collector",
    "Comparison",
    "Extent",
    "Fingerprint",
    "FrameHash",
    "Listener",
    "PictureHash",
    "SoundComparison",
    "SoundPiece",
    "SoundPrint",
    "SoundStatus",
    "around",
    "cells",
    "chunks",
    "compare",
    "compare_sound",
    "frames_for",
    "nearest",
    "packed",
    "pdq",
    "probes",
    "signs",
    "values",
    "waves",
]
