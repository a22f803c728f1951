"""Every situation in which a verdict could say too much, made as files and verified.

Those of the content (:mod:`bench.situations_content`) are made of every clip, the others
(:mod:`bench.situations_signers`, ``_records``, ``_registries``) of the first.  A situation that
can't be made counts as one that is not as due.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from bench import (
    situations_content,
    situations_records,
    situations_registries,
    situations_signers,
)
from bench.due import Row
from bench.studio import Studio
from provenance import ProvenanceError
from provenance.registry import Registry

Group = Callable[[Studio], Iterator[Row]]
CONTENT = (situations_content.restored, situations_content.content)
GROUPS: tuple[Group, ...] = (
    *situations_signers.GROUPS,
    *situations_records.GROUPS,
    *situations_registries.GROUPS,
)
NAMES = tuple(group.__name__ for group in (*CONTENT, *GROUPS))


def situations(clips: list[Path], only: frozenset[str] = frozenset()) -> Iterator[Row]:
    """One row for each thing that was tried; the rows of a group come when it is done.

    Args:
        clips: two or more.
        only: names of groups; default: all of :data:`NAMES`.
    """
    with (
        tempfile.TemporaryDirectory(prefix="provenance-situations-") as name,
        Registry(str(Path(name) / "registry.db"), create=True) as registry,
    ):
        studio = Studio(Path(name), registry, clips)
        for each in CONTENT:
            for number, clip in enumerate(clips):
                if not only or each.__name__ in only:
                    rows = _told(each.__name__, each(studio, number))
                    yield from (
                        replace(row, situation=f"{clip.stem}: {row.situation}") for row in rows
                    )
        for group in GROUPS:
            if not only or group.__name__ in only:
                yield from _told(group.__name__, group(studio))


def _told(name: str, rows: Iterator[Row]) -> Iterator[Row]:
    try:
        yield from rows
    except ProvenanceError as error:
        yield Row(name, "the next one", "stopped", str(error), "the situation can't be made")
