"""``--table``: the rows of a run in a file for a spreadsheet or a browser."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from provenance.errors import OutputError, UsageError
from provenance.report.sheets import as_csv, as_html
from provenance.system.workspace import Workspace, check_target
from provenance.verifying.rows import Row
from provenance.verifying.sources import Found

SUFFIXES = (".csv", ".html")


def check_table(table: Path, results: Path | None) -> None:
    """Refuse a table that could not be written, before any work is done.

    Raises:
        UsageError: it ends with no suffix of a table, is the file of ``--results``, or can't be an
            output.
    """
    if table.suffix.lower() not in SUFFIXES:
        raise UsageError(f"The table {table} is of no known kind; end its name with .csv or .html.")
    if results is not None and os.path.realpath(table) == os.path.realpath(results):
        raise UsageError(f"{table} is the file of --results too; give --table another name.")
    check_target(table, overwrite=True)


def write_table(table: Path, rows: Sequence[Row], found: Found) -> None:
    """Write the rows, whole or not at all; a table that is there is replaced.

    Raises:
        OutputError: the disk is full, or the folder may not be written to.
    """
    pieces = as_html(rows, found) if table.suffix.lower() == ".html" else as_csv(rows)
    try:
        with Workspace(table, overwrite=True) as workspace:
            draft = workspace.path("draft")
            with draft.open("wb") as stream:
                for piece in pieces:
                    stream.write(piece)
            workspace.publish(draft)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        reason = (error.strerror or "input/output error").lower()
        raise OutputError(f"{table} can't be written: {reason}.", path=table) from error
