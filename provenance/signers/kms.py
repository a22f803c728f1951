"""A key in AWS KMS, through boto3 (``pip install provenance-stamp[aws]``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key

from provenance.errors import KeyServiceError, SigningError
from provenance.manifest.certificates import PublicKey
from provenance.manifest.signer import digest_of
from provenance.signers.spec import KmsKey

_Answer = TypeVar("_Answer")

ATTEMPTS: Final = 4
"""Of one call, with growing pauses between them, before the service counts as down."""
CONNECT_SECONDS: Final = 5
READ_SECONDS: Final = 15
RAW_BYTES: Final = 4096
"""KMS hashes no longer message itself."""

_ALGORITHMS: Final = {
    "es256": ("ECDSA_SHA_256", 32),
    "es384": ("ECDSA_SHA_384", 48),
    "es512": ("ECDSA_SHA_512", 66),
    "ps256": ("RSASSA_PSS_SHA_256", None),
}
_HINTS: Final = {
    "NotFoundException": "there is no such key; check the key's id and the region",
    "AccessDeniedException": "these credentials may not use it; allow kms:Sign and "
    "kms:GetPublicKey",
    "DisabledException": "the key is disabled; enable it",
    "KMSInvalidStateException": "the key can't be used now; look at its state",
    "InvalidKeyUsageException": "the key is not for signing; name one of usage SIGN_VERIFY",
    "UnrecognizedClientException": "the credentials are not valid; get new ones",
    "InvalidClientTokenId": "the credentials are not valid; get new ones",
    "ExpiredTokenException": "the credentials have expired; get new ones",
}
_PASSING: Final = (
    "DependencyTimeoutException",
    "KeyUnavailableException",
    "KMSInternalException",
    "ThrottlingException",
)


class KmsService:
    """One asymmetric KMS key of usage SIGN_VERIFY; credentials come from where boto3 finds them.

    Raises:
        SigningError: when boto3 is not installed, or finds no region.
    """

    def __init__(self, key: KmsKey) -> None:
        try:
            import boto3  # noqa: PLC0415 - an extra, and slow to import
            from botocore import exceptions  # noqa: PLC0415
            from botocore.config import Config  # noqa: PLC0415
        except ImportError as error:
            raise SigningError(
                "Signing with AWS KMS needs boto3",
                advice="run `pip install provenance-stamp[aws]`",
            ) from error
        self._key = key
        self._failed: tuple[type[Exception], ...] = (
            exceptions.BotoCoreError,
            exceptions.ClientError,
        )
        self._no_answer: tuple[type[Exception], ...] = (
            exceptions.HTTPClientError,
            exceptions.ConnectionError,
        )
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        )

        def connect() -> Any:
            session = boto3.session.Session(profile_name=key.profile)
            return session.client(
                "kms", region_name=key.region, endpoint_url=key.endpoint, config=config
            )

        self._client = self._asked(connect)

    def public_key(self) -> PublicKey:
        """The public half."""
        answer = self._asked(lambda: self._client.get_public_key(KeyId=self._key.key_id))
        try:
            return cast("PublicKey", load_der_public_key(answer["PublicKey"]))
        except (ValueError, UnsupportedAlgorithm) as error:
            raise SigningError(
                f"The key {self._key.key_id} in AWS KMS can't sign a manifest",
                advice="use an EC or RSA key of usage SIGN_VERIFY",
            ) from error

    def sign(self, data: bytes, alg: str) -> bytes:
        """See :class:`provenance.signers.service.KeyService`."""
        if alg not in _ALGORITHMS:
            raise SigningError(
                f"AWS KMS does not sign by {alg} here",
                advice="use an EC or RSA key",
            )
        name, width = _ALGORITHMS[alg]
        whole = len(data) <= RAW_BYTES
        answer = self._asked(
            lambda: self._client.sign(
                KeyId=self._key.key_id,
                Message=data if whole else digest_of(data, alg),
                MessageType="RAW" if whole else "DIGEST",
                SigningAlgorithm=name,
            )
        )
        signature = bytes(answer["Signature"])
        if width is None:
            return signature
        try:
            r, s = decode_dss_signature(signature)
            return r.to_bytes(width, "big") + s.to_bytes(width, "big")
        except (ValueError, OverflowError) as error:
            raise SigningError(
                f"AWS KMS answered with no signature of key {self._key.key_id}",
                advice="look at its log",
            ) from error

    def _asked(self, call: Callable[[], _Answer]) -> _Answer:
        try:
            return call()
        except self._failed as error:
            raise self._explained(error) from error

    def _explained(self, error: Exception) -> SigningError:
        name = f"The key {self._key.key_id} in AWS KMS"
        response = getattr(error, "response", None)
        if response is None:
            kind = type(error).__name__
            if isinstance(error, self._no_answer):
                return KeyServiceError(
                    f"{name} could not be reached ({kind}) in {ATTEMPTS} attempts",
                    advice="check the network and the endpoint, and try again",
                )
            return SigningError(
                f"{name} can't be used ({kind})",
                advice="check the AWS credentials, region and endpoint",
            )
        code = str(response.get("Error", {}).get("Code", "no reason given"))[:60]
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _PASSING or status >= 500:
            return KeyServiceError(
                f"{name} could not be used now ({code})",
                advice="try again later",
            )
        hint = _HINTS.get(code, "look at the service's log")
        return SigningError(f"{name} refused to sign ({code}): {hint}.")
