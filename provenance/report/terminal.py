"""Short tables for a terminal: what was found, what it rests on, what to do next.

Words carry the meaning, colour only repeats it.  Texts from files are printed as text: never as
markup, never with a control character.  Nothing here writes to a stream by itself: the caller
brings the console.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from provenance.results import (
    CellStatus,
    Compared,
    Detection,
    ManifestReport,
    Other,
    PictureMap,
    RegistryReport,
    StampResult,
    Tag,
    Transform,
    Verdict,
    VerificationReport,
)
from provenance.system.text import chance, listing, printable, several, size
from provenance.verifying.steps import next_step
from provenance.verifying.stretches import unmarked
from provenance.verifying.wording import (
    apart,
    area,
    finely,
    marked_in,
    placed,
    recorded,
    where,
    withdrawn,
)

STYLES = {
    Verdict.REVOKED: "bold red",
    Verdict.CONFLICT: "bold red",
    Verdict.CREDENTIAL_INVALID: "bold red",
    Verdict.PARTIAL: "bold yellow",
    Verdict.CONFIRMED: "bold green",
    Verdict.SIGNER_UNTRUSTED: "bold yellow",
    Verdict.CREDENTIAL_ONLY: "bold yellow",
    Verdict.WATERMARK_MATCH: "bold green",
    Verdict.WATERMARK_UNKNOWN: "bold yellow",
    Verdict.SUSPECTED: "bold yellow",
    Verdict.NOT_CHECKED: "bold magenta",
    Verdict.NO_MARK_FOUND: "bold",
}


def show_verification(report: VerificationReport, console: Console) -> None:
    """Print the table of one verified file."""
    facts = report.file
    title = Text(printable(facts.path, 500), style="bold", overflow="fold")
    details: list[str] = [facts.kind or "unknown kind"]
    if facts.bytes is not None:
        details.append(size(facts.bytes))
    title.append(f"  ({', '.join(details)})", style="not bold dim")
    console.print(title)
    verdict = Text(report.verdict.value, style=STYLES[report.verdict])
    table = _table()
    table.add_row("Verdict", verdict)
    table.add_row("", _text(report.summary, 2000))
    _watermark_rows(table, report)
    _manifest_rows(table, report.manifest)
    _registry_rows(table, report.registry)
    for other in report.others:
        table.add_row("Also in it", _text(f"stamp {other.watermark.stamp_id}"))
        table.add_row("  where", _text(where(other.watermark)))
        if other.registry.status == "match":
            table.add_row("  model", _text(recorded(other.registry)))
        if other.registry.revocation is not None:
            table.add_row("  withdrawn", _text(withdrawn(other.registry)))
    table.add_row("To do", _text(next_step(report), 500))
    print_table(table, console)
    console.print()


def show_unexamined(path: str, reason: str, console: Console) -> None:
    """Print the line of a file that could not be examined at all."""
    line = Text("Error: ", style="bold red")
    line.append(printable(reason, 1000), style="default not bold")
    if (
        printable(path, 500) not in printable(reason, 1000)
        and path.rsplit("/", 1)[-1] not in reason
    ):
        line = Text(f"{printable(path, 500)}: ", style="bold") + line
    console.print(line, soft_wrap=True)


def named(tags: Sequence[Tag]) -> str:
    """Tags by name: the container's first, then those of tracks, chapters and boxes."""
    return listing(str(tag) for tag in sorted(tags, key=lambda tag: tag.place != "container"))


def show_stamp(result: StampResult, console: Console) -> None:
    """Print the table of one stamped clip."""
    console.print(Text(printable(result.output_path, 500), style="bold", overflow="fold"))
    table = _table()
    table.add_row("Stamped", Text("stamped, signed and read back", style="bold green"))
    table.add_row("Stamp id", _text(result.stamp_id.hex))
    table.add_row(
        "Watermark",
        _text(
            f"{result.margin_db:.1f} dB above what decoding needs, "
            f"PSNR-Y {result.psnr_y_db:.1f} dB, {result.frames} frames, "
            f"profile {result.profile}, key {result.key_id}"
        ),
    )
    table.add_row("", _text(f"{result.copy_margin_db:.1f} dB expected in a 360p CRF 30 copy"))
    for warning in result.warnings:
        table.add_row("", _text(warning))
    where = (
        "embedded" if result.sidecar is None else f"in {result.sidecar}, keep it beside the clip"
    )
    table.add_row("Manifest", _text(f"{result.manifest_status}, {where}", 500))
    table.add_row("Signed", _text(_moment(result.signed_at)))
    if result.tags_left_out:
        table.add_row("Left out", _text(named(result.tags_left_out), 500))
    table.add_row("Took", _text(f"{result.seconds:.1f} s"))
    print_table(table, console)


def _watermark_rows(table: Table, report: VerificationReport) -> None:
    found, coverage, kind = report.watermark, report.coverage, report.file.kind or "file"
    words = {"not_checked": "not checked", "absent": "none found"}
    status = words.get(found.status, found.status)
    table.add_row("Watermark", _with_reason(status, found.reason))
    if found.stamp_id is not None:
        table.add_row("  stamp id", _text(found.stamp_id.hex))
        table.add_row("  key", _text(f"{found.key_id or 'unnamed'}, layout {found.layout or '?'}"))
    if found.score is not None and found.status != "not_checked":
        strength = f"score {found.score:.0f}"
        if found.margin_db is not None and found.stamp_id is not None:
            strength += f", {found.margin_db:.1f} dB above what decoding needs"
        table.add_row("  strength", _text(strength))
    if found.false_positive_probability is not None and found.stamp_id is not None:
        bound = chance(found.false_positive_probability)
        table.add_row("  chance", _text(f"at most {bound} on an unmarked {kind}"))
    if coverage is not None:
        most = f", {apart(coverage)} apart at most" if coverage.longest_gap_s else ""
        table.add_row("  frames", _text(f"{coverage.frames} looked at{most}"))
        took = spent_lines({stage.name: stage.seconds for stage in coverage.spent})
        for number, line in enumerate(took):
            table.add_row("" if number else "  time", Text(line))
    if found.transform is not None and found.stamp_id is not None:
        table.add_row("  picture", _text(describe(found.transform)))
    if inside := placed(found):
        table.add_row("  where", _text(inside))
    if found.segments and found.stamp_id is not None and kind == "video":
        table.add_row("  timeline", _text(_timeline(found, report.others), 400))
    if found.picture is not None and found.picture.missing is not None:
        table.add_row("  missing", _text(f"{area(found.picture.missing)}; # marked, . missing"))
        for line in _drawn(found.picture):
            table.add_row("", Text(line))


def spent_lines(spent: Mapping[str, float]) -> list[str]:
    """Where processors' seconds of a search went, the longest first, and their sum before them."""
    if not spent:
        return []
    longest = sorted(spent.items(), key=lambda one: -one[1])
    told = [
        (sum(spent.values()), "for the search, of processors' time"),
        *((s, n) for n, s in longest),
    ]
    return [f"{seconds:8.2f} s  {name}" for seconds, name in told]


def _manifest_rows(table: Table, manifest: ManifestReport) -> None:
    words = {
        "trusted": "intact, signer trusted",
        "valid": "intact, signer not on the trust list",
        "invalid": "fails validation",
        "absent": "none",
        "not_checked": "not checked",
    }
    status = words[manifest.status]
    if manifest.source == "recovered":
        status += " (of a copy that was given its credential back)"
    elif manifest.source == "registry":
        whose = {"trusted": "signer trusted", "valid": "signer not on the trust list"}
        held = whose.get(manifest.status, "fails validation")
        status = f"recovered from the registry, {held}; not bound to this file"
    elif manifest.source is not None and manifest.status != "absent":
        status += f" ({manifest.source})"
    table.add_row("Manifest", _with_reason(status, manifest.reason))
    for failure in manifest.failures[:5]:
        table.add_row("  failure", _text(failure))
    if manifest.status in ("absent", "not_checked"):
        return
    # Whoever wrote an unproven manifest wrote these too.
    claims = "" if manifest.status == "trusted" else "claims "
    if manifest.signer:
        table.add_row("  signer", _text(claims + manifest.signer))
    if manifest.signed_at is not None:
        table.add_row("  date", _text(claims + _moment(manifest.signed_at)))
    if manifest.provider:
        table.add_row("  provider", _text(claims + manifest.provider))
    model = " ".join(part for part in (manifest.model_name, manifest.model_version) if part)
    card = manifest.model_card_sha256
    if model:
        model += f", card sha256 {card[:16]}…" if card else ""
        table.add_row("  model", _text(claims + model))
    if manifest.prompt_hash is not None:
        prompt = manifest.prompt_hash
        key = f", key {prompt.key_id}" if prompt.key_id else ""
        table.add_row("  prompt", _text(f"{prompt.alg} {prompt.value[:16]}…{key}"))
    if manifest.soft_binding is not None:
        binding = manifest.soft_binding
        named = binding.stamp_id.hex if binding.stamp_id else f"a watermark by {binding.alg}"
        table.add_row("  names", _text(f"stamp {named}" if binding.stamp_id else named))
    for ingredient in manifest.ingredients[:5]:
        failures = f" ({listing(ingredient.failures[:3])})" if ingredient.failures else ""
        table.add_row(
            "  made from", _text(f"{ingredient.title or 'unnamed'}: {ingredient.status}{failures}")
        )


def _registry_rows(table: Table, registry: RegistryReport) -> None:
    if registry.listed_at is not None:
        table.add_row("Withdrawals", _text(f"list of {_moment(registry.listed_at)}"))
    if registry.bundled_at is not None:
        table.add_row("Bundle", _text(f"of {_moment(registry.bundled_at)}"))
    if registry.status == "not_checked" and registry.revocation is None:
        table.add_row("Registry", _text(str(registry.reason)))
        return
    words = {"match": "has this stamp", "no_match": "has no such stamp"}
    table.add_row(
        "Registry", _with_reason(words.get(registry.status, "not checked"), registry.reason)
    )
    record = registry.record or {}
    if record.get("approval"):
        table.add_row("  approval", _text(record["approval"]))
    if record.get("consents"):
        table.add_row("  consents", _text(listing(record["consents"][:5])))
    if registry.knows in ("file", "manifest"):
        known = "these very bytes" if registry.knows == "file" else "this very manifest"
        table.add_row("  knows", known)
    for name in registry.differs:
        table.add_row("  differs", _text(name))
    compared = registry.compared
    if compared.picture not in ("bytes", "not_compared"):
        _compared_rows(table, compared)


def _compared_rows(table: Table, compared: Compared) -> None:
    if compared.distance is not None:
        over = "" if compared.share is None else f", {100 * compared.share:.0f} % of it in view"
        table.add_row(
            "  picture",
            f"compared in {several(compared.frames, 'frame')}{over}, {finely(compared)}; "
            "changes in less than four of them may not show",
        )
    for one in compared.areas[:5]:
        mark = ", and the mark lies over it" if one.copied else ""
        table.add_row("  differs", _text(area(one) + mark))


def describe(transform: Transform) -> str:
    """How the examined picture lies on the stamped one, in words."""
    parts = []
    if abs(transform.scale - 1.0) > 0.01:
        parts.append(f"scaled to {transform.scale:.2f}")
    if transform.mirrored:
        parts.append("mirrored")
    if abs(transform.rotation_deg) > 0.2:
        parts.append(f"turned {transform.rotation_deg:.1f} degrees")
    if abs(transform.aspect - 1.0) > 0.005:
        parts.append(f"width stretched by {transform.aspect:.3f}")
    if max(abs(transform.matrix[6]), abs(transform.matrix[7])) > 1e-5:
        parts.append("seen at an angle")
    return listing(parts) or "lies as it was stamped"


def _timeline(found: Detection, others: Sequence[Other]) -> str:
    marked = marked_in(found.segments)
    unknown = sum(s.end - s.start for s in found.segments if s.status == "unknown")
    without = [(s.start, s.end) for s in found.segments if s.status == "unmarked"]
    bare: Sequence[tuple[float, float]] = without
    for other in others:
        bare = unmarked(bare, other.watermark)
    elsewhere, nowhere = (sum(end - start for start, end in one) for one in (without, bare))
    text = f"marked {marked}" if marked else "no second of it shows the mark by itself"
    if elsewhere - nowhere >= 0.05:
        text += f"; other stamps {elsewhere - nowhere:.1f} s"
    if nowhere >= 0.05:
        text += f"; unmarked {nowhere:.1f} s"
    if unknown:
        text += f"; unknown {unknown:.1f} s"
    return text


def _drawn(picture: PictureMap) -> list[str]:
    """The map in a few lines of characters; a character is about twice as high as wide."""
    rows = max(4, min(10, picture.rows))
    columns = max(8, round(2 * rows * picture.columns / picture.rows))
    signs: dict[CellStatus, str] = {"marked": "#", "missing": ".", "unknown": "?"}
    return [
        "".join(
            signs[picture.state((column + 0.5) / columns, (row + 0.5) / rows)]
            for column in range(columns)
        )
        for row in range(rows)
    ]


def _table() -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1), pad_edge=False)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    return table


def print_table(table: Table, console: Console) -> None:
    """Print without the blanks that fill up each line: they get in the way of copying and diff."""
    with console.capture() as capture:
        console.print(table)
    for line in capture.get().splitlines():
        console.file.write(line.rstrip() + "\n")


def _text(value: str, limit: int = 300) -> Text:
    return Text(printable(value, limit), overflow="fold")


def _with_reason(status: str, reason: str | None) -> Text:
    return _text(f"{status}: {reason}" if reason else status, 500)


def _moment(moment: datetime | None) -> str:
    return "no date" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S %Z}".strip()
