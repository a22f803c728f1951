"""What a job is: one clip to stamp, with its settings, and the key it is known by."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from provenance.batch.approvals import binding_key
from provenance.errors import UsageError
from provenance.manifest import PromptTrace, given_prompt_hash, hash_prompt, trace_prompt
from provenance.manifest.prompt import PromptKey
from provenance.results import Document, PromptHash
from provenance.system.storage import is_url
from provenance.system.text import printable
from provenance.system.workspace import PREFIX

MAX_PROMPT: Final = 10_000_000
"""Bytes of a prompt file."""
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_NO_IDENTITY: Final = ("input", "origin", "approval", "prompt", "model_card_sha256")
"""Fields that are no part of a job's identity as they are."""
_FIRST: Final = (
    *("output", "model_name", "model_version", "consents", "profile"),
    *("codec", "crf", "bitrate", "preset", "title"),
)
"""Fields that always were.  One that came later is part of it only where it is set, so that jobs
without it keep the names that ledgers of earlier releases know them by."""


@dataclass(frozen=True, slots=True)
class PromptForms:
    """What goes on of a prompt: nothing that it could be guessed from without a key.

    Attributes:
        hashes: under every prompt key, newest first; the first is what is kept of it.
        trace: what it is found by in what would be published; None when only a hash is known.
        bound: every form in which an approval may name it.
    """

    hashes: tuple[PromptHash, ...]
    trace: PromptTrace | None = None
    bound: tuple[PromptHash, ...] = ()


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt, given in exactly one way; ``repr`` never shows the text.

    ``file`` is a path.  ``digest`` is a SHA-256 made elsewhere, 64 hexadecimal digits.  With
    ``from_tags`` the clip's own tags hold it, which only its worker reads.
    """

    text: str | None = field(default=None, repr=False)
    file: str | None = None
    digest: str | None = None
    from_tags: bool = False

    def hashed(self, key: PromptKey | None) -> PromptHash:
        """What is kept of the prompt; the file is read now.

        Args:
            key: hashes it; None for a plain SHA-256.  A given digest is taken over as it is.

        Raises:
            UsageError: the file can't be read, is larger than 10 MB, empty or no UTF-8 text.
        """
        if self.digest is not None:
            return given_prompt_hash(self.digest)
        return hash_prompt(self._read() or "", key)

    def traced(self, key: PromptKey) -> PromptTrace | None:
        """What the prompt is found by in what is published; None when only a digest is known.

        Raises:
            UsageError: as :meth:`hashed` does.
        """
        text = None if self.digest is not None else self._read()
        return None if text is None else trace_prompt(text, key)

    def loaded(self) -> Prompt:
        """The same with its file read, so that all that is made of it is made of one text.

        Raises:
            UsageError: as :meth:`hashed` does.
        """
        return self if self.file is None else Prompt(_read(Path(self.file)))

    def bound(self, keys: Iterable[PromptKey]) -> tuple[PromptHash, ...]:
        """Every form in which an approval may name the prompt.

        Args:
            keys: binding keys (:mod:`provenance.batch.approvals.binding`).

        Raises:
            UsageError: as :meth:`hashed` does.
        """
        if self.digest is not None:
            return (given_prompt_hash(self.digest),)
        text = self._read() or ""
        return tuple(hash_prompt(text, key) for key in keys)

    def forms(self, keys: Sequence[PromptKey]) -> PromptForms:
        """What goes on of the prompt; the file is read once.

        Args:
            keys: prompt keys, newest first.

        Raises:
            UsageError: as :meth:`hashed` does.
        """
        one = self.loaded()
        return PromptForms(
            tuple(dict.fromkeys(one.hashed(key) for key in keys)),
            one.traced(keys[0]),
            one.bound(map(binding_key, keys)),
        )

    def _read(self) -> str | None:
        return self.text if self.file is None else _read(Path(self.file))


@dataclass(frozen=True, slots=True)
class JobName(Document):
    """Which job of a list."""

    input: str
    """Path or URL of its clip."""
    output: str
    """Path below the output folder."""
    origin: str
    """Where it was read, as ``jobs.csv, line 7``."""


@dataclass(frozen=True, slots=True)
class Job:
    """One row of a job list, checked; docs/release-pipeline.md has the keys.

    Attributes:
        input: path or URL of the clip; a relative path in a list starts at the list's folder.
        output: path below the output folder, with ``/`` between its parts, normalized.
        keep_tags: names of tags to carry over, in lower case and in order.
        approval: path or URL of the approvals; None means the input's name + ``.approval.json``.
        model_card_sha256: of the model card that named the model; a card whose words were mended
            makes no other job.
        origin: where it was read, as ``jobs.csv, line 7``; no part of the job's identity.
    """

    input: str
    output: str
    model_name: str
    model_version: str
    prompt: Prompt
    approval: str | None = None
    consents: tuple[str, ...] = ()
    profile: str | None = None
    codec: str | None = None
    crf: float | None = None
    bitrate: str | None = None
    preset: str | None = None
    title: str | None = None
    keep_tags: tuple[str, ...] = ()
    model_card_sha256: str | None = None
    origin: str = field(default="", compare=False)

    @property
    def named(self) -> JobName:
        """What results call it."""
        return JobName(self.input, self.output, self.origin)


def job_key(job: Job, input_sha256: str, prompt: PromptHash) -> str:
    """The identity of a job: SHA-256 over its input's SHA-256 and its canonical settings.

    The same clip under another name is the same job; another output, or any other setting, makes
    another one.  The approval is not part of it: it lets a job run, and changes nothing in it.

    Args:
        job: the job.
        input_sha256: 64 hexadecimal digits.
        prompt: the prompt's keyed hash, so that a key can't be used to test guesses of a prompt.

    Returns:
        64 hexadecimal digits.
    """
    settings = {
        one.name: getattr(job, one.name)
        for one in fields(job)
        if one.name not in _NO_IDENTITY
        and (one.name in _FIRST or getattr(job, one.name) != one.default)
    }
    settings["consents"] = sorted(set(job.consents))
    whole: dict[str, Any] = {
        "schema": "provenance.job/1",
        "input_sha256": input_sha256,
        "prompt": prompt.as_json(),
        "settings": settings,
    }
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def output_problem(output: str) -> str | None:
    """Why an output's path can't be used, in words to follow "output"; None when it can."""
    parts = output.split("/")
    if not output.strip() or parts[-1] in ("", "."):
        return "names no file; name one below the output folder"
    if not output.isprintable():
        return "holds a character that can't be printed; give it a plain name"
    if output.startswith("/") or "\\" in output or _DRIVE.match(output) or is_url(output):
        return "is absolute; give a path below the output folder, with / between its parts"
    if ".." in parts:
        return "climbs with ..; give a path below the output folder"
    if any(part.startswith(PREFIX) for part in parts):
        return "is a name kept for unfinished work; choose another"
    return None


def output_path(folder: Path, job: Job) -> Path:
    """Where a job's output goes below a local folder, whatever links are in there.

    Raises:
        UsageError: a link below the folder leads out of it.
    """
    target = folder.joinpath(*job.output.split("/"))
    if not target.parent.resolve().is_relative_to(folder.resolve()):
        raise UsageError(
            f"The output {printable(job.output, 80)!r} leaves the output folder by a link; "
            "remove the link."
        )
    return target


def same_file(output: str) -> str:
    """Equal for two outputs that some file system keeps in one file (case, Unicode forms)."""
    return unicodedata.normalize("NFC", output).casefold()


def _read(path: Path) -> str:
    try:
        if path.exists() and not path.is_file():  # a pipe would never end
            raise UsageError(f"The prompt file {path} is no regular file; name another.")
        with path.open("rb") as handle:
            raw = handle.read(MAX_PROMPT + 1)
    except UsageError:
        raise
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or "input/output error").lower()
        raise UsageError(f"The prompt file {path} cannot be read: {reason}.") from error
    if len(raw) > MAX_PROMPT:
        raise UsageError(f"The prompt file {path} is larger than 10 MB; is it the right file?")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:  # its text would be in the chain
        raise UsageError(f"The prompt file {path} is not UTF-8 text; save it as UTF-8.") from None
