"""The summary of a verdict: a plain statement, made of verdict, cause and facts.  Pure.

What a cause means is said here once; claims of a manifest are repeated only when its signer is
trusted, and texts from outside are made printable.  docs/verdicts.md shows every sentence.
"""

from __future__ import annotations

from typing import Final

from provenance.results import Cause, Verdict
from provenance.system.text import chance, listing, printable
from provenance.verifying.verdict import CAPTURED, Case, Decision
from provenance.verifying.wording import (
    areas,
    because,
    beside,
    comparison,
    history,
    known,
    looked,
    marked_in,
    merged,
    model,
    placed,
    recorded,
    recovery,
    signed,
    signer,
    stretches,
    throughout,
    withdrawn,
)

UNASKED: Final = " Whether it was withdrawn is not known: the registry can't be asked."
"""The end of every summary of a file whose registry failed."""
NOT_SHOWN: Final = "This does not show that it is authentic or not made by AI."
UNHEARD: Final = "The sound was not looked at."
_STRANGE = 4


def summary(case: Case, decision: Decision) -> str:
    """One line for people: what was decided, and what it rests on."""
    standing = decision.otherwise or decision
    told = _SAID[standing.verdict](case, standing.cause)
    told += "".join(f" {beside(one)}" for one in case.others)
    if case.registry.failed:
        told += UNASKED
    if decision.otherwise is None:
        return told
    other, through = case.withdrawn_other, withdrawn(case.registry)
    if decision.cause is Cause.OTHER_WITHDRAWN and other is not None:
        of = f"Of stamp {other.watermark.stamp_id}, which is in it: "
        through = f"{of}{withdrawn(other.registry)}"
    return f"{through} Otherwise: {standing.verdict}. {told}"


def _conflict(case: Case, cause: Cause) -> str:
    return (
        f"The layers disagree ({_disagreement(case, cause)}). "
        "Possible splice, copied mark or re-stamp. Escalate."
    )


def _disagreement(case: Case, cause: Cause) -> str:
    registry, named = case.registry, case.named
    if cause is Cause.OTHER_STAMP:
        return f"the watermark names stamp {case.read}, the manifest names {named}"
    if cause is Cause.NOT_IN_PICTURE:
        stamp = "a stamp" if named is None else f"stamp {named}"
        return f"the manifest names {stamp}, the picture does not carry it"
    if cause is Cause.RECORD_DIFFERS:
        return (
            f"the manifest{_claims(case)} speaks of stamp {named}, whose record says "
            f"{recorded(registry)}: it differs in {listing(registry.differs)}"
        )
    if cause is Cause.RECORD_CHANGED:
        return (
            f"the registry's record says {listing(registry.contradictions)} otherwise "
            "than the signed manifest that it keeps: its database was changed"
        )
    what = {
        Cause.OTHER_CONTENT: "belongs to other content than this",
        Cause.OTHER_CONTENT_IN_TIME: (
            f"goes on over other content in {stretches(registry.strange[:_STRANGE])}"
        ),
        Cause.OTHER_CONTENT_IN_AREA: f"lies over other content in {areas(case.copied)}",
    }[cause]
    return f"watermark {case.read} {what}"


def _claims(case: Case) -> str:
    """What a trusted manifest says, as a parenthesis; an unknown signer's is not repeated."""
    if case.credential != "trusted":
        return ", by a signer on no trust list,"
    named = model(case.manifest)
    return f", {signed(case.manifest)}{named and f' as {named}'},"


def _invalid(case: Case, cause: Cause) -> str:
    reason = case.manifest.reason
    failed = "The file changed after signing."
    if cause is Cause.CHANGED_AFTER_SIGNING and reason is not None:
        failed = f"The file changed after signing: {because(reason)}."
    if cause is Cause.FAILS_VALIDATION:
        failures = [printable(code, 80) for code in case.manifest.failures[:3]]
        failed = f"The credential fails validation ({listing(failures)})."
    return f"{failed} Its claims are leads, not evidence. {_pixels(case)}"


def _partial(case: Case, _: Cause) -> str:
    told = [_where(case), _stamped(case), _beside(case), _likened(case)]
    return " ".join(filter(None, told)) + _unheard(case)


def _stamped(case: Case) -> str:
    """Which stamp a part carries, and what is known of it."""
    return "" if case.read is None else f"The stamp is {case.read}{known(case.registry)}."


def _likened(case: Case) -> str:
    """What was compared of a picture that carries its mark from the beginning to the end."""
    compared, found = case.registry.compared, case.watermark
    if compared.picture == "not_compared" or case.others or not throughout(found.segments):
        return ""
    return comparison(compared, case.kind, named=found.status != "partial")


def _confirmed(case: Case, _: Cause) -> str:
    named, at = model(case.manifest), case.manifest.signed_at
    when = "" if at is None else f" on {at:%Y-%m-%d}"
    stamped = f"Stamped by {signer(case.manifest)}{named and f' as {named}'}{when}"
    return f"{stamped}; both layers agree.{_voucher(case)}{history(case.manifest)}"


def _untrusted(case: Case, _: Cause) -> str:
    return f"File intact; signer not on the trust list. {_pixels(case)}{_captured(case)}"


def _captured(case: Case) -> str:
    """That an unknown signer says what the mark contradicts; its other claims are not repeated."""
    if case.read is None or case.manifest.digital_source_type not in CAPTURED:
        return ""
    return " The signer says that a camera captured it; a generator's mark contradicts that."


def _credential(case: Case, _: Cause) -> str:
    return f"Credential intact: {signed(case.manifest)}. {_pixels(case)}{history(case.manifest)}"


def _match(case: Case, cause: Cause) -> str:
    transform = case.watermark.transform
    mirrored = transform is not None and transform.mirrored
    return (
        f"{_opening(case, cause)} Watermark {case.read} matches the registry: "
        f"{recorded(case.registry)}.{_chance(case)}{_inset(case)} "
        f"{comparison(case.registry.compared, case.kind, mirrored=mirrored)}"
    )


def _unknown(case: Case, cause: Cause) -> str:
    asked = "the registry has no such stamp"
    if case.registry.status != "no_match":
        asked = because(case.registry.reason)
    read = f"{_opening(case, cause)} Watermark {case.read} was read; {asked}."
    return f"{read}{_chance(case)}{_inset(case)}{_unheard(case)}"


def _suspected(case: Case, _: Cause) -> str:
    return f"Weak signal. Do not act on this alone. {_beside(case)}".strip()


def _not_checked(case: Case, cause: Cause) -> str:
    layers = []
    if cause is not Cause.CREDENTIAL_NOT_CHECKED:
        layers.append(f"watermark ({because(case.watermark.reason)})")
    if cause is not Cause.WATERMARK_NOT_CHECKED:
        layers.append(f"manifest ({because(case.manifest.reason)})")
    rests = f" {recovery(case.manifest)}" if case.recovered and case.intact else ""
    return f"Not checked: {listing(layers)}.{rests or ' Nothing else was found.'}"


def _nothing(case: Case, _: Cause) -> str:
    return f"None of our marks was found{looked(case.coverage)}. {NOT_SHOWN}"


_SAID: Final = {
    Verdict.CONFLICT: _conflict,
    Verdict.CREDENTIAL_INVALID: _invalid,
    Verdict.PARTIAL: _partial,
    Verdict.CONFIRMED: _confirmed,
    Verdict.SIGNER_UNTRUSTED: _untrusted,
    Verdict.CREDENTIAL_ONLY: _credential,
    Verdict.WATERMARK_MATCH: _match,
    Verdict.WATERMARK_UNKNOWN: _unknown,
    Verdict.SUSPECTED: _suspected,
    Verdict.NOT_CHECKED: _not_checked,
    Verdict.NO_MARK_FOUND: _nothing,
}


def _pixels(case: Case) -> str:
    """The watermark's finding, in a sentence of its own."""
    if case.status == "found":
        about = f" and matches the registry: {recorded(case.registry)}"
        known = case.registry.status == "match"
        return f"Watermark {case.read} was read{about if known else ''}."
    if case.status == "partial":
        return _where(case)
    if case.status == "weak":
        return "The picture shows a weak watermark signal only."
    if case.status == "absent":
        return "No watermark of ours was found in the picture."
    return f"The watermark was not checked ({because(case.watermark.reason)})."


def _beside(case: Case) -> str:
    """What a trusted or unreadable credential adds to a finding in the picture."""
    if case.credential == "trusted":
        if case.recovered:
            return recovery(case.manifest)
        named = "" if case.named is None else f", which names stamp {case.named}"
        return f"The credential is intact: {signed(case.manifest)}{named}."
    if case.credential == "valid":
        return "The credential is intact; its signer is not on the trust list."
    if case.credential == "not_checked":
        return f"The credential was not checked ({because(case.manifest.reason)})."
    return ""


def _where(case: Case) -> str:
    """In which part the mark is, or the stamped picture."""
    if case.status != "partial" and not case.others:
        differ = areas(case.registry.compared.areas)
        return f"The picture shows something else than was stamped in {differ}."
    found = case.watermark
    told, marked = [], merged(found.segments)
    if marked and not throughout(found.segments):
        told.append(f"in {marked_in(found.segments)}")
    if inside := placed(found):
        told.append(f"in {inside}")
    if found.picture is not None and found.picture.areas:
        told.append(f"outside {areas(found.picture.areas)}")
    where, *rest = told or ["in part of the picture"]
    there = f", and there only {listing(rest)}" if rest else ""
    beyond = (
        "; the rest of the picture carries no mark of ours" if inside and not case.others else ""
    )
    return f"Mark found only {where}{there}{beyond}."


def _unheard(case: Case) -> str:
    """That nothing is known of the sound; an intact manifest binds it as it does the picture."""
    if case.kind != "video" or case.intact or case.registry.compared.sound != "not_compared":
        return ""
    if case.status != "absent" and _likened(case):
        return ""  # told there, with the reason
    return f" {UNHEARD}"


def _inset(case: Case) -> str:
    """Where the stamped picture lies, when it is a part of what is shown."""
    inside = placed(case.watermark)
    return f" The stamped picture is {inside}; the rest carries no mark of ours." if inside else ""


def _opening(case: Case, cause: Cause) -> str:
    """What there is to say of the credential before a watermark that stands by itself."""
    if cause is Cause.CREDENTIAL_NOT_CHECKED:
        return f"Credential not checked ({because(case.manifest.reason)})."
    if cause is Cause.CREDENTIAL_MISSING:
        return "Credential missing."
    if cause is Cause.CREDENTIAL_RESTORED:
        return recovery(case.manifest)
    claims = model(case.manifest)
    but = {
        Cause.SAYS_CAPTURED: (
            ", which says that a camera captured it; but the picture carries a generator's mark. "
            "It may be a recording of a screen, or was signed anew"
        ),
        Cause.CREDENTIAL_OF_ANOTHER: (
            f"{claims and f', which says {claims},'} but it names no watermark of ours"
        ),
        Cause.NOT_VOUCHED_FOR: (", both layers agree, but no registry vouches for this very file"),
        Cause.NO_ISSUER: (
            ", but that signer speaks about a stamp of somebody else's: nothing here says that it "
            "stamps with this watermark key"
        ),
    }[cause]
    return f"Credential intact ({signed(case.manifest)}){but}."


def _voucher(case: Case) -> str:
    """What a confirmation rests on besides the two layers."""
    registry = case.registry
    if registry.status == "match":
        known = "these very bytes" if registry.knows == "file" else "this very manifest"
        return f" The registry has {known}."
    if registry.failed:
        return ""
    if registry.status == "no_match":
        asked = "The registry that was asked has no such stamp"
    else:
        asked = "No registry was asked"
    if registry.revocation is not None:
        return f" {asked}."
    if registry.listed_at is not None:
        return f" {asked}; a signed list of {registry.listed_at:%Y-%m-%d} does not withdraw it."
    return f" {asked}, so whether it was withdrawn is not known."


def _chance(case: Case) -> str:
    probability = case.watermark.false_positive_probability
    if probability is None:
        return ""
    return f" Chance of this on an unmarked {case.kind}: at most {chance(probability)}."
