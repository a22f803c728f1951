"""The payload's code: what it carries, what it corrects, what it refuses."""

import hashlib

import numpy as np
import pytest

from provenance.results.payload import StampId
from provenance.watermark.code import codeword, polar
from provenance.watermark.code.keys import WatermarkKey
from provenance.watermark.code.keystream import keystream
from provenance.watermark.code.spec import INFORMATION_BITS, LAYOUT_1

KEY = WatermarkKey("k", b"s" * 32, b"p" * 32)
OTHER = WatermarkKey("o", b"t" * 32, b"p" * 32)


def test_a_clean_codeword_decodes_to_its_stamp_id() -> None:
    stamp_id = StampId.new()
    assert codeword.decode(codeword.encode(stamp_id, KEY), KEY).stamp_id == stamp_id


def test_the_code_corrects_white_noise_at_an_eb_n0_of_3_db_in_99_of_100_tries() -> None:
    noise = np.random.default_rng(3)
    amplitude = np.sqrt(2 * 10**0.3 * INFORMATION_BITS / LAYOUT_1.coded_bits)
    right = 0
    for _ in range(100):
        stamp_id = StampId.new()
        soft = amplitude * codeword.encode(stamp_id, KEY) + noise.standard_normal(1024)
        right += codeword.decode(soft.astype(np.float32), KEY).stamp_id == stamp_id
    assert right >= 99


def test_decoding_does_not_depend_on_the_scale_of_the_soft_bits() -> None:
    stamp_id = StampId.new()
    soft = codeword.encode(stamp_id, KEY)
    assert codeword.decode(soft * np.float32(1e-4), KEY).stamp_id == stamp_id
    assert codeword.decode(soft * np.float32(1e4), KEY).stamp_id == stamp_id


def test_another_keys_codeword_is_not_believed() -> None:
    soft = codeword.encode(StampId.new(), OTHER)
    decoded = codeword.decode(soft, KEY)
    assert decoded.stamp_id is None
    assert decoded.tries == codeword.PATHS


def test_noise_alone_gives_no_stamp_id_and_counts_every_word_compared() -> None:
    noise = np.random.default_rng(5)
    for _ in range(20):
        decoded = codeword.decode(noise.standard_normal(1024).astype(np.float32), KEY)
        assert decoded == codeword.Decoded(None, codeword.PATHS)


def test_the_polar_transform_is_its_own_inverse() -> None:
    word = np.random.default_rng(1).integers(0, 2, 1024).astype(np.uint8)
    assert (polar._transform(polar._transform(word)) == word).all()


@pytest.mark.parametrize("paths", [1, 8, 64])
def test_the_list_decoder_returns_distinct_words_best_first(paths: int) -> None:
    bits = np.random.default_rng(2).integers(0, 2, 96).astype(np.uint8)
    soft = 1.0 - 2.0 * polar.encode(bits, 1024).astype(np.float32)
    (words,) = polar.decode(soft[None], 96, paths)
    assert (words[0] == bits).all()
    assert len(np.unique(words, axis=0)) == paths


def test_words_decoded_together_are_those_decoded_one_by_one() -> None:
    soft = np.random.default_rng(7).standard_normal((9, 1024)).astype(np.float32)
    together = polar.decode(soft, 96, 64)
    assert together.shape == (9, 64, 96)
    for row, words in zip(soft, together, strict=True):
        (alone,) = polar.decode(row[None], 96, 64)
        assert (words == alone).all()


def test_layout_1_pins_the_information_positions() -> None:
    """A change here would make every stamp ever written unreadable."""
    positions = polar.information_positions(1024, 96)
    digest = hashlib.sha256(positions.astype("<u2").tobytes()).hexdigest()
    assert digest.startswith("f75fb09f9ba2f959")


def test_layout_1_pins_the_keyed_stream_and_the_authentication_code() -> None:
    assert keystream(KEY.derive("signs", 1), 2).tolist() == [
        13085369925570388868,
        12923908559436789194,
    ]
    assert KEY.authenticator(1)(StampId(bytes(range(8)))).hex() == "29cee58b"


def test_a_key_never_shows_its_secrets() -> None:
    assert "ssss" not in repr(KEY)
    assert "pppp" not in repr(KEY)


def test_a_key_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        WatermarkKey("k", b"short", b"p" * 32)
