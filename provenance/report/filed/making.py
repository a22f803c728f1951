"""A report as a signed file of one of its forms."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.util import find_spec

from provenance.documents.filed import Form, sign
from provenance.errors import ServiceError
from provenance.manifest import Signer
from provenance.report.filed.document import Filed
from provenance.report.filed.figures import Frame
from provenance.report.filed.page import Page
from provenance.report.filed.paper import as_pdf
from provenance.report.filed.web import as_html
from provenance.results.serial import iso_time


def check_software(form: Form) -> None:
    """Refuse a form that can't be made here, before any work is done.

    Raises:
        ServiceError: software for it is not installed.
    """
    needed = {"html": "jinja2", "pdf": "fpdf"}.get(form)
    if needed is not None and find_spec(needed) is None:
        raise ServiceError(
            f"A report in {form.upper()} needs more software; run "
            "`pip install 'provenance-stamp[report]'`, or give it a name that ends with .json."
        )


def filed_file(form: Form, filed: Filed, frames: Sequence[Frame], signer: Signer) -> bytes:
    """The whole file.

    Args:
        form: one that :func:`check_software` lets pass; ``json`` has no pictures.
        filed: what is reported.
        frames: of the file that was examined.
        signer: who signs.

    Raises:
        SigningError: the signer, its certificate or the clock stops it.
    """
    if form == "json":
        body = json.dumps(filed.as_json(), indent=1, allow_nan=False).encode() + b"\n"
    else:
        body = (as_html if form == "html" else as_pdf)(Page.of(filed, frames))
    file = filed.report.file
    about = {
        "file": {"sha256": file.sha256, "bytes": file.bytes},
        "verdict": filed.report.verdict.value,
        "examined_at": iso_time(filed.examined_at),
        "audience": filed.audience,
        "tool": filed.tool,
    }
    return sign(form, body, about, signer)
