"""Signing keys that live elsewhere: in a PKCS #11 token or in AWS KMS, named by a URI.

A :class:`SignerSpec` is plain data and travels to other processes; :func:`open_signer` makes a
signer of it in the process that uses it.  The private key never leaves its service.

    spec = SignerSpec("awskms:alias/stamping?region=eu-west-1", chain_pem)
    signer = open_signer(spec)
    signer.sign(b"...")
"""

from provenance.signers.opening import open_signer
from provenance.signers.request import signing_request
from provenance.signers.service import KeyHolder, ServiceSigner, check_ready
from provenance.signers.spec import SignerSpec

__all__ = [
    "KeyHolder",
    "ServiceSigner",
    "SignerSpec",
    "check_ready",
    "open_signer",
    "signing_request",
]
