"""``provenance approve``: let clips be stamped."""

from __future__ import annotations

from pathlib import Path

import click

from provenance.cli.options import json_option
from provenance.cli.output import print_json, stdout
from provenance.errors import UnreadableFileError, UsageError
from provenance.text import printable


@click.command(short_help="Approve clips for stamping.")
@click.argument("clips", metavar="CLIP...", nargs=-1)
@click.option(
    "--key", metavar="FILE", type=click.Path(path_type=Path), help="The reviewer's private key."
)
@click.option(
    "--approver",
    metavar="ID",
    help="Who approves: an opaque id; it is signed into the approval.",
)
@click.option("--policy", metavar="NAME", help="What was reviewed for.  [default: default]")
@click.option(
    "--out",
    metavar="FILE",
    help="Where one clip's approval goes.  [default: CLIP.approval.json]",
)
@click.option(
    "--new-key",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Make a reviewer's key: FILE, to keep secret, and FILE.pub, for those who stamp.",
)
@json_option
def approve(  # noqa: PLR0917 - click passes every parameter by name
    clips: tuple[str, ...],
    key: Path | None,
    approver: str | None,
    policy: str | None,
    out: str | None,
    new_key: Path | None,
    as_json: bool,
) -> None:
    """Sign, with a reviewer's key, that each CLIP as it is now may be stamped.

    The approval is written beside the clip; a second reviewer's is added to it.  Changing the clip
    afterwards voids its approvals.  A reviewer's key is never one that stamps.  Clips may lie in a
    bucket too: s3://BUCKET/KEY, gs://BUCKET/KEY.
    """
    from provenance import approvals  # noqa: PLC0415 - slow to import

    if new_key is not None:
        if clips or key is not None or approver is not None or out is not None:
            raise UsageError("--new-key makes a key and does nothing else; give it alone.")
        public = approvals.new_reviewer_key(new_key)
        stdout().print(f"Keep {new_key} secret; give {public} to those who stamp.", soft_wrap=True)
        return
    if not clips or key is None or approver is None:
        raise UsageError("Name the clips, --key FILE and --approver ID; or --new-key FILE alone.")
    if out is not None and len(clips) > 1:
        raise UsageError("--out takes one clip's approval; leave it out for several.")

    from provenance.jobs import keep_approval  # noqa: PLC0415 - slow to import
    from provenance.storage import Place, stored  # noqa: PLC0415

    secret = approvals.load_reviewer_key(key)
    for name in clips:
        place = Place.of(name)
        clip = stored(place)
        if clip is None:
            raise UnreadableFileError(f"{name} does not exist.")
        approval, line = approvals.approve(
            clip.sha256, secret, approver, policy=policy or approvals.DEFAULT_POLICY
        )
        target = place.beside(approvals.SUFFIX) if out is None else Place.of(out)
        keep_approval(target, approval, line)
        if as_json:
            print_json(approval.as_json() | {"path": name, "approval": str(target)})
        else:
            stdout().print(printable(f"Approved {name} in {target}", 2000), soft_wrap=True)
