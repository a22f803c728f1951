"""Whatever a public signature mentions can be imported from where the rest is."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from typing import Any

import provenance
from provenance import errors, results

NAMES = {*provenance.__all__, *results.__all__, *vars(errors)}
OWN = {
    "FrameStamping",  # Stamper.open makes it
    "Stamper.stamp_spooled",  # FrameStamping's way in
    "Claims.asked",
    "Withdrawal.hits",
    *(f"Examiner.{name}" for name in ("gather", "imprint", "unpack")),
    *(f"Registry.{name}" for name in ("add", "commit", "each", "refuse_second", "stamped_before")),
}
"""Not called by users: the package's other rooms write a registry, look up and ask by them."""
HOW = {"Settings", "More", "Unpack", "At", "Decibels", "Ratio", "Seconds", "Break", "Hidden"}
"""How keyword arguments and numbers are typed, and parts of the registry's answers: nobody makes
one."""


def signatures() -> Iterator[tuple[str, inspect.Signature]]:
    """Of every public function, class, method and property."""
    for name in provenance.__all__:
        given: Any = getattr(provenance, name)
        if inspect.isfunction(given):
            yield name, inspect.signature(given)
        if not inspect.isclass(given):
            continue
        if "__init__" in vars(given):
            yield name, inspect.signature(given.__init__)
        for own, value in vars(given).items():
            if own.startswith("_"):
                continue
            call = value.fget if isinstance(value, property) else getattr(given, own)
            if inspect.isroutine(call):
                yield f"{name}.{own}", inspect.signature(call)


def ours(word: str) -> bool:
    """Whether a word is a name of a module of this package."""
    return any(
        getattr(module, word, None) is not None
        and str(getattr(getattr(module, word), "__module__", "")).startswith("provenance.")
        for name, module in list(sys.modules.items())
        if name.startswith("provenance.")
    )


def test_everything_a_public_signature_mentions_is_public() -> None:
    seen: set[str] = set()
    hidden: dict[str, str] = {}
    for name, signature in signatures():
        seen.add(name)
        if name in OWN:
            continue
        parts = [*(p.annotation for p in signature.parameters.values())]
        for text in (str(part) for part in [*parts, signature.return_annotation]):
            for word in re.findall(r"\b[A-Z]\w+", text):
                if word not in NAMES | HOW and ours(word):
                    hidden[word] = name
    assert hidden == {}
    assert seen > OWN
