"""``provenance report check``: who signed a report, when, and whether it was changed since."""

from __future__ import annotations

from pathlib import Path

import click

from provenance.cli.exits import DONE, NO_FILE, NOT_ACCEPTED
from provenance.cli.lazy import examples
from provenance.cli.opening import open_keyring_if_any, read_issuers, read_pem, settings
from provenance.cli.options import json_option, keys_option, quiet_option
from provenance.cli.output import complain, print_json, stdout
from provenance.documents.filed import MOST, Checked, check
from provenance.errors import KeyringError, SealError, UnreadableFileError
from provenance.report.checked import ReportCheck, show_check
from provenance.verifying.findings import sha256_of


@click.command(
    epilog=examples(
        "provenance report check clip.html",
        "provenance report check clip.pdf --trust example-studio-root.pem --of clip.mp4",
        "provenance report check inbox-reports/index.html --json",
        more="Exit code: 0 when every report holds, 1 when one does not, 3 when a file is no "
        "report.",
    )
)
@click.argument("reports", metavar="REPORT...", nargs=-1, required=True, type=click.Path())
@click.option(
    "--of",
    "examined",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Check as well that the report is about this very file.",
)
@keys_option
@click.option(
    "--trust",
    metavar="PEM",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Believe reports signed under these certificates as well: the root of whoever made it, "
    "got from them by another way; repeatable.",
)
@json_option
@quiet_option
def check_command(  # noqa: PLR0917 - click passes every parameter by name
    reports: tuple[str, ...],
    examined: Path | None,
    keys: Path | None,
    trust: tuple[Path, ...],
    as_json: bool,
    quiet: bool,
) -> int:
    """Say who signed REPORT and when, and whether a byte was changed since.

    Nothing is asked but the file, the certificates that you trust and the clock: no network.  Of
    the index of a folder the reports beside it are held against it too.  A report whose signer's
    certificate has ended does not hold any more.
    """
    chosen = settings({"keys": keys, "trust": trust}, quiet=quiet)
    keyring = open_keyring_if_any(chosen, quiet=quiet)
    if keyring is None and not chosen.trust:
        raise KeyringError(
            "There is nobody to believe; name the certificate of whoever signed the report with "
            "--trust, or your keys folder with --keys."
        )
    anchors = b"" if keyring is None else read_issuers(chosen, keyring)
    anchors += b"".join(read_pem(path) for path in chosen.trust)
    about = None if examined is None else sha256_of(examined)
    code = DONE
    for name in reports:
        try:
            told = _checked(Path(name), anchors, about)
        except UnreadableFileError as error:
            complain(str(error))
            code = NO_FILE
            continue
        code = max(code, DONE if told.holds else NOT_ACCEPTED)
        if as_json:
            print_json(told.as_json())
        else:
            show_check(told, stdout())
    return code


def _checked(path: Path, anchors: bytes, about: str | None) -> ReportCheck:
    """What is to be said of one.

    Raises:
        UnreadableFileError: it can't be read, or is no report.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MOST + 1)
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise UnreadableFileError(f"{path} can't be read: {reason}.", path=path) from error
    if len(data) > MOST:
        raise UnreadableFileError(f"{path} is too large for a report; give the right file.")
    try:
        checked = check(data, anchors, str(path))
    except SealError as error:
        return ReportCheck(str(path), False, str(error))
    wrong = _beside(path, checked)
    told = ReportCheck.of(str(path), checked)
    if wrong is None and about is not None and told.sha256 != about:
        wrong = f"It is about another file, whose SHA-256 is {told.sha256}."
    return told if wrong is None else ReportCheck(str(path), False, wrong)


def _beside(index: Path, checked: Checked) -> str | None:
    """What is wrong with the reports that an index lists."""
    for name, digest in dict(checked.about.get("reports") or {}).items():
        report = index.with_name(Path(str(name)).name)
        try:
            same = sha256_of(report) == digest
        except UnreadableFileError:
            return f"{report.name}, which it lists, is not beside it."
        if not same:
            return f"{report.name}, which it lists, is not as it was."
    return None
