"""The pilot without a mark: what scores each search for it comes to, and from where it is heard."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any, Final

import numpy as np

from provenance.watermark import alarms

SEARCHES: Final = {
    "stretch where it lies": (alarms.SPANS_HEARD,),
    "map located anywhere": (alarms.FITS_AUDIBLE,),
    "map located nearby": (alarms.FITS_NEARBY,),
    "all crops": (alarms.CROPS_HEARD,),
    "around a tilted map": (alarms.TILTS_HEARD,),
    "small correction, fitted": (alarms.IDENTITY_READ_FROM,),
    "crop, fitted": (alarms.CROPS_READ_FROM,),
    "other map, fitted": (alarms.FITS_READ_FROM, alarms.PANELS_HEARD, alarms.FITS_PROMISING),
}
"""What is looked for, and the thresholds that its best score is held against."""


@dataclass(slots=True)
class Pilots:
    """The best scores of one examination, by what was looked for: told by the detector's trace."""

    scores: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _step: str = ""

    def __call__(self, what: str, /, **values: Any) -> None:
        """Keep what each search came to."""
        if what == "step":
            self._step = values["name"]
        elif what == "heard":
            self.scores["stretch where it lies"].append(abs(values["score"]))
        elif what == "located":
            where = "nearby" if values["nearby"] else "anywhere"
            self.scores[f"map located {where}"] += values["scores"]
        elif what == "candidates" and values["scores"] and self._step == "crops":
            self.scores["all crops"].append(max(values["scores"]))
        elif what == "candidates" and self._step == "tilts":
            self.scores["around a tilted map"] += values["scores"]
        elif what == "guess" and values["hypothesis"].heard:
            kind = {"identity": "small correction", "crops": "crop"}.get(self._step, "other map")
            self.scores[f"{kind}, fitted"].append(values["hypothesis"].score)


def places(scores: Iterable[float]) -> float:
    """How many independent standard normals have these scores' median for the median of their best.

    Half of so many draws then stay under it: ``n = ln 2 / P(X > median)``.
    """
    beyond = NormalDist().cdf(-float(np.median(list(scores))))
    return float(np.log(2.0) / -np.log1p(-beyond))


def table(rows: Iterable[dict[str, list[float]]]) -> list[dict[str, Any]]:
    """For each search, over all examinations: quantiles, places, and the share over thresholds."""
    gathered: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        for name, scores in row.items():
            gathered[name] += scores
    return [
        {
            "search": name,
            "count": len(found),
            "median": float(np.median(found)),
            "ninety": float(np.quantile(found, 0.9)),
            "most": float(found.max()),
            "places": places(found),
            "reached": {f"{least:.2f}": float(np.mean(found >= least)) for least in SEARCHES[name]},
        }
        for name, found in ((n, np.array(gathered[n])) for n in SEARCHES if gathered[n])
    ]
