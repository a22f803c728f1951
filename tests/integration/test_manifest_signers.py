"""By which certificate a manifest was signed, whether an issuer did it, and what came before it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from cryptography import x509

from provenance.manifest import Trust, find_parent, read_manifest
from provenance.manifest.certificates import fingerprint_id
from provenance.manifest.reader import Reading, read_store
from provenance.manifest.signatures import signatures
from tests.clips import make_clip
from tests.signing import STAMP, Studio, facts, sign


@pytest.fixture(scope="module")
def studio() -> Studio:
    return Studio()


@pytest.fixture
def signed(studio: Studio, tmp_path: Path) -> Path:
    return sign(studio, make_clip(tmp_path / "plain.mp4"), tmp_path / "signed.mp4")


def leaf_id(studio: Studio) -> str:
    return fingerprint_id(x509.load_pem_x509_certificates(studio.leaf.certificate_pem)[0])


def test_a_report_names_the_certificate_that_signed(studio: Studio, signed: Path) -> None:
    assert read_manifest(signed, studio.trust).signer_id == leaf_id(studio)


def test_signers_under_an_issuing_authority_are_issuers(studio: Studio, signed: Path) -> None:
    root = studio.root.certificate_pem
    assert read_manifest(signed, Trust(root, issuers_pem=root)).issuer


def test_a_signing_certificate_itself_can_be_an_issuer(studio: Studio, signed: Path) -> None:
    trust = Trust(studio.root.certificate_pem, issuers_pem=studio.leaf.certificate_pem)
    assert read_manifest(signed, trust).issuer


def test_a_trusted_signer_of_another_authority_is_no_issuer(studio: Studio, signed: Path) -> None:
    trust = Trust(studio.root.certificate_pem, issuers_pem=Studio("Other").root.certificate_pem)
    report = read_manifest(signed, trust)
    assert (report.status, report.issuer) == ("trusted", False)


def test_an_issuer_whose_signature_is_not_trusted_is_none(studio: Studio, signed: Path) -> None:
    trust = Trust(Studio("Other").root.certificate_pem, issuers_pem=studio.root.certificate_pem)
    report = read_manifest(signed, trust)
    assert (report.status, report.issuer) == ("valid", False)


def test_the_lineage_holds_what_the_parents_manifest_claims(
    studio: Studio, signed: Path, tmp_path: Path
) -> None:
    target = tmp_path / "again.mp4"
    sign(studio, make_clip(tmp_path / "edit.mp4"), target, parent=find_parent(signed, studio.trust))
    (parent,) = read_manifest(target, studio.trust).lineage
    assert parent.status == "trusted"
    assert parent.stamp_id == STAMP
    assert parent.watermark_key_id == facts().watermark_key_id
    assert (parent.model_name, parent.signer_id) == (facts().model_name, leaf_id(studio))


def test_each_manifest_of_a_store_has_its_own_signature(
    studio: Studio, signed: Path, tmp_path: Path
) -> None:
    target = tmp_path / "again.mp4"
    sign(studio, make_clip(tmp_path / "edit.mp4"), target, parent=find_parent(signed, studio.trust))
    reading = read_store(target, studio.trust)
    assert isinstance(reading, Reading)
    assert len({one.digest for one in signatures(reading.boxes).values()}) == 2


@pytest.mark.parametrize("cut", [1, 7, 40, 400])
def test_a_store_cut_short_has_no_signer_and_no_error(
    studio: Studio, signed: Path, cut: int
) -> None:
    reading = read_store(signed, studio.trust)
    assert isinstance(reading, Reading)
    assert signatures(reading.boxes[:-cut]) == {}
    assert signatures(io.BytesIO(reading.boxes).read(cut)) == {}
