"""What a situation came to, held against what is due.  Pure, but for the calls handed in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from provenance import ProvenanceError, Verdict, VerificationReport

REFUSED, DONE = "refused", "done"


@dataclass(frozen=True, slots=True)
class Due:
    """What is to come of a situation.

    Attributes:
        verdicts: any of these.
        says: all of these words stand in the sentence.
        silent: none of these does.
    """

    verdicts: tuple[Verdict, ...]
    says: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what came of a situation, and what is wrong with that."""

    item: str
    situation: str
    came: str
    said: str
    wrong: str | None = None

    def as_json(self) -> dict[str, str | None]:
        """A line of the results."""
        return {
            "item": self.item,
            "situation": self.situation,
            "came": self.came,
            "said": self.said,
            "wrong": self.wrong,
        }

    def line(self) -> str:
        """For people."""
        wrong = "" if self.wrong is None else f"  WRONG: {self.wrong}"
        return f"{self.item:12} | {self.situation} | {self.came} | {self.said}{wrong}"


def judged(item: str, situation: str, report: VerificationReport, due: Due) -> Row:
    """A report as a row."""
    return Row(item, situation, report.verdict.value, report.summary, _wrong(report, due))


def _wrong(report: VerificationReport, due: Due) -> str | None:
    if report.verdict not in due.verdicts:
        return f"due is {' or '.join(due.verdicts)}"
    return _words(report.summary, due.says, due.silent)


def _words(said: str, says: Iterable[str], silent: Iterable[str] = ()) -> str | None:
    missing = [words for words in says if words not in said]
    if missing:
        return f"does not say {missing[0]!r}"
    told = [words for words in silent if words in said]
    return f"says {told[0]!r}" if told else None


def refused(item: str, situation: str, call: Callable[[], object], *says: str) -> Row:
    """A call that has to be refused with a sentence that holds these words."""
    try:
        call()
    except ProvenanceError as error:
        return Row(item, situation, REFUSED, str(error), _words(str(error), says))
    return Row(item, situation, DONE, "", "it is to be refused")


def held(item: str, situation: str, said: str, *, holds: bool, due: str) -> Row:
    """A fact that has to hold: ``due`` says which."""
    return Row(item, situation, DONE if holds else "not so", said, None if holds else due)


def tally(rows: Iterable[Row]) -> Counter[str]:
    """How many rows are as they are due, and how many are not."""
    return Counter("as due" if row.wrong is None else "WRONG" for row in rows)
