"""The organisation's own root and signing certificates."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from provenance.errors import SigningError
from provenance.manifest.certificates import (
    CLAIM_SIGNING_EKU,
    check_organisation,
    check_validity,
    issue_signer,
    make_root,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_signing_certificate_has_what_c2pa_asks_for_and_chains_to_the_root() -> None:
    root = make_root("Example Studio", now=NOW)
    leaf = issue_signer("Example Studio", root, now=NOW)
    authority = x509.load_pem_x509_certificate(root.certificate_pem)
    certificate = x509.load_pem_x509_certificate(leaf.certificate_pem)
    certificate.verify_directly_issued_by(authority)
    extensions = certificate.extensions
    usage = extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert not usage.key_cert_sign
    assert CLAIM_SIGNING_EKU in extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    issuer_id = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    root_id = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert issuer_id.key_identifier == root_id.digest
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_a_signing_certificate_never_outlives_its_root() -> None:
    root = make_root("Example Studio", now=NOW, years=1)
    leaf = issue_signer("Example Studio", root, now=NOW, years=5)
    assert (
        x509.load_pem_x509_certificate(leaf.certificate_pem).not_valid_after_utc
        == x509.load_pem_x509_certificate(root.certificate_pem).not_valid_after_utc
    )


def test_private_keys_never_show_in_repr() -> None:
    assert "PRIVATE" not in repr(make_root("Example Studio"))


@pytest.mark.parametrize("name", ["", "  ", "x" * 65, "ス" * 22, "a\nb", "a\x1b[1m"])
def test_a_name_that_can_not_stand_in_a_certificate_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="organisation"):
        check_organisation(name)


@pytest.mark.parametrize("name", ["x" * 64, "ス" * 21])
def test_a_name_as_long_as_a_certificate_holds_is_taken_from_any_script(name: str) -> None:
    issue_signer(name, make_root(name))


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (NOW - timedelta(days=1), "clock"),
        (NOW + timedelta(days=4000), "expired"),
    ],
)
def test_a_moment_outside_the_validity_is_named_with_both_times(
    moment: datetime, words: str
) -> None:
    leaf = issue_signer("Example Studio", make_root("Example Studio", now=NOW), now=NOW)
    with pytest.raises(SigningError, match=words) as caught:
        check_validity(leaf.certificate_pem, moment)
    assert f"{moment:%Y-%m-%d}" in str(caught.value)


def test_a_chain_that_is_no_certificate_is_a_signing_error() -> None:
    with pytest.raises(SigningError, match="certificate"):
        check_validity(b"nothing")
