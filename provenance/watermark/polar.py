"""A polar code with successive-cancellation list decoding (Tal & Vardy, IEEE T-IT 61-5, 2015).

Numbers only.  The list is decoded all paths at once in NumPy; subtrees without information
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
    """The most likely information words, best first.

    Args:
        soft: (N,) soft bits, positive for 0, in any scale (the decoder is scale-free).
        count: information bits K.
        paths: how many candidates to carry, a power of two.

    Returns:
        (L, K) candidate words of 0/1, L at most ``paths``, in order of likelihood.
    """
    decoder = _ListDecoder(soft.astype(np.float32), count, paths)
    return decoder.run()


class _ListDecoder:
    """One decode: path metrics (L,), decided bits (L, N), recursion over the code tree."""

    def __init__(self, soft: Floats, count: int, paths: int) -> None:
        self.length = soft.size
        self.positions = information_positions(self.length, count)
        self.is_information = np.zeros(self.length, dtype=bool)
        self.is_information[self.positions] = True
        self.limit = paths
        self.soft = soft[None, :]
        self.metric = np.zeros(1, dtype=np.float32)
        self.bits = np.zeros((1, self.length), dtype=np.uint8)
        self.parents = np.zeros(1, dtype=np.intp)

    def run(self) -> Bits:
        self._node(self.soft, 0)
        order = np.argsort(self.metric, kind="stable")
        return self.bits[order][:, self.positions]

    def _node(self, soft: Floats, start: int) -> tuple[Bits, NDArray[np.intp]]:
        """Decode one subtree.

        Returns its codeword bits (L', size) and, for each surviving path, which of the paths that
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
        entered = soft.size
        metrics = np.concatenate(
            [self.metric - np.minimum(soft, 0.0), self.metric + np.maximum(soft, 0.0)]
        )
        keep = np.arange(2 * entered)
        if keep.size > self.limit:
            keep = np.argpartition(metrics, self.limit - 1)[: self.limit]
        origin = keep % entered
        bit = (keep >= entered).astype(np.uint8)
        self.metric = metrics[keep]
        self.bits = self.bits[origin]
        self.bits[:, position] = bit
        return bit[:, None], origin
