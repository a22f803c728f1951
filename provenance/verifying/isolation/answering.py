"""What the worker answers, once it is held to its limits: one request after the other."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from provenance.errors import ProvenanceError
from provenance.system.text import printable
from provenance.verifying.inside import members
from provenance.verifying.isolation import wire
from provenance.verifying.layers import gather, imprint, manifest_alone
from provenance.video import read_stills


def answer_all(requests: BinaryIO, answers: BinaryIO, missing: tuple[str, ...]) -> None:
    """Say that this process is ready, and answer until the requests end.

    Args:
        requests: frames of :mod:`.wire`, and the answers', too.
        answers: where they go.
        missing: what could not be taken away from this process.
    """
    answers.write(wire.pack(wire.Ready(missing=missing)))
    while (content := wire.receive(requests)) is not None:
        request = wire.asked(content)
        os.chdir(request.folder)
        if isinstance(request, wire.Unpack):
            hand_out(Path(os.fsdecode(request.unpack)), answers)
        elif isinstance(request, wire.Look):
            show(Path(os.fsdecode(request.look)), request.times, request.longest, answers)
        else:
            try:
                answer = look(request)
            except ProvenanceError as error:
                answer = wire.Answer.refusing(error)
            answers.write(wire.pack(answer))


def look(request: wire.Request | wire.Imprint) -> wire.Answer:
    """The findings on a file, or its fingerprint.

    Raises:
        InputError: there are none of such a file.
    """
    if isinstance(request, wire.Imprint):
        taken = imprint(Path(os.fsdecode(request.imprint)), request.found)
        return wire.Answer(fingerprint=None if taken is None else taken.to_bytes())
    path = Path(os.fsdecode(request.path))
    sidecar = None if request.sidecar is None else Path(os.fsdecode(request.sidecar))
    if not request.picture:
        return wire.Answer.of(manifest_alone(path, request.trust, sidecar=sidecar))
    findings = gather(
        path, request.watermark_keys, request.trust, sidecar=sidecar, effort=request.effort
    )
    return wire.Answer.of(findings)


def hand_out(path: Path, answers: BinaryIO) -> None:
    """Write a file's members (:class:`.wire.Unpack` says how)."""

    def told(error: ProvenanceError | None = None) -> None:
        sentence = None if error is None else str(error)
        advice = None if error is None else error.advice
        answers.write(wire.pack(wire.Part(sentence=sentence, advice=advice)))

    try:
        for member in members(path):
            answers.write(wire.pack(wire.Part(name=printable(member.name))))
            failed = None
            try:
                for piece in member.content:
                    answers.write(wire.framed(piece))
            except ProvenanceError as error:
                failed = error
            answers.write(wire.framed(b""))
            told(failed)
    except ProvenanceError as error:
        told(error)
    else:
        told()


def show(path: Path, times: Sequence[float], longest: int, answers: BinaryIO) -> None:
    """Write frames of a file (:class:`.wire.Look` says how); none where none can be read."""
    with contextlib.suppress(ProvenanceError):
        for still in read_stills(path, times, longest=longest):
            height, width, _ = still.rgb.shape
            shown = wire.Shown(
                width=width,
                height=height,
                time=max(0.0, still.time),
                across=still.across,
                down=still.down,
            )
            answers.write(wire.pack(shown))
            answers.write(wire.framed(still.rgb.tobytes()))
    answers.write(wire.pack(wire.Shown()))
