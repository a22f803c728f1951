"""Makes each file, has the product copy or stamp it, and says what came of that."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final, cast

import av
import numpy as np

from bench import kept_facts, kept_files
from bench.kept import Difference, differences
from bench.kept_cases import recipes
from bench.kept_files import Recipe
from bench.kept_pair import Pair
from bench.kept_reasons import NOT_KEPT, REASONS
from provenance import (
    EncoderOptions,
    Keyring,
    ProvenanceError,
    Registry,
    Verdict,
    hash_prompt,
    init_keyring,
    stamp,
    verify,
)
from provenance.video import container_for, foresee, transcode

_RAW: Final = re.compile(r"error\b|traceback|errno|invalid argument|exception|(?-i:\bNone\b)", re.I)
"""Words of libraries and of Python, which say nothing to whoever reads a sentence."""
_QUICK: Final = {None: "veryfast", "hevc": "ultrafast", "av1": "12", "vp9": "8", "prores": None}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a file: differences, or the sentence it was refused with; ``wrong`` besides."""

    name: str
    differences: tuple[Difference, ...] = ()
    refused: str | None = None
    wrong: str | None = None

    @property
    def holds(self) -> bool:
        """Whether all is as it should be."""
        return self.wrong is None and all(one.reason for one in self.differences)

    def lines(self) -> Iterator[str]:
        """For people: a line for each difference."""
        if self.refused is not None:
            yield f"{self.name} | refused | {self.refused}"
        for one in self.differences:
            why = NOT_KEPT if one.reason is None else REASONS[one.reason][1]
            yield f"{self.name} | {one.field} | {one.before} | {one.after} | {why}"
        if self.wrong is not None:
            yield f"{self.name} | WRONG | {self.wrong}"
        if not self.differences and self.refused is None and self.wrong is None:
            yield f"{self.name} | nothing differs"


def chosen(patterns: Iterable[str]) -> list[Recipe]:
    """The recipes of these names."""
    return [one for one in recipes() if any(fnmatch(one.name, each) for each in patterns)]


def copied(folder: Path, made: Iterable[Recipe]) -> Iterator[Outcome]:
    """Each file through the video package, with a mark that changes nothing."""
    _quiet()
    for recipe in made:
        source = kept_files.make(recipe, folder)
        target = _target(folder, recipe)
        try:
            foresight = foresee(source, container_for(target), recipe.keep)
            transcode(
                *(source, target, _unchanged, _encoder(recipe)),
                foresight=foresight,
                mark_threads=1,
            )
        except ProvenanceError as error:
            yield refusal(recipe, str(error))
        except Exception as error:  # whatever breaks is a finding
            yield Outcome(recipe.name, wrong=f"it broke: {error!r}")
        else:
            yield _compared(recipe, source, target, foresight)


def stamped(folder: Path, count: int) -> Iterator[Outcome]:
    """Some of the files, larger, stamped and verified."""
    _quiet()
    fitting = [one for one in recipes() if one.is_small]
    step = max(1, len(fitting) // max(1, count))
    some = [replace(one.larger(), name=f"stamped-{one.name}") for one in fitting[::step][:count]]
    keyring = init_keyring(folder / "keys", "Example Studio")
    with Registry(str(folder / "registry.db"), create=True) as registry:
        for recipe in some:
            yield _stamped(folder, recipe, keyring, registry)


def _stamped(folder: Path, recipe: Recipe, keyring: Keyring, registry: Registry) -> Outcome:
    source, target = kept_files.make(recipe, folder), _target(folder, recipe)
    try:
        stamp(
            *(source, target),
            keyring=keyring,
            model_name="M",
            model_version="1",
            prompt_hash=hash_prompt("a walk through moss", keyring.prompt_key),
            registry=registry,
            encoder=_encoder(recipe),
            keep_tags=recipe.keep,
        )
        report = verify(
            target, watermark_keys=keyring.watermark_keys, trust=keyring.trust, registry=registry
        )
    except ProvenanceError as error:
        return refusal(recipe, str(error))
    made = _compared(recipe, source, target, foresee(source, container_for(target), recipe.keep))
    if report.verdict is not Verdict.CONFIRMED:
        return replace(made, wrong=f"its stamp is {report.verdict}: {report.summary}")
    return made


def refusal(recipe: Recipe, sentence: str) -> Outcome:
    """A file that was refused, and what is wrong with that or with the sentence."""
    wrong = None
    if recipe.refused is None:
        wrong = "it is not to be refused"
    elif not re.search(recipe.refused, sentence):
        wrong = f"the sentence does not name {recipe.refused!r}"
    elif raw := _RAW.search(sentence):
        wrong = f"the sentence says {raw[0]!r}"
    return Outcome(recipe.name, refused=sentence, wrong=wrong)


def summary(outcomes: list[Outcome]) -> Iterator[str]:
    """What it comes to."""
    reasons = Counter(one.reason for each in outcomes for one in each.differences)
    refused = sum(each.refused is not None for each in outcomes)
    same = sum(not each.differences and each.refused is None for each in outcomes)
    yield (
        f"{len(outcomes)} files: {same} without a difference, {refused} refused, "
        f"{sum(not each.holds for each in outcomes)} not as they should be"
    )
    for name, (what, _) in REASONS.items():
        if reasons[name]:
            yield f"{reasons[name]:6}  on purpose: {what}"
    yield f"{reasons[None]:6}  {NOT_KEPT.lower()}"


def _compared(recipe: Recipe, source: Path, target: Path, foresight: Any) -> Outcome:
    if recipe.refused is not None:
        return Outcome(recipe.name, wrong="it is to be refused")
    before, after = kept_facts.read(source), kept_facts.read(target)
    if not after.shown:
        return Outcome(recipe.name, wrong="the copy shows no picture")
    return Outcome(recipe.name, tuple(differences(Pair(recipe, before, after, foresight))))


def _target(folder: Path, recipe: Recipe) -> Path:
    return folder / f"{recipe.name}-copy.{recipe.target}"


def _encoder(recipe: Recipe) -> EncoderOptions:
    into = recipe.into or ("vp9" if recipe.target == "webm" else None)
    return EncoderOptions(codec=cast("Any", into), preset=_QUICK.get(into), threads=1)


def _unchanged(luma_in: Any, luma_out: Any, _info: object) -> None:
    np.copyto(luma_out, luma_in)


def _quiet() -> None:
    av.logging.set_level(None)
    os.environ.setdefault("SVT_LOG", "1")
