"""What a registry gives out: manifests of stamps that stand, and nothing else of their records."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from provenance.manifest import active_label
from provenance.registry import Facts, Registry
from provenance.results import VerificationReport
from provenance.results.payload import StampId


class Resolver:
    """Answers from one registry; usable from any number of threads.

    1. A withdrawn stamp has no match, and its manifest is not there: the interface has no place to
       say that it was withdrawn, so a stranger's reader would show the manifest as good.
    2. A registry knows stamps by their own ids.  Which manifest is whose is noted here, of every
       stamp that the audit log tells of, when a manifest is first asked for that was not noted yet.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._noted: dict[str, StampId] = {}
        self._read = 0
        self._noting = threading.Lock()

    def manifest_ids(self, stamps: Iterable[StampId]) -> list[str]:
        """Identifiers of the active manifests of those of these stamps that stand, in order.

        Raises:
            RegistryError: the registry can't be asked.
        """
        stores = filter(None, map(self._standing, dict.fromkeys(stamps)))
        return [label for label in map(active_label, stores) if label is not None]

    def store(self, manifest_id: str) -> bytes | None:
        """The manifest store whose active manifest has this identifier; None where there is none.

        Raises:
            RegistryError: the registry can't be asked.
        """
        stamp_id = self._stamp_of(manifest_id)
        return None if stamp_id is None else self._standing(stamp_id)

    def check(self) -> None:
        """Find out whether the registry answers.

        Raises:
            RegistryError: it does not.
        """
        self._registry.audit.head()

    def _standing(self, stamp_id: StampId) -> bytes | None:
        """The store of a stamp that is here and was not withdrawn."""
        record = self._registry.find(stamp_id)
        if record is None or self._registry.withdrawals.hitting(Facts.of(record)):  # 1
            return None
        return self._registry.manifest(stamp_id)

    def _stamp_of(self, manifest_id: str) -> StampId | None:
        with self._noting:  # 2
            while manifest_id not in self._noted:
                last, stores = self._registry.manifests_since(self._read)
                if last == self._read:
                    return None
                self._read = last
                labels = {active_label(store): stamp_id for stamp_id, store in stores.items()}
                self._noted.update({one: its for one, its in labels.items() if one is not None})
            return self._noted[manifest_id]


def stamps_in(report: VerificationReport) -> list[StampId]:
    """The stamps whose manifests belong to a file that was examined.

    Not one of a mark that lies on another picture than was stamped, and none that a list of
    withdrawals names which the registry does not have.
    """
    return [
        find.watermark.stamp_id
        for find in report.finds
        if find.watermark.stamp_id is not None
        and find.registry.revocation is None
        and find.registry.compared.picture != "differs"
    ]
