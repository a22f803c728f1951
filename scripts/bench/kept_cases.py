"""All recipes of odd files."""

from __future__ import annotations

from itertools import chain

from bench import kept_cases_contents as contents
from bench import kept_cases_times as times
from bench.kept_files import Recipe


def recipes() -> list[Recipe]:
    """All of them, each with a name of its own."""
    made = [
        *chain(times.clocks(), times.coarse_clocks(), times.starts(), times.edits()),
        *chain(contents.codecs(), contents.tracks(), contents.crops(), contents.shown()),
        *chain(contents.tags(), contents.refusals()),
    ]
    names = [one.name for one in made]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"recipes of the same name: {', '.join(sorted(twice))}")
    return made
