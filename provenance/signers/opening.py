"""From an address to a signer."""

from __future__ import annotations

from provenance.errors import KeyringError
from provenance.manifest.signer import LocalSigner
from provenance.signers.kms import KmsService
from provenance.signers.service import KeyHolder, ServiceSigner
from provenance.signers.spec import FileKey, KmsKey, SignerSpec
from provenance.signers.token import TokenService

_MAX_FILE = 1024 * 1024


def open_signer(spec: SignerSpec, *, pin: str | None = None) -> KeyHolder:
    """Make the signer that a spec names, for use in this process.

    A service is not contacted before the first use.

    Args:
        spec: the key's address and its certificates.
        pin: of a PKCS #11 token, when the address has no ``pin-source``; never kept elsewhere.

    Raises:
        KeyringError: when a key file or the certificates can't be read or do not belong together.
    """
    key = spec.key
    if isinstance(key, FileKey):
        try:
            with key.path.open("rb") as stream:
                content = stream.read(_MAX_FILE)
        except OSError as error:
            raise KeyringError(
                f"The signing key {key.path} can't be read "
                f"({error.strerror or 'input/output error'})",
                advice="check the address",
            ) from error
        return LocalSigner(content, spec.chain_pem)
    if isinstance(key, KmsKey):
        return ServiceSigner(spec.name, spec.chain_pem, lambda: KmsService(key))
    return ServiceSigner(spec.name, spec.chain_pem, lambda: TokenService(key, pin))
