"""Every sentence that ``verify`` says, made by running it: the page docs/verdicts.md.

Findings are given as values, so that the page is the same wherever it is made; a test holds the
page against this.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from bench.combinations import ORIGINAL, OTHER, OURS, RECORD, RECOVERED, THEN
from provenance.results import (
    Compared,
    Detection,
    DifferentArea,
    Ingredient,
    ManifestReport,
    MissingArea,
    PictureMap,
    RegistryReport,
    Segment,
    SoftBinding,
)
from provenance.verifying.summary import summary
from provenance.verifying.verdict import Case, decide

HEAD = """# Every sentence of `verify`

Made by `scripts/prove_verdicts --page docs/verdicts.md`, which runs the program on each finding; a
test keeps the page as the program is. What to do on each: [concepts.md](concepts.md#verdicts).

A sentence says what it rests on: who signed, what the registry has, what was compared. What it does
not say was not looked at.
"""

FOUND = Detection(
    "found", OURS, "k1", 1, 900.0, 4.2, 1e-12, 41, segments=(Segment(0.0, 5.5, "marked", 30.0),)
)
SPLICED = replace(
    FOUND,
    status="partial",
    segments=(Segment(0.0, 2.0, "marked", 20.0), Segment(2.0, 5.5, "unmarked", 0.1)),
)
HOLE = MissingArea(0.15, 0.0, 0.5, 0.4, 1.0)
COVERED = replace(
    FOUND,
    status="partial",
    picture=PictureMap(1, 1, ("missing",), (0.0,), (9.0,), (-9.0,), (HOLE,)),
)
ABSENT = Detection("absent", frames=640)
WEAK = Detection("weak", score=120.0, frames=640)
UNKEYED = Detection(
    "not_checked", reason="the manifest names watermark key k9, which is not held here"
)
NONE = ManifestReport("absent")
PARTNER = replace(
    ORIGINAL, signer="Partner Org", signer_id="22222222", issuer=False, signature="bb" * 32
)
FOREIGN = replace(PARTNER, soft_binding=None, model_name=None, model_version=None)
RESTORED = replace(ORIGINAL, source="recovered", recovered=RECOVERED, signature="bb" * 32)
LENT = replace(ORIGINAL, source="registry")
UNASKED = RegistryReport()
FAILED = RegistryReport(failed=True, reason="the registry can't be reached")
NO_MATCH = RegistryReport("no_match", reason=None)
ALIKE = Compared("same", 0.02, 1.0, 41, order="kept", speed=1.0, sound="same", seconds=(5.5, 5.5))
AREA = DifferentArea(0.3, 0.0, 0.5, 0.5, 1.0, 0.0, 5.5)


def match(**changes: Any) -> RegistryReport:
    """The answer of a registry that has the stamp."""
    fields: dict[str, Any] = {"record": RECORD.as_json(), "compared": ALIKE, "reason": None}
    return RegistryReport("match", **(fields | changes))


def pasted(**changes: Any) -> RegistryReport:
    """The answer on a picture of which a part shows something else."""
    area = replace(AREA, **changes)
    return match(compared=replace(ALIKE, picture="areas", areas=(area,)))


def differing(**changes: Any) -> RegistryReport:
    """The answer on a copy that was compared with another result."""
    return match(compared=replace(ALIKE, **changes))


STOLEN = {"date": "2026-11-25", "reason": "signing key stolen"}
SITUATIONS: tuple[tuple[str, Detection, ManifestReport, RegistryReport], ...] = (
    ("The stamped file, its registry asked", FOUND, ORIGINAL, match(knows="file")),
    ("The same, its name and free boxes changed", FOUND, ORIGINAL, match(knows="manifest")),
    ("The same, no registry asked", FOUND, ORIGINAL, UNASKED),
    ("The same, a signed list given", FOUND, ORIGINAL, replace(UNASKED, listed_at=THEN)),
    ("The same, another registry asked", FOUND, ORIGINAL, NO_MATCH),
    ("The same, the registry out of reach", FOUND, ORIGINAL, FAILED),
    (
        "The same, made from a changed file",
        FOUND,
        replace(ORIGINAL, ingredients=(Ingredient("source clip", "invalid", ("x.mismatch",)),)),
        match(knows="file"),
    ),
    ("Its signing key withdrawn", FOUND, ORIGINAL, match(knows="file", revocation=STOLEN)),
    (
        "A clip it was made from withdrawn",
        FOUND,
        ORIGINAL,
        match(knows="file", revocation=STOLEN, through=OTHER),
    ),
    ("Manifest and mark of two clips", replace(FOUND, stamp_id=OTHER), ORIGINAL, UNASKED),
    ("A manifest put on an unmarked picture", ABSENT, ORIGINAL, UNASKED),
    (
        "Signed by a partner, other than recorded",
        FOUND,
        replace(PARTNER, model_name="OtherModel", model_version="9"),
        match(differs=("signer", "model name", "model version")),
    ),
    (
        "Signed by a stranger, other than recorded",
        FOUND,
        replace(PARTNER, status="valid"),
        match(differs=("signer",)),
    ),
    (
        "Signed with our key, but not the registered manifest",
        FOUND,
        ORIGINAL,
        match(knows="other", differs=("the manifest itself, which is not the registered one",)),
    ),
    (
        "A record that somebody changed in the database",
        FOUND,
        ORIGINAL,
        match(knows="file", contradictions=("model version",)),
    ),
    ("The mark copied onto another video", FOUND, NONE, differing(picture="differs")),
    ("The mark copied onto a part", FOUND, NONE, pasted(copied=True)),
    (
        "The mark goes on over another video",
        FOUND,
        NONE,
        match(strange=((2.0, 5.5),)),
    ),
    (
        "Changed after signing",
        FOUND,
        replace(ORIGINAL, status="invalid", failures=("assertion.bmffHash.mismatch",)),
        match(),
    ),
    (
        "Signed with an expired certificate",
        ABSENT,
        replace(ORIGINAL, status="invalid", failures=("signingCredential.expired",)),
        UNASKED,
    ),
    ("A stretch of it in another video", SPLICED, NONE, match()),
    ("An area cut out of the mark", COVERED, NONE, match()),
    ("An area pasted over", FOUND, NONE, pasted()),
    ("A splice signed by a partner", SPLICED, FOREIGN, UNASKED),
    ("Signed by a stranger", FOUND, replace(PARTNER, status="valid"), UNASKED),
    (
        "Signed by a stranger, no mark",
        ABSENT,
        replace(FOREIGN, status="valid"),
        UNASKED,
    ),
    ("Signed by a partner, no mark of ours", ABSENT, FOREIGN, UNASKED),
    ("Its watermark key not held", UNKEYED, ORIGINAL, UNASKED),
    ("A copy without its credential", FOUND, LENT, match()),
    ("The same bytes without their sidecar", FOUND, LENT, match(compared=Compared("bytes"))),
    ("A copy whose sound was replaced", FOUND, LENT, differing(sound="differs")),
    ("A copy played backwards", FOUND, LENT, differing(order="reversed")),
    ("A copy in another order", FOUND, LENT, differing(order="shuffled")),
    (
        "A copy at double speed",
        FOUND,
        LENT,
        differing(speed=2.0, seconds=(5.5, 2.75), sound="not_compared", sound_reason="too short"),
    ),
    ("A copy with a small area pasted over", FOUND, LENT, pasted(share=0.05)),
    (
        "A copy too flat to compare",
        FOUND,
        LENT,
        match(
            compared=Compared(
                picture_reason="too little that is not flat is in view of both",
                sound_reason="no sound was registered",
            )
        ),
    ),
    ("A copy that was given its credential back", FOUND, RESTORED, match()),
    ("Signed by a partner after us", FOUND, replace(FOREIGN, model_name="OtherModel"), match()),
    ("A partner's word about our stamp, no registry", FOUND, PARTNER, UNASKED),
    ("A copy, no registry asked", FOUND, NONE, UNASKED),
    ("A copy, another registry asked", FOUND, NONE, NO_MATCH),
    ("A weak signal", WEAK, NONE, UNASKED),
    ("A weak signal under a trusted credential", WEAK, ORIGINAL, UNASKED),
    (
        "A restored copy, its watermark key not held",
        UNKEYED,
        RESTORED,
        UNASKED,
    ),
    (
        "A manifest on a server",
        ABSENT,
        ManifestReport(
            "not_checked", "remote", reason="The manifest lies on a server, which was not asked."
        ),
        UNASKED,
    ),
    ("Nothing of ours", ABSENT, NONE, UNASKED),
    (
        "Another maker's watermark declared",
        ABSENT,
        replace(FOREIGN, soft_binding=SoftBinding("com.example.mark", None)),
        UNASKED,
    ),
)


def told() -> Iterator[tuple[str, str, str]]:
    """Situation, verdict and sentence of each."""
    for situation, watermark, manifest, registry in SITUATIONS:
        case = Case(watermark, manifest, registry)
        decision = decide(case)
        yield situation, decision.verdict.value, summary(case, decision)


def page() -> str:
    """The page, in Markdown."""
    rows = [f"| {situation} | {verdict} | {said} |" for situation, verdict, said in told()]
    table = "| situation | verdict | sentence |\n|---|---|---|\n" + "\n".join(rows)
    required = "With `--require-registry` the third of these reads:"
    return f"{HEAD}\n{table}\n\n{required}\n\n> {_required()}\n"


def _required() -> str:
    case = Case(FOUND, ORIGINAL, UNASKED, require_registry=True)
    decision = decide(case)
    return f"{decision.verdict}: {summary(case, decision)}"
