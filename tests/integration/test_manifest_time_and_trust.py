"""Timestamps, expiry, and the wall between signers' and timestamp anchors."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from provenance.errors import KeyringError, SigningError, TimestampError, UsageError
from provenance.manifest import LocalSigner, Trust, find_parent, read_manifest
from provenance.manifest.certificates import issue_signer, make_root
from tests.authority import Authority, serve
from tests.clips import Spec, make_clip
from tests.signing import Studio, facts, sign, signed_before_its_end


@pytest.fixture(scope="module")
def studio() -> Studio:
    return Studio()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("plain") / "plain.mp4", Spec(frames=8))


@pytest.fixture
def authority() -> Iterator[Authority]:
    with serve(Authority()) as running:
        yield running


def test_a_timestamp_gives_the_time_of_signing(
    studio: Studio, plain: Path, tmp_path: Path, authority: Authority
) -> None:
    authority.clock = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    signed = sign(studio, plain, tmp_path / "clip.mp4", tsa_url=authority.url)
    known = Trust(studio.root.certificate_pem, authority.root_pem)
    assert read_manifest(signed, known).status == "trusted"
    assert read_manifest(signed, known).signed_at == authority.clock


def test_the_time_of_an_unknown_authority_is_not_believed(
    studio: Studio, plain: Path, tmp_path: Path, authority: Authority
) -> None:
    signed = sign(studio, plain, tmp_path / "clip.mp4", tsa_url=authority.url)
    report = read_manifest(signed, studio.trust)
    assert report.status == "trusted"
    assert report.signed_at == facts().created_at


@pytest.mark.parametrize("behaviour", ["refuse", "garbage", "error"])
def test_an_authority_without_a_usable_answer_stops_the_signing_and_says_what_to_do(
    studio: Studio, plain: Path, tmp_path: Path, authority: Authority, behaviour: str
) -> None:
    authority.behaviour = behaviour
    target = tmp_path / "clip.mp4"
    with pytest.raises(TimestampError, match=r"127\.0\.0\.1.*sign without a timestamp"):
        sign(studio, plain, target, tsa_url=authority.url)
    assert not target.exists()


def test_an_authority_that_is_down_stops_the_signing_and_says_what_to_do(
    studio: Studio, plain: Path, tmp_path: Path
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, never listening: a connection is refused
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        with pytest.raises(TimestampError, match="sign without a timestamp"):
            sign(studio, plain, tmp_path / "clip.mp4", tsa_url=url)


@pytest.mark.parametrize(
    "url", ["", "tsa.example.com", "ftp://tsa.example.com", "http://", "http://["]
)
def test_an_address_that_is_no_web_address_is_refused(
    studio: Studio, plain: Path, tmp_path: Path, url: str
) -> None:
    with pytest.raises(UsageError, match="address"):
        sign(studio, plain, tmp_path / "clip.mp4", tsa_url=url)


def test_a_bad_signature_is_not_blamed_on_the_authority(
    studio: Studio, plain: Path, tmp_path: Path, authority: Authority
) -> None:
    class Wrong:
        alg, chain_pem = "es256", studio.leaf.certificate_pem

        def sign(self, data: bytes) -> bytes:
            return b"x" * 64

    with pytest.raises(SigningError) as caught:
        sign(studio, plain, tmp_path / "clip.mp4", signer=Wrong(), tsa_url=authority.url)
    assert not isinstance(caught.value, TimestampError)


def test_signing_and_reading_without_an_authority_use_no_network(
    studio: Studio, plain: Path, tmp_path: Path, authority: Authority
) -> None:
    signed = sign(studio, plain, tmp_path / "clip.mp4")
    read_manifest(signed, Trust(studio.root.certificate_pem, authority.root_pem))
    assert authority.requests == 0


def test_after_expiry_a_file_stays_trusted_only_with_a_timestamp(
    studio: Studio, plain: Path, tmp_path: Path, authority: Authority
) -> None:
    known = Trust(studio.root.certificate_pem, authority.root_pem)
    stamped, bare = tmp_path / "a.mp4", tmp_path / "b.mp4"
    expired: list[LocalSigner] = []

    def both(signer: LocalSigner) -> None:
        sign(studio, plain, stamped, signer=signer, tsa_url=authority.url)
        sign(studio, plain, bare, signer=signer)
        expired.append(signer)

    signed_before_its_end(studio.name, studio.root, both)
    assert read_manifest(stamped, known).status == "trusted"
    without = read_manifest(bare, known)
    assert without.status == "invalid"
    assert "signingCredential.expired" in without.failures
    assert read_manifest(stamped, studio.trust).status == "invalid", "authority unknown"
    with pytest.raises(SigningError, match="expired"):
        sign(studio, plain, tmp_path / "c.mp4", signer=expired[-1])


def test_a_clock_before_the_certificates_start_is_a_signing_error(
    studio: Studio, plain: Path, tmp_path: Path
) -> None:
    future = datetime.now(UTC) + timedelta(days=30)
    leaf = issue_signer(studio.name, make_root(studio.name, now=future), now=future)
    target = tmp_path / "clip.mp4"
    with pytest.raises(SigningError, match="clock"):
        sign(studio, plain, target, signer=LocalSigner(leaf.key_pem, leaf.certificate_pem))
    assert not target.exists()


def test_a_claim_that_chains_to_a_timestamp_anchor_is_not_trusted(
    studio: Studio, plain: Path, tmp_path: Path
) -> None:
    signed = sign(studio, plain, tmp_path / "clip.mp4")
    as_authority = Trust(Studio("Known").root.certificate_pem, studio.root.certificate_pem)
    report = read_manifest(signed, as_authority)
    assert report.status == "valid"
    assert "signingCredential.untrusted" in report.failures


def test_an_ingredient_that_chains_to_a_timestamp_anchor_is_not_trusted(
    studio: Studio, plain: Path, tmp_path: Path
) -> None:
    other = Studio("Somebody Else")
    both = Trust(studio.root.certificate_pem + other.root.certificate_pem)
    parent = find_parent(sign(other, plain, tmp_path / "parent.mp4"), both)
    child = sign(studio, plain, tmp_path / "child.mp4", parent=parent, trust=both)
    assert read_manifest(child, both).ingredients[0].status == "trusted"
    as_authority = Trust(studio.root.certificate_pem, other.root.certificate_pem)
    report = read_manifest(child, as_authority)
    assert report.status == "trusted"
    assert report.ingredients[0].status == "valid"


def test_a_root_that_is_anchor_for_both_is_trusted_as_signer(
    studio: Studio, plain: Path, tmp_path: Path
) -> None:
    signed = sign(studio, plain, tmp_path / "clip.mp4")
    both = Trust(studio.root.certificate_pem, studio.root.certificate_pem)
    assert read_manifest(signed, both).status == "trusted"


def test_anchors_that_are_no_certificates_are_refused_instead_of_ignored() -> None:
    with pytest.raises(KeyringError, match="trust anchors"):
        Trust(b"hello")
    with pytest.raises(KeyringError, match="timestamp anchors"):
        Trust(b"", b"hello")
    assert Trust(b" \n").anchors_pem == b" \n"
