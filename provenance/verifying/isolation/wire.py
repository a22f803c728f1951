"""What goes between the two processes: frames of JSON, each with its length before it.

The request holds secrets (watermark keys) and comes from the parent alone, through a pipe.  The
answer may come from a process that a file has taken over: every field is checked for its type, its
size is limited, and nothing in it is ever run.
"""

from __future__ import annotations

import contextlib
import math
import os
import struct
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from provenance import errors
from provenance.errors import InputError, ProvenanceError, UnreadableFileError
from provenance.manifest import Trust
from provenance.results import Coverage, Detection, Effort, FileFacts, ManifestReport
from provenance.system.text import printable
from provenance.verifying.findings import Findings
from provenance.watermark.code.keys import WatermarkKey

if TYPE_CHECKING:
    from provenance.fingerprint import Fingerprint
    from provenance.video import Still

MOST = 64 * 1024 * 1024
"""Bytes of one frame."""
_MOST_SIDE = 1 << 16
_LENGTH = struct.Struct("<I")
HEAD = _LENGTH.size
"""Bytes that say how many follow."""
_STRICT = ConfigDict(
    ser_json_bytes="base64",
    val_json_bytes="base64",
    ser_json_inf_nan="constants",
    extra="forbid",
    frozen=True,
)


class Garbled(Exception):
    """The other side sent something that is no message."""


class Request(BaseModel):
    """One file to examine; ``picture`` off leaves every decoder alone.

    Relative paths start at ``folder``: a worker may be older than its parent's working folder.
    """

    model_config = _STRICT

    folder: bytes
    path: bytes
    sidecar: bytes | None
    picture: bool
    effort: Effort
    keys: tuple[tuple[str, bytes, bytes], ...]
    anchors: bytes
    tsa_anchors: bytes
    issuers: bytes

    @classmethod
    def of(
        cls,
        path: Path,
        keys: tuple[WatermarkKey, ...],
        trust: Trust,
        *,
        sidecar: Path | None,
        picture: bool,
        effort: Effort,
    ) -> Request:
        """A request for one file."""
        return cls(
            folder=os.fsencode(os.getcwd()),
            path=os.fsencode(path),
            sidecar=None if sidecar is None else os.fsencode(sidecar),
            picture=picture,
            effort=effort,
            keys=tuple((key.key_id, key.secret, key.pilot_secret) for key in keys),
            anchors=trust.anchors_pem,
            tsa_anchors=trust.tsa_anchors_pem,
            issuers=trust.issuers_pem,
        )

    @property
    def watermark_keys(self) -> tuple[WatermarkKey, ...]:
        """The keys to try."""
        return tuple(WatermarkKey(*parts) for parts in self.keys)

    @property
    def trust(self) -> Trust:
        """Who may sign."""
        return Trust(self.anchors, self.tsa_anchors, self.issuers)


class Imprint(BaseModel):
    """A file whose fingerprint is wanted, with the mark that was found in it."""

    model_config = _STRICT

    folder: bytes
    imprint: bytes
    found: Detection

    @classmethod
    def of(cls, path: Path, found: Detection) -> Imprint:
        """A request for one file."""
        here = os.fsencode(os.getcwd())
        return cls(folder=here, imprint=os.fsencode(path), found=found)


class Unpack(BaseModel):
    """An archive, a document or a playlist to take apart.

    The answer: of each member a :class:`Part`, its bytes in frames of their own, an empty frame,
    and a :class:`Part` that says whether that was all of it; at last a Part without a name.
    """

    model_config = _STRICT

    folder: bytes
    unpack: bytes

    @classmethod
    def of(cls, path: Path) -> Unpack:
        """A request for one file."""
        return cls(folder=os.fsencode(os.getcwd()), unpack=os.fsencode(path))


class Look(BaseModel):
    """Frames to show of a file, one from each of these seconds on.

    The answer: of each a :class:`Shown` and its pixels in a frame of their own; at last a Shown
    without a picture.
    """

    model_config = _STRICT

    folder: bytes
    look: bytes
    times: tuple[float, ...]
    longest: int

    @classmethod
    def of(cls, path: Path, times: Sequence[float], longest: int) -> Look:
        """A request for one file."""
        here = os.fsencode(os.getcwd())
        return cls(folder=here, look=os.fsencode(path), times=tuple(times), longest=longest)


class Shown(BaseModel):
    """A picture that follows, row by row in red, green and blue; its sides are in pixels."""

    model_config = _STRICT

    width: int = 0
    height: int = 0
    time: float = 0.0
    across: int = 0
    down: int = 0

    def still(self, pixels: bytes, longest: int) -> Still:
        """The picture of the pixels that came.

        Raises:
            Garbled: they are none, or not what was asked for.
        """
        sides = (self.width, self.height, self.across, self.down)
        if (
            max(self.width, self.height) > longest
            or not all(0 < side <= _MOST_SIDE for side in sides)
            or not 0.0 <= self.time < math.inf
            or len(pixels) != 3 * self.width * self.height
        ):
            raise Garbled
        import numpy as np  # noqa: PLC0415 - few who verify show frames

        from provenance.video import Still  # noqa: PLC0415

        rgb = np.frombuffer(pixels, np.uint8).reshape(self.height, self.width, 3)
        return Still(rgb, self.time, self.across, self.down)


class Part(BaseModel):
    """A member, or (``sentence``) why it, or all that might follow, is not there."""

    model_config = _STRICT

    name: str | None = None
    sentence: str | None = None
    advice: str | None = None

    @property
    def error(self) -> UnreadableFileError | None:
        """Why, as an error."""
        if self.sentence is None:
            return None
        error = UnreadableFileError(printable(self.sentence, 600))
        error.advice = None if self.advice is None else printable(self.advice, 300)
        return error


class Ready(BaseModel):
    """The worker's first word: what could not be taken away from it."""

    model_config = _STRICT

    kind: Literal["ready"] = "ready"
    missing: tuple[str, ...]


class Answer(BaseModel):
    """The findings on one file, or its fingerprint, or why there are none."""

    model_config = _STRICT

    file: FileFacts | None = None
    watermark: Detection | None = None
    manifest: ManifestReport | None = None
    fingerprint: bytes | None = None
    others: tuple[Detection, ...] = ()
    coverage: Coverage | None = None
    error: str | None = None
    sentence: bytes | None = None
    advice: bytes | None = None

    @classmethod
    def of(cls, findings: Findings) -> Answer:
        """The answer that carries findings."""
        return cls(
            # Names need not be Unicode; the parent knows this one.
            file=replace(findings.file, path=""),
            watermark=findings.watermark,
            manifest=findings.manifest,
            others=findings.others,
            coverage=findings.coverage,
        )

    @classmethod
    def refusing(cls, error: ProvenanceError) -> Answer:
        """The answer that carries an error."""
        sentence = str(error).encode("utf-8", "surrogateescape")
        advice = None if error.advice is None else error.advice.encode("utf-8", "surrogateescape")
        return cls(error=type(error).__name__, sentence=sentence, advice=advice)

    def findings(self, path: Path) -> Findings:
        """The findings on the file at ``path``.

        Raises:
            InputError: the error that the worker met, of the same class.
            Garbled: neither is there.
        """
        self._refuse(path)
        if self.file is None or self.watermark is None or self.manifest is None:
            raise Garbled
        if not 0.0 <= (self.file.seconds or 0.0) < math.inf:
            raise Garbled
        facts = replace(self.file, path=str(path))
        return Findings(facts, self.watermark, self.manifest, self.others, self.coverage)

    def imprint(self, path: Path) -> Fingerprint | None:
        """The fingerprint of the file at ``path``; None where none could be taken.

        Raises:
            InputError, Garbled: as :meth:`findings` does.
        """
        self._refuse(path)
        if self.fingerprint is None:
            return None
        # It brings OpenCV along, and most files are not compared with any other.
        from provenance.fingerprint import Fingerprint  # noqa: PLC0415

        try:
            return Fingerprint.from_bytes(self.fingerprint)
        except ValueError as error:
            raise Garbled from error

    def _refuse(self, path: Path) -> None:
        if self.error is not None and self.sentence is not None:
            known = getattr(errors, self.error, None)
            # A file costs itself: no worker may say that something else has failed.
            if not (isinstance(known, type) and issubclass(known, InputError)):
                raise Garbled
            try:
                refusal = known(self.sentence.decode("utf-8", "surrogateescape"), path=path)
            except TypeError as error:
                raise Garbled from error
            if self.advice is not None:
                refusal.advice = self.advice.decode("utf-8", "surrogateescape")
            raise refusal


Message = Request | Imprint | Unpack | Look | Shown | Part | Ready | Answer
Asked = Request | Imprint | Unpack | Look


def pack(message: Message) -> bytes:
    """One frame."""
    return framed(message.model_dump_json().encode())


def framed(content: bytes) -> bytes:
    """One frame of bytes as they are."""
    return _LENGTH.pack(len(content)) + content


def length_of(head: bytes) -> int:
    """How many bytes follow the first four of a frame.

    Raises:
        Garbled: more than is allowed.
    """
    (length,) = _LENGTH.unpack(head)
    if length > MOST:
        raise Garbled
    return int(length)


def unpack(kind: type[Message], content: bytes) -> Message:
    """Check and read a frame's content.

    Raises:
        Garbled: it is anything else than a message of that kind.
    """
    try:
        return kind.model_validate_json(content)
    except (ValidationError, ValueError, RecursionError) as error:
        raise Garbled from error


def asked(content: bytes) -> Asked:
    """What the parent asks for.

    Raises:
        Garbled: it is nothing of the kind.
    """
    for kind in (Request, Imprint, Unpack, Look):
        with contextlib.suppress(Garbled):
            wanted = unpack(kind, content)
            assert isinstance(wanted, Asked)  # noqa: S101 - what unpack was asked for
            return wanted
    raise Garbled


def receive(stream: BinaryIO) -> bytes | None:
    """The content of the next frame of a blocking stream; None at its end."""
    head = stream.read(HEAD)
    if len(head) < HEAD:
        return None
    return stream.read(length_of(head))
