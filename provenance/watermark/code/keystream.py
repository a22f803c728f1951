"""The stream of words that a key's secrets are spread with."""

from __future__ import annotations

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from numpy.typing import NDArray


def keystream(seed: bytes, count: int) -> NDArray[np.uint64]:
    """``count`` uniform 64-bit words from ChaCha20 under the 32-byte ``seed``.

    A cipher's stream, not a library's random generator: the layout is the same on every machine
    and in every release of NumPy, and nobody without the key can tell it from noise.
    """
    cipher = Cipher(ChaCha20(seed, bytes(16)), mode=None)
    return np.frombuffer(cipher.encryptor().update(bytes(8 * count)), dtype="<u8")
