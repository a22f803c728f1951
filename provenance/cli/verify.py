"""``provenance verify``: what a file's watermark and manifest say, and whether they agree."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance import config
from provenance.cli.options import (
    json_option,
    keys_option,
    open_keyring_if_any,
    quiet_option,
    read_pem,
    settings,
)
from provenance.cli.output import print_json, stderr, stdout
from provenance.cli.progress import Spinner
from provenance.errors import InputError, KeyringError
from provenance.report import show_unexamined, show_verification
from provenance.results import Verdict

if TYPE_CHECKING:
    from provenance.manifest import Trust
    from provenance.watermark.keys import WatermarkKey

_VERDICTS = ", ".join(Verdict.__members__)


@click.command(
    short_help="Examine videos or images.",
    epilog=f"Exit code: 0 when every verdict is accepted, 1 when one is not, 3 when a file could "
    f"not be examined, 2 and 4 for wrong usage and failures.  Verdicts: {_VERDICTS}.",
)
@click.argument(
    "paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@keys_option
@click.option(
    "--trust",
    metavar="PEM",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Trust these root certificates as well (a partner's, the public C2PA list); repeatable.",
)
@click.option(
    "--trust-tsa",
    metavar="PEM",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Trust these roots for timestamps, and for nothing else; repeatable.",
)
@click.option(
    "--accept",
    metavar="VERDICT,...",
    help="Verdicts that count as success.  [default: CONFIRMED]",
)
@json_option
@quiet_option
def verify(  # noqa: PLR0917 - click passes every parameter by name
    paths: tuple[Path, ...],
    keys: Path | None,
    trust: tuple[Path, ...],
    trust_tsa: tuple[Path, ...],
    accept: str | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Read the watermark and the manifest of videos or images, and compare them.

    PATH is a video or a still image, a screenshot for example.  Files are only read, and nothing
    is fetched from the network.
    """
    from provenance.verify import unexamined  # noqa: PLC0415 - slow to import
    from provenance.verify import verify as verify_file  # noqa: PLC0415

    chosen = settings(
        {
            "keys": keys,
            "trust": trust,
            "trust_tsa": trust_tsa,
            "accept": None if accept is None else config.parse_accept(accept),
        },
        quiet=quiet,
    )
    watermark_keys, trusted = _credentials(chosen, quiet=quiet)
    out, code = stdout(), 0
    with Spinner(len(paths), quiet=quiet) as spinner:
        for path in paths:
            spinner.begin(path.name)
            try:
                report = verify_file(path, watermark_keys=watermark_keys, trust=trusted)
            except InputError as error:
                code = max(code, error.exit_code)
                spinner.pause()
                show_unexamined(str(path), str(error), stderr())
                if as_json:
                    print_json(unexamined(path, error).as_json())
                continue
            if report.verdict not in chosen.accept:
                code = max(code, 1)
            spinner.pause()
            if as_json:
                print_json(report.as_json())
            else:
                show_verification(report, out)
    return code


def _credentials(chosen: config.Settings, *, quiet: bool) -> tuple[tuple[WatermarkKey, ...], Trust]:
    """The watermark keys to try, and who is trusted: the keyring's root and what was added."""
    from provenance.manifest import Trust  # noqa: PLC0415 - slow to import

    keyring = open_keyring_if_any(chosen, quiet=quiet)
    if keyring is None and not chosen.trust:
        raise KeyringError(
            "There are no keys to verify with; name your keys folder with --keys, make one with "
            "`provenance keys init`, or give root certificates to trust with --trust."
        )
    anchors = [read_pem(path) for path in chosen.trust]
    tsa_anchors = [read_pem(path) for path in chosen.trust_tsa]
    if keyring is not None:
        anchors.insert(0, keyring.trust_anchors_pem.rstrip() + b"\n")
        tsa_anchors.insert(0, keyring.tsa_anchors_pem.rstrip() + b"\n")
    trust = Trust(b"".join(anchors), b"".join(tsa_anchors))
    return (() if keyring is None else keyring.watermark_keys), trust
