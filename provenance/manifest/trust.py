"""Who is trusted: anchors for signers and, apart from them, anchors for timestamps.

c2pa-rs 0.91.3 takes a kind for every list of anchors and does not enforce it: a claim certificate
that chains to a timestamp anchor comes out trusted.  So the reader asks twice when timestamp
anchors are given, see :mod:`provenance.manifest.reader`; the settings for both readings are here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cryptography import x509

from provenance.errors import KeyringError

SIGNER_EKUS = (
    "1.3.6.1.4.1.62558.2.1",  # C2PA claimSigning
    "1.3.6.1.5.5.7.3.36",  # documentSigning
    "1.3.6.1.5.5.7.3.4",  # emailProtection
    "1.3.6.1.4.1.311.76.59.1.9",  # Microsoft C2PA signing
)
"""Extended key usages a claim signer may have.  Without this list the library passes
emailProtection alone, and the C2PA's own claimSigning reads as untrusted."""

TIMESTAMP_EKUS = ("1.3.6.1.5.5.7.3.8",)


@dataclass(frozen=True, slots=True)
class Trust:
    """Trust anchors as PEM bundles; an empty bundle trusts nobody.

    Args:
        anchors_pem: roots (or intermediates) that signers of claims may chain to.
        tsa_anchors_pem: roots that timestamp authorities may chain to, and nobody else.
        issuers_pem: authorities, or signing certificates, of those who stamp with the watermark
            keys that are held: of all trusted signers only these can confirm a stamp that no
            registry vouches for.

    Raises:
        KeyringError: when a bundle that is not empty holds no readable certificate, since the
            library would pass over that without a word and trust nobody.
    """

    anchors_pem: bytes = b""
    tsa_anchors_pem: bytes = b""
    issuers_pem: bytes = b""

    def __post_init__(self) -> None:
        for name, pem in (
            ("trust anchors", self.anchors_pem),
            ("timestamp anchors", self.tsa_anchors_pem),
            ("issuers", self.issuers_pem),
        ):
            if not pem.strip():
                continue
            try:
                x509.load_pem_x509_certificates(pem)
            except ValueError as error:
                raise KeyringError(
                    f"The {name} hold no readable certificate, or a damaged one",
                    advice="give a file of PEM certificates",
                ) from error

    @property
    def has_tsa(self) -> bool:
        """Whether any timestamp anchor was given."""
        return bool(self.tsa_anchors_pem.strip())


def library_settings(
    trust: Trust, *, with_tsa: bool = True, core: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Settings for c2pa: no network, no thumbnails, and these anchors.

    With ``with_tsa`` off the timestamp anchors are left out and any timestamp counts, whoever
    signed it: good for one question only, whether a signer chains to a *signer's* anchor.
    """
    anchors = [_anchors(trust.anchors_pem, "signers", "manifest", SIGNER_EKUS)]
    if with_tsa and trust.has_tsa:
        anchors.append(_anchors(trust.tsa_anchors_pem, "timestamps", "tsa", TIMESTAMP_EKUS))
    return {
        "trust": {"anchors": anchors},
        "verify": {
            "remote_manifest_fetch": False,
            "ocsp_fetch": False,
            "verify_after_sign": True,
            "verify_after_sign_hash": True,
            "verify_trust": True,
            "verify_timestamp_trust": with_tsa,
        },
        "builder": {"thumbnail": {"enabled": False}},
        "core": {
            "decode_identity_assertions": False,
            # Beyond this the library works in a temporary file; its own default is 512.
            "backing_store_memory_threshold_in_mb": 8,
            **(core or {}),
        },
    }


def _anchors(pem: bytes, name: str, kind: str, ekus: tuple[str, ...]) -> dict[str, str]:
    return {
        "trust_anchors": pem.decode("ascii", "replace"),
        "trust_uri": f"urn:provenance-stamp:{name}",
        "trust_kind": kind,
        "trust_config": "".join(f"{eku}\n" for eku in ekus),
    }
