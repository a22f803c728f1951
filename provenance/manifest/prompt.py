"""What is kept of a prompt: a hash, never its text.

A plain hash of a short prompt can be guessed by trying prompts, so the hash is keyed unless plain
SHA-256 is asked for.  Either is taken over the prompt's canonical form: Unicode NFC, line ends as
LF, no white space at either end, UTF-8.  So the same prompt typed on two systems, or read from a
file that ends in a newline, hashes alike.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass, field

from provenance.errors import UsageError
from provenance.results import PromptHash

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class PromptKey:
    """The organisation's secret for prompt hashes; ``repr`` never shows it.

    Raises:
        ValueError: when the secret is not 32 bytes long.
    """

    key_id: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != SECRET_BYTES:
            raise ValueError(f"a prompt key has {SECRET_BYTES} bytes")


def canonical_prompt(text: str) -> bytes:
    """The bytes that are hashed; see the module's docstring.

    Raises:
        UsageError: when nothing is left, or the text is not valid Unicode.
    """
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        raw = unicodedata.normalize("NFC", unified).strip().encode("utf-8")
    except UnicodeEncodeError as error:
        raise UsageError("The prompt is not valid Unicode text; save it as UTF-8.") from error
    if not raw:
        raise UsageError("The prompt is empty; give the text that made the clip.")
    return raw


def hash_prompt(text: str, key: PromptKey | None) -> PromptHash:
    """HMAC-SHA256 of the prompt under ``key``; plain SHA-256 when ``key`` is ``None``.

    Raises:
        UsageError: see :func:`canonical_prompt`.
    """
    raw = canonical_prompt(text)
    if key is None:
        return PromptHash("sha256", hashlib.sha256(raw).hexdigest())
    return PromptHash(
        "hmac-sha256", hmac.new(key.secret, raw, hashlib.sha256).hexdigest(), key.key_id
    )


def given_prompt_hash(value: str) -> PromptHash:
    """Take over a SHA-256 that the caller made elsewhere (``--prompt-hash``), unchecked.

    Raises:
        UsageError: when it is not 64 hexadecimal digits.
    """
    if not re.fullmatch(r"[0-9a-fA-F]{64}", value.strip()):
        raise UsageError("A prompt hash is the 64 hexadecimal digits of a SHA-256.")
    return PromptHash("sha256", value.strip().lower())


def prompt_matches(text: str, claimed: PromptHash, key: PromptKey | None) -> bool:
    """Say whether ``text`` is the prompt behind ``claimed``.

    ``key`` is used for ``hmac-sha256`` only; without the right key the answer is ``False``.
    """
    if claimed.alg == "hmac-sha256":
        if key is None or key.key_id != claimed.key_id:
            return False
        ours = hash_prompt(text, key)
    elif claimed.alg == "sha256":
        ours = hash_prompt(text, None)
    else:
        return False
    return hmac.compare_digest(ours.value.encode(), claimed.value.encode("utf-8", "replace"))
