"""Prometheus metrics of the desk.

===========================================  =========  ==================================
metric                                       labels     meaning
===========================================  =========  ==================================
provenance_desk_examinations_total           state      files whose examination ended
provenance_desk_verdicts_total               verdict    what was said of them
provenance_desk_refusals_total               reason     uploads that were turned away
provenance_desk_look_seconds                 effort     histogram of looks at a file
provenance_desk_received_bytes_total                    bytes of uploads
provenance_desk_places                       state      places: taken, and all there are
===========================================  =========  ==================================
"""

from __future__ import annotations

from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
_SECONDS: Final = (0.3, 1, 2, 3, 5, 10, 20, 30, 60, 120, 300, 600)


class DeskMetrics:
    """The metrics of one desk, apart from any other registry in the process."""

    def __init__(self, places: int) -> None:
        self._registry = own = CollectorRegistry()
        self.ended = Counter(
            "provenance_desk_examinations",
            "Files whose examination ended.",
            ["state"],
            registry=own,
        )
        self.verdicts = Counter(
            "provenance_desk_verdicts", "What was said of them.", ["verdict"], registry=own
        )
        self.refusals = Counter(
            "provenance_desk_refusals", "Uploads that were turned away.", ["reason"], registry=own
        )
        self.looks = Histogram(
            "provenance_desk_look_seconds",
            "Seconds of a look at a file.",
            ["effort"],
            buckets=_SECONDS,
            registry=own,
        )
        self.received = Counter("provenance_desk_received_bytes", "Bytes of uploads.", registry=own)
        self.places = Gauge("provenance_desk_places", "Places for files.", ["state"], registry=own)
        self.places.labels("all").set(places)

    def page(self, taken: int) -> bytes:
        """What ``/metrics`` answers, when so many places are taken."""
        self.places.labels("taken").set(taken)
        return generate_latest(self._registry)
