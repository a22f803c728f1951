"""Sign a finished file: embed the manifest where the container can hold it, else make a sidecar.

The caller gives an unsigned file and a target beside the final name; nothing is ever signed in
place (c2pa would empty the file), and a target that could not be signed is removed.  Objects of
the library live within one call, since they do not survive a ``fork``.
"""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from c2pa import Builder, C2paError, C2paSigningAlg, Context
from c2pa import Signer as LibrarySigner

from provenance.errors import OutputError, ProvenanceError, SigningError, TimestampError, UsageError
from provenance.manifest.assertions import Statement
from provenance.manifest.certificates import check_validity
from provenance.manifest.containers import Container, Patch, chunkable, identify
from provenance.manifest.facts import clean
from provenance.manifest.parents import STORE, Parent
from provenance.manifest.signer import ALGORITHMS, Signer, signature_fits
from provenance.manifest.trust import Trust, library_settings

IN_CHUNKS = {"merkle_tree_chunk_size_in_kb": 1024, "merkle_tree_max_proofs": 0}
"""Chunks of 1 MiB, and the hash of every one in the manifest: with proofs beside it instead, other
validators can't check them."""
CHUNKED_ABOVE = 16 * 1024 * 1024
"""Files of this many bytes and more are hashed in chunks where that is safe: the plain hash takes
memory as the file grows, up to half a gigabyte, for signing and for each later check."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Signed:
    """A manifest store, and whether it is embedded in the file that was signed."""

    store: bytes = field(repr=False)
    embedded: bool


def attach(
    source: Path,
    target: Path,
    statement: Statement,
    signer: Signer,
    *,
    trust: Trust,
    parent: Parent | None = None,
    tsa_url: str | None = None,
) -> Signed:
    """Write ``source`` to ``target`` with a signed manifest, and check the result.

    Args:
        source: the finished, unsigned file; it is only read.
        target: another path, overwritten if it exists and removed on failure.
        statement: what the manifest states.
        signer: who signs.
        trust: by which the parent's signer is judged; the verdict goes into the manifest.
        parent: from :func:`find_parent`, of the file that ``source`` was made from.
        tsa_url: RFC 3161 timestamp authority, the only network use there is.

    Returns:
        The manifest store, and whether it is in the file; when it is not, since the container
        can't hold one, ``target`` is a plain copy, and the store has to be written to
        :func:`provenance.manifest.sidecar_path`.

    Raises:
        UsageError: when source and target are one file, or the authority's address is no URL.
        SigningError: when the signer, its certificate or the clock stops it.
        TimestampError: when the timestamp authority gives no usable answer.
        OutputError: when the target can't be written.
    """
    if tsa_url is not None and not _is_url(tsa_url):
        raise UsageError(
            "The timestamp authority's address must start with http:// or https:// and name a host."
        )
    check_validity(signer.chain_pem)
    try:
        if target.exists() and source.samefile(target):
            raise UsageError("A file can't be signed in place; give another target.")
        job = _Job(source, target, statement, signer, trust, identify(source), tsa_url)
        attempts = _attempts(job, parent)
    except OSError as error:
        raise _io_failure(error, target) from error
    try:
        for number, (chunks, ingredient) in enumerate(attempts, start=1):
            try:
                store = job.sign(chunks, ingredient)
                break
            except C2paError as error:
                if number == len(attempts):
                    raise _refused(error) from error
    except BaseException as error:
        with contextlib.suppress(OSError):
            target.unlink(missing_ok=True)
        # Closing the target is when a full disk may be told first.
        if isinstance(error, OSError) and not isinstance(error, ProvenanceError):
            raise _io_failure(error, target) from error
        raise
    return Signed(store, job.container.embeds)


def _attempts(job: _Job, parent: Parent | None) -> list[tuple[Patch | None, Parent | None]]:
    """Ways to sign, best first: how the file reads to be hashed in chunks (None: as a whole), and
    what of the parent to carry along.

    Chunked hashing has written invalid files, and a parent's store may be too odd to carry; the
    library checks its own work, so each is tried, and given up for the plainer way.
    """
    large = (
        job.container.mime in ("video/mp4", "video/quicktime")
        and job.source.stat().st_size >= CHUNKED_ABOVE
    )
    chunks = chunkable(job.source) if large else None
    attempts: list[tuple[Patch | None, Parent | None]]
    attempts = [] if chunks is None else [(chunks, parent)]
    attempts.append((None, parent))
    if parent is not None and parent.kind != "unreadable":
        attempts.append((None, replace(parent, kind="unreadable", store=None)))
    return attempts


@dataclass(frozen=True, slots=True)
class _Job:
    """One file to be signed; :meth:`sign` is one try at it."""

    source: Path
    target: Path
    statement: Statement
    signer: Signer
    trust: Trust
    container: Container
    tsa_url: str | None

    def sign(self, chunks: Patch | None, parent: Parent | None) -> bytes:
        """Sign once.  Raises C2paError only for what another way of signing might get around."""
        from_stream = parent is not None and parent.kind == "embedded"
        definition = self.statement.definition(
            mime=self.container.mime,
            parent=False if parent is None else from_stream or parent.definition(),
        )
        core = None if chunks is None else IN_CHUNKS
        callback = _Callback(self.signer)
        with contextlib.ExitStack() as stack:
            context = stack.enter_context(
                Context.from_dict(library_settings(self.trust, core=core))
            )
            signer = stack.enter_context(callback.library_signer(self.tsa_url))
            builder = stack.enter_context(Builder(definition, context=context))
            if parent is not None and parent.store is not None:
                builder.add_resource(STORE, io.BytesIO(parent.store))
            if parent is not None and from_stream:
                with parent.path.open("rb") as stream:
                    builder.add_ingredient(parent.definition(), parent.mime, stream)
            if not self.container.embeds:
                builder.set_no_embed()
            source = _Stream(stack.enter_context(self.source.open("rb")), chunks or Patch())
            target = _Stream(stack.enter_context(_open_target(self.target)))
            try:
                store = builder.sign(signer, self.container.mime, source, target)
            except C2paError as error:
                for stream_error in (source.error, target.error):
                    if stream_error is not None:
                        raise _io_failure(stream_error, self.target) from stream_error
                if callback.error is not None:
                    raise _signer_failure(callback.error) from callback.error
                if self.tsa_url is not None and _blames_authority(error, callback):
                    raise _authority_failure(self.tsa_url, error) from error
                raise
        if not store:
            raise SigningError(
                "The manifest came out empty",
                advice="try again, and report this if it stays",
            )
        return bytes(store)


class _Callback:
    """The library's way into a signer; keeps the exception that the library would swallow."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self.error: Exception | None = None
        self.signed = False

    @contextlib.contextmanager
    def library_signer(self, tsa_url: str | None) -> Iterator[Any]:
        alg = self._signer.alg.lower()
        if alg not in ALGORITHMS:
            raise SigningError(
                f"The signer's algorithm {alg!r} is none that C2PA knows ({', '.join(ALGORITHMS)})."
            )
        try:
            signer = LibrarySigner.from_callback(
                self._sign,
                C2paSigningAlg[alg.upper()],
                self._signer.chain_pem.decode("ascii", "replace"),
                tsa_url,
            )
        except C2paError as error:
            raise _refused(error) from error
        with signer:
            yield signer

    def _sign(self, data: bytes) -> bytes:
        try:
            signature = self._signer.sign(data)
            # Checked here, since the library's message for it can't be told from the
            # timestamp authority's.
            if not signature_fits(
                self._signer.alg.lower(), self._signer.chain_pem, signature, data
            ):
                raise SigningError(
                    "The signer's answer does not fit its certificate",
                    advice="check that key, algorithm and certificate belong together",
                )
        except Exception as error:  # any signer's exception must get past the C frames
            self.error = error
            return b""
        self.signed = True
        return signature


class _Stream:
    """A file as the library wants it; keeps the OSError that the library would swallow.

    What is read of it is patched; the file is not.
    """

    def __init__(self, stream: BinaryIO, patch: Patch | None = None) -> None:
        self._stream = stream
        self._patch = patch or Patch()
        self.error: OSError | None = None

    def read(self, size: int = -1) -> bytes:
        with self._kept():
            at = self._stream.tell()
            return self._patched(at, self._stream.read(size))

    def readinto(self, buffer: bytearray) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _patched(self, at: int, data: bytes) -> bytes:
        patch = self._patch
        first, last = max(at, patch.at), min(at + len(data), patch.at + len(patch.data))
        if first >= last:
            return data
        return (
            data[: first - at] + patch.data[first - patch.at : last - patch.at] + data[last - at :]
        )

    def write(self, data: bytes) -> int:
        with self._kept():
            return self._stream.write(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        with self._kept():
            return self._stream.seek(offset, whence)

    def tell(self) -> int:
        with self._kept():
            return self._stream.tell()

    def flush(self) -> None:
        with self._kept():
            self._stream.flush()

    @contextlib.contextmanager
    def _kept(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.error = self.error or error
            raise


def _open_target(target: Path) -> BinaryIO:
    try:
        return target.open("w+b")
    except OSError as error:
        raise _io_failure(error, target) from error


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and url.isprintable()
    except ValueError:
        return False


def _blames_authority(error: C2paError, callback: _Callback) -> bool:
    # The token is fetched over the finished signature, which was checked: what the library still
    # has to say about signatures is about the token.
    return callback.signed and isinstance(error, C2paError.Signature)


def _authority_failure(url: str, error: C2paError) -> TimestampError:
    _note(error)
    return TimestampError(
        f"The timestamp authority at {urlsplit(url).hostname} gave no usable answer",
        advice="try again later, or sign without a timestamp",
    )


def _signer_failure(error: Exception) -> ProvenanceError:
    if isinstance(error, ProvenanceError):
        return error
    return SigningError(
        f"The signer failed ({type(error).__name__}), so nothing was written",
        advice="look at its own log",
    )


def _io_failure(error: OSError, target: Path) -> OutputError:
    return OutputError(
        f"{target.name} could not be written ({error.strerror or 'input/output error'})",
        advice="make room or choose another folder",
    )


def _refused(error: C2paError) -> SigningError:
    _note(error)
    if isinstance(error, C2paError.Signature | C2paError.Verify):
        return SigningError(
            "C2PA does not accept the signature",
            advice=(
                "check that the signing certificate is one for signing content, with its whole "
                "chain beside it"
            ),
        )
    return SigningError(
        "The manifest does not fit into the file",
        advice="remux it, or choose another kind of container for the output",
    )


def _note(error: C2paError) -> None:
    """For --debug only: the library's words are for programmers, and may quote the file."""
    _log.debug("c2pa: %s: %s", type(error).__name__, clean(str(error), 500))
