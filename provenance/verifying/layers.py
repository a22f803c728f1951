"""What one file says of itself: everything that touches its bytes, and nothing else.

1. The file is probed; what cannot be examined at all is an error, not a finding.
2. Its SHA-256 is taken.
3. Its manifest is read and validated.
4. Its picture is searched for the watermark, with every key that is held; where that is in some
   moments only, the others are searched for more.

Steps 2 and 3 run beside step 4.  A layer that fails costs its own finding only: it then reads
``not_checked``, with the reason.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from provenance.errors import ProvenanceError
from provenance.fingerprint import Fingerprint
from provenance.manifest import Trust, read_manifest
from provenance.results import Detection, Effort, FileFacts, ManifestReport
from provenance.system.text import printable
from provenance.verifying.findings import Findings, sha256_of
from provenance.verifying.imprint import fingerprint_of
from provenance.verifying.search import Search
from provenance.video import probe
from provenance.watermark.code.keys import WatermarkKey

_Layer = TypeVar("_Layer")
_log = logging.getLogger(__name__)


def gather(
    path: Path,
    keys: Sequence[WatermarkKey],
    trust: Trust,
    *,
    sidecar: Path | None = None,
    effort: Effort = "normal",
) -> Findings:
    """Examine a video or a still image.

    Args:
        path: the file; it is only read.
        keys: every key to try, newest first; with none the watermark is not checked.
        trust: who may sign; with none every signer is untrusted.
        sidecar: a manifest store to use instead of looking for one in and beside the file.
        effort: how deep to search for watermarks.

    Raises:
        InputError: the file is missing, unreadable, empty, no media, without a picture, encrypted.
    """
    info = probe(path)  # 1
    with ThreadPoolExecutor(1, thread_name_prefix="metadata") as beside:
        digest = beside.submit(sha256_of, path)  # 2
        reading = beside.submit(  # 3
            _layer,
            lambda: read_manifest(path, trust, sidecar=sidecar),
            lambda reason: ManifestReport("not_checked", reason=reason),
        )
        search = Search(path, info, keys, effort)
        found = _layer(  # 4
            search.find, lambda reason: Detection("not_checked", reason=reason)
        )
        others = _layer(lambda: search.others(found), lambda _: ())
        manifest = reading.result()
        length = info.duration if info.kind == "video" else None
        facts = FileFacts(str(path), digest.result(), info.size, info.kind, length)
    if info.truncated and found.reason is None:
        found = replace(found, reason="the file is incomplete: its end is missing")
    return Findings(facts, found, manifest, others, search.coverage)


def imprint(path: Path, found: Detection) -> Fingerprint | None:
    """A file's fingerprint, laid back onto the stamped picture where a mark was ``found``.

    Raises:
        InputError: as :func:`gather` does.
    """
    info = probe(path)
    return _layer(lambda: fingerprint_of(path, info, found), lambda _: None)


def manifest_alone(path: Path, trust: Trust, *, sidecar: Path | None = None) -> Findings:
    """The findings without a look at the picture: for a file that no decoder gets over."""
    digest = sha256_of(path)
    manifest = _layer(
        lambda: read_manifest(path, trust, sidecar=sidecar),
        lambda reason: ManifestReport("not_checked", reason=reason),
    )
    facts = FileFacts(str(path), digest, path.stat().st_size, None)
    return Findings(facts, Detection("not_checked"), manifest)


def _layer(run: Callable[[], _Layer], failed: Callable[[str], _Layer]) -> _Layer:
    """Run one layer; whatever goes wrong in it becomes its finding.

    The one place that catches everything: a file made to crash one decoder must not keep the
    other layer's finding from its reader.
    """
    try:
        return run()
    except ProvenanceError as error:
        return failed(printable(error, 300).rstrip("."))
    except Exception as error:
        _log.exception("a layer failed")
        return failed(f"it failed unexpectedly ({type(error).__name__})")
