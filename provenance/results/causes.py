"""Why a verdict was given: one word each, the facts beside it."""

from __future__ import annotations

from enum import StrEnum


class Cause(StrEnum):
    """What decided; more words may be added."""

    # The verdicts that one leads to stand before it.  REVOKED
    WITHDRAWN = "withdrawn"
    """The stamp, its key, its model, a consent or a clip that it was made from was withdrawn."""
    OTHER_WITHDRAWN = "other_withdrawn"
    """Another stamp that is in the file too was withdrawn."""
    # CONFLICT
    OTHER_STAMP = "other_stamp"
    """Watermark and manifest name different stamps."""
    OTHER_CONTENT = "other_content"
    """The watermark sits on other content than was stamped."""
    OTHER_CONTENT_IN_TIME = "other_content_in_time"
    """The watermark goes on over other content for a stretch."""
    OTHER_CONTENT_IN_AREA = "other_content_in_area"
    """The watermark lies over other content in a part of the picture."""
    NOT_IN_PICTURE = "not_in_picture"
    """The manifest names a watermark that the picture does not carry."""
    RECORD_DIFFERS = "record_differs"
    """The manifest says otherwise than the stamp's record."""
    RECORD_CHANGED = "record_changed"
    """The record says otherwise than the signed manifest that the registry keeps."""
    # CREDENTIAL_INVALID
    CHANGED_AFTER_SIGNING = "changed_after_signing"
    """The file is not as it was signed."""
    FAILS_VALIDATION = "fails_validation"
    """The credential fails for another reason: an expired certificate, say."""
    # PARTIAL
    MARK_IN_PART = "mark_in_part"
    """The watermark is in some stretches or areas only, or several stamps are in the picture."""
    CONTENT_IN_PART = "content_in_part"
    """A tenth of the picture or more shows something else than was stamped."""
    # CONFIRMED
    REGISTRY_VOUCHES = "registry_vouches"
    """Both layers agree, and the registry knows this very file."""
    LAYERS_AGREE = "layers_agree"
    """Both layers agree; no registry that was asked has the stamp."""
    # SIGNER_UNTRUSTED
    SIGNER_NOT_TRUSTED = "signer_not_trusted"
    """The file is intact, its signer on no trust list."""
    # CREDENTIAL_ONLY
    NO_WATERMARK = "no_watermark"
    """The credential is trusted, and none of our marks is there."""
    WATERMARK_NOT_CHECKED = "watermark_not_checked"
    """The watermark could not be checked."""
    # WATERMARK_MATCH, WATERMARK_UNKNOWN
    CREDENTIAL_MISSING = "credential_missing"
    """The watermark stands by itself: there is no manifest of this file."""
    CREDENTIAL_NOT_CHECKED = "credential_not_checked"
    """The manifest could not be checked."""
    CREDENTIAL_RESTORED = "credential_restored"
    """A copy that was given its credential back."""
    CREDENTIAL_OF_ANOTHER = "credential_of_another"
    """The trusted manifest names no watermark of ours."""
    SAYS_CAPTURED = "says_captured"
    """The trusted manifest says that a camera captured it, and the picture carries our mark."""
    NOT_VOUCHED_FOR = "not_vouched_for"
    """Both layers agree, but no registry vouches for this very file."""
    NO_ISSUER = "no_issuer"
    """Both layers agree, but the signer does not stamp with this watermark key."""
    # SUSPECTED
    WEAK_SIGNAL = "weak_signal"
    """A signal over the weak threshold that did not decode."""
    # NOT_CHECKED; also WATERMARK_NOT_CHECKED and CREDENTIAL_NOT_CHECKED
    NOTHING_CHECKED = "nothing_checked"
    """Neither layer could be checked."""
    UNEXAMINED = "unexamined"
    """The file could not be examined at all."""
    # NO_MARK_FOUND
    NOTHING_FOUND = "nothing_found"
    """Every layer ran and found nothing."""
