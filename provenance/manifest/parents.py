"""A signed input: how it is found, and how it is described as the parent ingredient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from provenance.manifest.assertions import PARENT_LABEL
from provenance.manifest.containers import identify
from provenance.manifest.reader import Reading, interpret, read_store
from provenance.manifest.trust import Trust
from provenance.results import ManifestReport

STORE = "parent.c2pa"
"""Name under which a parent's store goes along with the builder."""
TITLE = "source clip"
"""What a parent is called: its file name is nobody's business, and may hold a name or a prompt."""


@dataclass(frozen=True, slots=True)
class Parent:
    """A signed input, about to become the parent ingredient of what is made from it.

    ``embedded``: the library reads manifest and validation from the file itself; ``sidecar``:
    ``store`` holds the manifest and ``results`` what validation said of it; ``unreadable``: there
    is a manifest, too damaged to be carried along, so only its failure is.
    """

    path: Path
    title: str
    mime: str
    kind: Literal["embedded", "sidecar", "unreadable"]
    store: bytes | None = field(default=None, repr=False)
    label: str | None = None
    results: dict[str, Any] | None = field(default=None, repr=False)
    texts: tuple[str, ...] = field(default=(), repr=False)
    """Everything that can be read in the manifests that are carried along."""
    report: ManifestReport | None = field(default=None, repr=False)
    """What the manifest says of itself, where it can be read."""

    def definition(self) -> dict[str, Any]:
        """The ingredient's definition, to which the library adds what it reads itself."""
        base: dict[str, Any] = {
            "title": self.title,
            "format": self.mime,
            "relationship": "parentOf",
            "label": PARENT_LABEL,
        }
        if self.kind == "sidecar":
            base["active_manifest"] = self.label
            base["manifest_data"] = {"format": "application/c2pa", "identifier": STORE}
            base["validation_results"] = self.results
        elif self.kind == "unreadable":
            failure = {
                "code": "general.error",
                "explanation": "the input's manifest store could not be read",
            }
            base["validation_results"] = {
                "activeManifest": {"success": [], "informational": [], "failure": [failure]}
            }
        return base


def find_parent(path: Path, trust: Trust, *, sidecar: Path | None = None) -> Parent | None:
    """Say whether the input is signed, whatever its manifest is worth.

    ``None`` means that it carries no manifest, embedded or in a sidecar beside it.

    Raises:
        UnreadableFileError: when the input can't be read.
    """
    reading = read_store(path, trust, sidecar)
    mime = identify(path).mime
    if not isinstance(reading, Reading):
        if reading.status == "invalid":
            return Parent(path, TITLE, mime, "unreadable")
        return Parent(path, TITLE, mime, "embedded") if reading.source == "remote" else None
    texts, report = tuple(_texts(reading.data)), interpret(reading, trust)
    if reading.store is None:
        return Parent(path, TITLE, mime, "embedded", texts=texts, report=report)
    label, results = reading.data.get("active_manifest"), reading.data.get("validation_results")
    if not isinstance(label, str) or not isinstance(results, dict):
        return Parent(path, TITLE, mime, "unreadable")
    return Parent(path, TITLE, mime, "sidecar", reading.store, label, results, texts, report)


def _texts(value: Any) -> Iterator[str]:
    """All strings in a manifest store's JSON, with the names of its fields."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            waiting += one
