"""A polar code with successive-cancellation list decoding (Tal & Vardy, IEEE T-IT 61-5, 2015).

Numbers only.  All paths of all words given are decoded at once in NumPy, where most of the time
of a single word would go into the calls; subtrees without information
("rate 0") are passed in one step (Alamdar-Yazdi & Kschischang, 2011), which for a code of rate
3/32 is most of the tree.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bits = NDArray[np.uint8]


@lru_cache(maxsize=4)
def information_positions(length: int, count: int) -> NDArray[np.intp]:
    """The ``count`` most reliable of ``length`` positions, ascending.

    Density evolution by Gaussian approximation (Trifonov, IEEE T-COM 60-11, 2012) at the design
    point where a code of this rate begins to work, Eb/N0 = 2 dB.  Stable in double precision, so
    every machine picks the same positions; a test pins them.
    """
    noise_ratio = 10**0.2 * count / length
    means = np.array([4.0 * noise_ratio])
    while means.size < length:
        worse = _phi_inverse(1.0 - (1.0 - _phi(means)) ** 2)
        means = np.stack([worse, 2.0 * means], axis=1).ravel()
    # Rounded, so that the order cannot hang on the last bit of a logarithm.
    order = np.lexsort((np.arange(length), np.round(np.log2(np.maximum(means, 1e-30)), 6)))
    return np.sort(order[-count:])


def _phi(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Chung et al.'s approximation of the mean of 1 - tanh(L/2) for L ~ N(x, 2x)."""
    small = np.exp(-0.4527 * np.maximum(x, 1e-30) ** 0.859 + 0.0218)
    large = (
        np.sqrt(np.pi / np.maximum(x, 1e-3))
        * np.exp(-x / 4.0)
        * (1.0 - 10.0 / (7.0 * np.maximum(x, 1e-3)))
    )
    return np.where(x < 10.0, np.minimum(small, 1.0), large)


def _phi_inverse(y: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = np.zeros_like(y), np.full_like(y, 4000.0)
    for _ in range(60):
        middle = (low + high) / 2.0
        above = _phi(middle) > y
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return (low + high) / 2.0


def encode(information: Bits, length: int) -> Bits:
    """Encode ``information`` (K,) of 0/1 into a codeword (``length``,) of 0/1, non-systematic."""
    word = np.zeros(length, dtype=np.uint8)
    word[information_positions(length, information.size)] = information
    return _transform(word)


def _transform(word: Bits) -> Bits:
    """Multiply by the polar kernel's Kronecker power over the last axis, modulo 2."""
    word = word.copy()
    length = word.shape[-1]
    step = 1
    while step < length:
        view = word.reshape(*word.shape[:-1], length // (2 * step), 2, step)
        view[..., 0, :] ^= view[..., 1, :]
        step *= 2
    return word


def decode(soft: Floats, count: int, paths: int) -> Bits:
    """The most likely information words of each row of soft bits, best first.

    Args:
        soft: (B, N) soft bits, positive for 0, in any scale (the decoder is scale-free).
        count: information bits K.
        paths: how many candidates to carry, a power of two.

    Returns:
        (B, L, K) candidate words of 0/1, L at most ``paths``, in order of likelihood.
    """
    return _ListDecoder(np.asarray(soft, np.float32), count, paths).run()


class _ListDecoder:
    """One decode of B words, recursion over the code tree.

    The paths of all words lie below each other, a word's L together: path metrics (B L,), decided
    information bits (B L, K).  Only leaves tell the words apart.
    """

    def __init__(self, soft: Floats, count: int, paths: int) -> None:
        self.batch, self.length = soft.shape
        self.positions = information_positions(self.length, count)
        self.column = {int(position): i for i, position in enumerate(self.positions)}
        self.is_information = np.zeros(self.length, dtype=bool)
        self.is_information[self.positions] = True
        self.limit = paths
        self.soft = soft
        self.metric = np.zeros(self.batch, dtype=np.float32)
        self.words = np.zeros((self.batch, count), dtype=np.uint8)

    def run(self) -> Bits:
        self._node(self.soft, 0)
        order = np.argsort(self.metric.reshape(self.batch, -1), axis=1, kind="stable")
        words = self.words.reshape(self.batch, order.shape[1], -1)
        return np.take_along_axis(words, order[..., None], axis=1)

    def _node(self, soft: Floats, start: int) -> tuple[Bits, NDArray[np.intp]]:
        """Decode one subtree.

        Returns its codeword bits (B L', size) and, for each surviving path, which of the paths that
        entered the subtree it came from: the callers above reorder what they hold by it.
        """
        size = soft.shape[1]
        if not self.is_information[start : start + size].any():
            self.metric = self.metric - np.minimum(soft, 0.0).sum(axis=1)
            return np.zeros(soft.shape, dtype=np.uint8), np.arange(soft.shape[0])
        if size == 1:
            return self._leaf(soft[:, 0], start)
        half = size // 2
        a, b = soft[:, :half], soft[:, half:]
        upper = np.sign(a) * np.sign(b) * np.minimum(np.abs(a), np.abs(b))
        left, origin = self._node(upper, start)
        a, b = a[origin], b[origin]
        right, second = self._node(np.where(left == 0, b + a, b - a), start + half)
        left = left[second]
        return np.concatenate([left ^ right, right], axis=1), origin[second]

    def _leaf(self, soft: Floats, position: int) -> tuple[Bits, NDArray[np.intp]]:
        soft, metric = soft.reshape(self.batch, -1), self.metric.reshape(self.batch, -1)
        entered = soft.shape[1]
        metrics = np.concatenate(
            [metric - np.minimum(soft, 0.0), metric + np.maximum(soft, 0.0)], axis=1
        )
        keep = np.broadcast_to(np.arange(2 * entered), metrics.shape)
        if 2 * entered > self.limit:
            keep = np.argpartition(metrics, self.limit - 1, axis=1)[:, : self.limit]
        origin = (keep % entered + entered * np.arange(self.batch)[:, None]).ravel()
        bit = (keep >= entered).astype(np.uint8).ravel()
        self.metric = np.take_along_axis(metrics, keep, axis=1).ravel()
        self.words = self.words[origin]
        self.words[:, self.column[position]] = bit
        return bit[:, None], origin
