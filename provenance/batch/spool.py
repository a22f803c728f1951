"""What waits in the spool, under the key of its job: stamped, registered and not yet published."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from provenance.batch.found import told_of
from provenance.batch.jobs import LEASE, Claim, Job, Ledger
from provenance.batch.tools import Tools
from provenance.errors import UsageError, WithdrawnError
from provenance.manifest import sidecar_path
from provenance.registry import StampRecord
from provenance.stamping.claims import Claims
from provenance.system.storage import Place, Stored, stored
from provenance.system.text import printable


class Spool:
    """One job's part of the spool, and what earlier attempts left of it.

    Args:
        job: whose.
        tools: settings, registry and withdrawals of the run.
        ledger: where what is about to be published is noted.
    """

    def __init__(self, job: Job, tools: Tools, ledger: Ledger) -> None:
        self._job, self._tools, self._ledger = job, tools, ledger
        self._target = tools.settings.target(job)

    def place_for(self, key: str) -> Path:
        """Where the stamped clip waits; its folder is made."""
        spooled = self._spooled(key)
        spooled.parent.mkdir(parents=True, exist_ok=True)
        return spooled

    def published_before(
        self, claim: Claim, clip: Stored, claims: Claims
    ) -> Mapping[str, Any] | None:
        """What an earlier attempt published and could not note any more.

        Raises:
            UsageError: something else is there.
        """
        there = stored(self._target)
        if there is None:
            return None
        if claim.earlier is not None and claim.earlier["output"]["sha256"] == there.sha256:
            return claim.earlier
        others = [one for one in self._ledger.entries("done") if one.output == self._job.output]
        record = self._record_of(there.sha256, clip, claims)
        if record is None or others:  # the ledger was lost, if it is this very job's
            raise UsageError(
                f"{self._target} exists already; move it away, or choose another name."
            )
        return told_of(record, self._job, self._target, there)

    def waiting(self, claim: Claim, clip: Stored, claims: Claims) -> Mapping[str, Any] | None:
        """What an earlier attempt stamped and did not publish; what can't be used is removed."""
        there = stored(Place.of(self._spooled(claim.key)))
        if there is None:
            return None
        if claim.earlier is not None and claim.earlier["output"]["sha256"] == there.sha256:
            return claim.earlier
        record = self._record_of(there.sha256, clip, claims)
        if record is not None:
            return told_of(record, self._job, self._target, there)
        self.clear(claim.key)
        return None

    def hold_back(self, claim: Claim, result: Mapping[str, Any]) -> None:
        """Remove a clip from the spool when something of it is withdrawn.

        The stamp stays on record, where the withdrawal hits it, and the ledger remembers that it
        was never published.

        Raises:
            WithdrawnError: it was removed.
        """
        why = self._tools.withdrawn(self._job, result)
        if why is not None:
            self._ledger.publishing(claim, result, LEASE)
            self.clear(claim.key)
            raise WithdrawnError(f"{printable(self._job.input)} is not published: {why}.")

    def clear(self, key: str) -> None:
        """Remove what waits, its manifest too."""
        spooled = self._spooled(key)
        for path in (spooled, sidecar_path(spooled)):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def _spooled(self, key: str) -> Path:
        suffix = Path(self._job.output).suffix.lower()
        return self._tools.settings.spool / f"{key}{suffix}"

    def _record_of(self, sha256: str, clip: Stored, claims: Claims) -> StampRecord | None:
        """The registry's record of a file that was stamped from this clip as this job says."""
        return self._tools.record_of(claims, clip.sha256, sha256)
