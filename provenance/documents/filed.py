"""The signature of a file that people keep: a report, an index of reports.

One line of the file is a sealed document (:mod:`.seal`) about all its other bytes: their SHA-256,
how many there are, and at which of them the line stands.  HTML and PDF carry it as a comment, JSON
as a key; without the line the file is what it was before it was signed, and still opens.  The line
itself is taken only as :func:`.seal.seal` writes it, so that nothing can be hidden in it either.
docs/adr/0010 says why.  Pure but for the signer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, get_args

from provenance.documents.seal import is_as_sealed, seal, unseal
from provenance.errors import SealError, UnreadableFileError
from provenance.manifest import Signer

Form = Literal["html", "pdf", "json"]
FORMS: Final[tuple[Form, ...]] = get_args(Form)
MOST: Final = 64 * 1024 * 1024
"""Bytes of a signed file; the largest report has one or two hundred thousand."""
KIND: Final = "report"


class _Line(NamedTuple):
    """How the line begins and ends, and before which byte of a file it goes."""

    begins: bytes
    ends: bytes
    place: Callable[[bytes], int]


_LINES: Final[dict[Form, _Line]] = {
    "html": _Line(b"<!-- provenance-report-signature: ", b" -->\n", len),
    # Readers look for `startxref` from the end; a comment may stand between any two words.
    "pdf": _Line(
        b"%provenance-report-signature: ", b"\n", lambda body: body.rindex(b"startxref\n")
    ),
    "json": _Line(b'"signature": ', b",\n", lambda body: body.index(b"{\n") + 2),
}


@dataclass(frozen=True, slots=True)
class Checked:
    """A signed file to which nothing was done since: who signed it, when, and what it is about."""

    form: Form
    signer: str
    signed_at: datetime
    about: dict[str, Any]


def sign(form: Form, body: bytes, about: dict[str, Any], signer: Signer) -> bytes:
    """The same file with its signature.

    Args:
        form: what it is.
        body: the whole file; of JSON an object that begins with a line of its own.
        about: what the signer says of it, beside its bytes.
        signer: who signs.

    Raises:
        SigningError: the signer, its certificate or the clock stops it.
    """
    line = _LINES[form]
    at = line.place(body)
    document = {"about": about, "form": form, **_bound(body, at)}
    sealed = seal(KIND, document, signer).rstrip(b"\n")
    return b"".join((body[:at], line.begins, sealed, line.ends, body[at:]))


def check(data: bytes, anchors_pem: bytes, name: str) -> Checked:
    """Check a signed file; nothing but its bytes, the anchors and the clock is asked.

    Args:
        data: the file.
        anchors_pem: whom to believe.
        name: its name, for messages.

    Raises:
        UnreadableFileError: there is no signature of this program in it.
        SealError: it was changed, or is signed by nobody who is trusted, or by a certificate that
            has ended.
    """
    form, at, sealed, rest = _apart(data, name)
    if not is_as_sealed(sealed):
        raise _changed(name)
    told = unseal(KIND, sealed, anchors_pem, name, expires=False)
    about = told.document.pop("about", None)
    told.document.pop("issued_at")
    if not isinstance(about, dict) or told.document != {"form": form, **_bound(rest, at)}:
        raise _changed(name)
    return Checked(form, told.signer, told.issued_at, about)


def _bound(body: bytes, at: int) -> dict[str, Any]:
    return {"at": at, "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}


def _apart(data: bytes, name: str) -> tuple[Form, int, bytes, bytes]:
    """Which form, where its line stands, what is sealed in it, and all other bytes."""
    lines = []
    for form, line in _LINES.items():
        # A line: what begins in the middle of one is the file's own text.
        for at in _starts(data, line.begins):
            end = data.find(line.ends, at)
            if end >= 0:
                sealed = data[at + len(line.begins) : end] + b"\n"
                lines.append((form, at, sealed, data[:at] + data[end + len(line.ends) :]))
    if not lines:
        raise UnreadableFileError(
            f"{name} is no signed report of this program",
            advice="give the HTML, PDF or JSON file as it was handed on",
            path=name,
        )
    if len(lines) > 1:
        raise SealError(f"{name} carries more than one signature; get it again from its issuer.")
    return lines[0]


def _starts(data: bytes, begins: bytes) -> list[int]:
    found, at = [], data.find(begins)
    while at >= 0:
        if at == 0 or data[at - 1 : at] == b"\n":
            found.append(at)
        at = data.find(begins, at + 1)
    return found


def _changed(name: str) -> SealError:
    return SealError(f"{name} was changed after it was signed; get it again from its issuer.")
