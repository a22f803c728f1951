"""Addresses of signing keys: what is understood, what is refused, what is shown."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from provenance.errors import KeyringError, UsageError
from provenance.signers import SignerSpec, open_signer
from provenance.signers.spec import FileKey, KmsKey, TokenKey
from tests.signing import Studio

MODULE = "module-path=/usr/lib/softhsm/libsofthsm2.so"
ARN = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd"


@pytest.mark.parametrize(
    ("uri", "key"),
    [
        ("file:/run/keys/k.pem", FileKey(Path("/run/keys/k.pem"))),
        ("file:///run/keys/k.pem", FileKey(Path("/run/keys/k.pem"))),
        ("file:k.pem", FileKey(Path("k.pem"))),
        (
            f"pkcs11:token=My%20token;object=sign;type=private?{MODULE}",
            TokenKey("/usr/lib/softhsm/libsofthsm2.so", "My token", label="sign"),
        ),
        (
            f"pkcs11:serial=af01;id=%01%ff?{MODULE}&pin-source=file:/run/pin",
            TokenKey(
                "/usr/lib/softhsm/libsofthsm2.so",
                serial="af01",
                key_id=b"\x01\xff",
                pin_file=Path("/run/pin"),
            ),
        ),
        ("awskms:alias/stamping?region=eu-west-1", KmsKey("alias/stamping", "eu-west-1")),
        (f"awskms:{ARN}", KmsKey(ARN, "eu-west-1")),
        (f"awskms:{ARN}?region=us-east-1", KmsKey(ARN, "us-east-1")),
        (
            "awskms:1234?endpoint=http://127.0.0.1:4566&profile=stamping",
            KmsKey("1234", None, "http://127.0.0.1:4566", "stamping"),
        ),
    ],
)
def test_an_address_names_a_key(uri: str, key: object) -> None:
    assert SignerSpec(uri).key == key


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("", "file:, pkcs11: or awskms:"),
        ("gcpkms:key", "file:, pkcs11: or awskms:"),
        ("file:", "path of a PEM file"),
        ("file:a\x1b[0m", "starts with"),
        (f"pkcs11:token=t?{MODULE}", "object="),
        ("pkcs11:token=t;object=k", "module-path"),
        (f"pkcs11:object=k;slot-id=3?{MODULE}", "slot-id"),
        (f"pkcs11:object=k;object=l?{MODULE}", "object"),
        (f"pkcs11:object=k;type=public?{MODULE}", "private"),
        (f"pkcs11:object=%ff%fe?{MODULE}", "UTF-8"),
        (f"pkcs11:object=k?{MODULE}&pin-source=|cat /etc/pin", "whole path"),
        ("awskms:", "its id, its ARN"),
        ("awskms:k?secret=x", "secret"),
        ("awskms:k?endpoint=ftp://host", "endpoint"),
        ("awskms:k?endpoint=https://user:word@host", "without a password"),
    ],
)
def test_an_address_that_can_not_be_used_is_explained(uri: str, words: str) -> None:
    with pytest.raises(UsageError) as error:
        SignerSpec(uri)
    assert words in str(error.value)
    assert "word@host" not in str(error.value)


def test_a_pin_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError, match="never goes into an address") as error:
        SignerSpec(f"pkcs11:object=k?{MODULE}&pin-value=4711")
    assert "4711" not in str(error.value)


def test_messages_show_an_address_without_its_query() -> None:
    spec = SignerSpec("awskms:k?region=eu-west-1&endpoint=http://127.0.0.1:1")
    assert spec.name == "awskms:k"


def test_a_spec_travels_and_its_signer_does_not() -> None:
    studio = Studio()
    spec = SignerSpec("awskms:k?region=eu-west-1", studio.leaf.certificate_pem)
    assert pickle.loads(pickle.dumps(spec)) == spec  # noqa: S301 - our own bytes
    with pytest.raises(TypeError, match="in the worker"):
        pickle.dumps(open_signer(spec))


def test_a_key_file_signs_like_the_keyrings_own(tmp_path: Path) -> None:
    studio, path = Studio(), tmp_path / "key.pem"
    path.write_bytes(studio.leaf.key_pem)
    signer = open_signer(SignerSpec(f"file:{path}", studio.leaf.certificate_pem))
    assert signer.alg == "es256"
    assert len(signer.sign(b"data")) == 64
    with pytest.raises(KeyringError, match="can't be read"):
        open_signer(SignerSpec(f"file:{path}.gone", studio.leaf.certificate_pem))
    with pytest.raises(KeyringError, match="does not belong"):
        open_signer(SignerSpec(f"file:{path}", Studio().leaf.certificate_pem))


def test_a_key_without_certificate_says_how_to_get_one(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(Studio().leaf.key_pem)
    for uri in (f"file:{path}", "awskms:k?region=eu-west-1"):
        with pytest.raises(KeyringError, match="keys csr"):
            _ = open_signer(SignerSpec(uri)).chain_pem
