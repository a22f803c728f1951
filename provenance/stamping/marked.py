"""Whether a clip carries a stamp of ours already; a second mark costs both about 6 dB.

1. Its manifest: one that is trusted, or names one of our watermark keys.
2. The registry: these very bytes came out of a stamping.
3. Its picture: a quick look (:mod:`provenance.verifying.search`, effort ``quick``), which also
   tells copies of another size, in another container or without a manifest.
"""

from __future__ import annotations

from provenance.errors import MarkedInputError
from provenance.registry import Registry
from provenance.results.payload import SOFT_BINDING_ALG, StampId
from provenance.stamping.firstlook import FirstLook
from provenance.stamping.making import Making
from provenance.verifying.search import Search


def refuse_marked(
    making: Making, sha256: str, registry: Registry | None, look: FirstLook | None = None
) -> None:
    """Refuse an input that is stamped.

    Args:
        making: the stamping, its inputs checked.
        sha256: of the input.
        registry: knows what came out of stampings.
        look: at the clip, where others look at it, too.

    Raises:
        MarkedInputError: it is, and which stamp it carries.
        UnreadableFileError: nothing of its picture decodes.
    """
    where, stamp_id = "manifest", _in_manifest(making)
    if stamp_id is None:
        where, stamp_id = "bytes", _in_registry(sha256, registry)
    if stamp_id is None:
        where, stamp_id = "picture", stamp_in_picture(making, look)
    if stamp_id is not None:
        said = {
            "manifest": f"carries a manifest of stamp {stamp_id}",
            "bytes": f"is the output of stamp {stamp_id}",
            "picture": f"carries the mark of stamp {stamp_id}",
        }
        raise MarkedInputError(
            f"{making.source.name} {said[where]}, and a second mark would weaken both",
            advice="stamp the unmarked original, or have this one stamped all the same",
            settings=("restamp",),
            stamp_id=stamp_id.hex,
        )


def _in_manifest(making: Making) -> StampId | None:
    report = None if making.parent is None else making.parent.report
    binding = None if report is None else report.soft_binding
    if report is None or binding is None or binding.alg != SOFT_BINDING_ALG:
        return None
    ours = {key.key_id for key in making.keyring.watermark_keys}
    known = report.status == "trusted" or report.watermark_key_id in ours
    return binding.stamp_id if known else None


def _in_registry(sha256: str, registry: Registry | None) -> StampId | None:
    found = () if registry is None else registry.search(sha256=sha256)
    return next((one.stamp_id for one in found if one.output_sha256 == sha256), None)


def stamp_in_picture(making: Making, look: FirstLook | None = None) -> StampId | None:
    """The stamp that a quick look reads in an input's picture.

    Raises:
        UnreadableFileError: nothing of its picture decodes.
    """
    keys = making.keyring.watermark_keys
    return Search(making.source, making.info, keys, "quick", look).find().stamp_id
