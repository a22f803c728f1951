"""``provenance registry export``, ``import`` and ``restore``: copies of it, and copies by it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from provenance.cli.lazy import examples
from provenance.cli.opening import open_keyring, open_registry, settings
from provenance.cli.options import keys_option, quiet_option, registry_option
from provenance.cli.output import stdout
from provenance.documents import bundles, lists
from provenance.errors import UsageError
from provenance.report import registry as show
from provenance.stamping.restore import restore
from provenance.system.storage import Place


@click.command(
    epilog=examples(
        "provenance registry export copy.jsonl",
        "provenance registry export --bundle stamps.bundle --valid-days 30",
        "provenance registry export --revocations withdrawn.list",
        "provenance registry export --revocations s3://lists/withdrawn.list --overwrite",
    )
)
@click.argument("file", metavar="[FILE]", type=click.Path(path_type=Path), required=False)
@click.option(
    "--bundle",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A signed bundle, for `verify --bundle`.",
)
@click.option(
    "--revocations",
    metavar="FILE|URL",
    help="A signed list of what is withdrawn, for `verify --revocations`; also s3://BUCKET/KEY or "
    "gs://BUCKET/KEY.",
)
@click.option(
    "--overwrite",
    is_flag=True,
    help="Replace the list that is there, whole.  One that says the same, and has more than half "
    "of its days left, stays.",
)
@click.option(
    "--valid-days",
    metavar="N",
    type=click.IntRange(1, 3660),
    default=7,
    show_default=True,
    help="Days until the signed file expires.",
)
@keys_option
@registry_option
@quiet_option
def export_command(  # noqa: PLR0917 - click passes every parameter by name
    file: Path | None,
    bundle: Path | None,
    revocations: str | None,
    overwrite: bool,
    valid_days: int,
    keys: Path | None,
    registry_url: str | None,
    quiet: bool,
) -> None:
    """Write the registry to FILE as JSON Lines, or sign a bundle or a revocation list."""

    if [file, bundle, revocations].count(None) != 2:
        raise UsageError("Name one file: FILE for JSON Lines, --bundle FILE or --revocations FILE.")
    if overwrite and revocations is None:
        raise UsageError("--overwrite goes with --revocations; nothing else is replaced.")
    chosen = settings({"registry": registry_url, "keys": keys}, quiet=quiet)
    valid = timedelta(days=valid_days)
    out = stdout()
    with open_registry(chosen) as stamps:
        if file is not None:
            done = bundles.write_lines(stamps, file)
            out.print(f"{file}: {show.counted(done)}", soft_wrap=True)
        elif bundle is not None:
            signer = open_keyring(chosen, quiet=quiet).signer
            done = bundles.write_bundle(stamps, bundle, signer, valid=valid)
            out.print(f"{bundle}: {show.counted(done)}, signed", soft_wrap=True)
        elif revocations is not None:
            signer = open_keyring(chosen, quiet=quiet).signer
            place = Place.of(revocations)
            issued = lists.write_revocations(
                stamps, place, signer, valid=valid, overwrite=overwrite
            )
            told = "signed" if issued.written else "which it says already; left as it is"
            out.print(f"{place}: {issued.count} in force, {told}", soft_wrap=True)


@click.command(
    epilog=examples(
        "provenance registry import copy.jsonl --registry other.db",
    )
)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@registry_option
@quiet_option
def import_command(file: Path, registry_url: str | None, quiet: bool) -> None:
    """Take over stamps and withdrawals from JSON Lines; what is known already stays as it is.

    The lines are believed as they are: import only what comes from yourself.
    """

    with open_registry(settings({"registry": registry_url}, quiet=quiet), create=True) as stamps:
        done = bundles.read_lines(stamps, file)
    stdout().print(f"{file}: {show.counted(done)} taken over, {done.known} known already")


@click.command(
    epilog=examples(
        "provenance registry restore copy.mp4 restored.mp4",
    )
)
@click.argument("copy", metavar="COPY", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--overwrite", is_flag=True, help="Replace OUT if it exists.")
@keys_option
@registry_option
@quiet_option
def restore_command(  # noqa: PLR0917 - click passes every parameter by name
    copy: Path,
    target: Path,
    overwrite: bool,
    keys: Path | None,
    registry_url: str | None,
    quiet: bool,
) -> None:
    """Write COPY to OUT with the manifest that it lost, as the parent of a new one.

    COPY has to verify as WATERMARK_MATCH, and picture, order, speed, length and sound have to be
    what was stamped; what differs or can't be compared is refused.  OUT says that it is a copy that
    was given its credential back, and verifies as the copy did.
    """

    chosen = settings({"registry": registry_url, "keys": keys}, quiet=quiet)
    keyring = open_keyring(chosen, quiet=quiet)
    with open_registry(chosen) as stamps:
        report = restore(copy, target, keyring=keyring, registry=stamps, overwrite=overwrite)
    stdout().print(
        f"{target}: stamp {report.watermark.stamp_id}, its manifest is back as the parent of a "
        "new one",
        soft_wrap=True,
    )
