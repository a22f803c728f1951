"""The summary of a verdict: a plain statement, made of verdict, cause and facts.  Pure.

What a cause means is said here once; claims of a manifest are repeated only when its signer is
trusted, and texts from outside are made printable.  docs/verdicts.md shows every sentence.  It is
said in the language that is spoken (:mod:`provenance.system.tongue`).
"""

from __future__ import annotations

from typing import Final

from provenance.results import Cause, Verdict, VerificationReport
from provenance.system.text import chance, listing, printable
from provenance.system.tongue import retold, say, worded
from provenance.verifying.verdict import CAPTURED, Case, Decision, decide
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

UNASKED: Final = worded(" Whether it was withdrawn is not known: the registry can't be asked.")
"""The end of every summary of a file whose registry failed."""
NOT_SHOWN: Final = worded("This does not show that it is authentic or not made by AI.")
UNHEARD: Final = worded("The sound was not looked at.")
_STRANGE = 4


def summary(case: Case, decision: Decision) -> str:
    """One line for people: what was decided, and what it rests on."""
    standing = decision.otherwise or decision
    told = _SAID[standing.verdict](case, standing.cause)
    told += "".join(f" {beside(one)}" for one in case.others)
    if case.registry.failed:
        told += say(UNASKED)
    if decision.otherwise is None:
        return told
    other, through = case.withdrawn_other, withdrawn(case.registry)
    if decision.cause is Cause.OTHER_WITHDRAWN and other is not None:
        through = say(
            "Of stamp {stamp}, which is in it: {withdrawn}",
            stamp=other.watermark.stamp_id,
            withdrawn=withdrawn(other.registry),
        )
    return say(
        "{withdrawn} Otherwise: {verdict}. {told}",
        withdrawn=through,
        verdict=standing.verdict,
        told=told,
    )


def said_again(report: VerificationReport) -> str:
    """The summary of a report as it is now: with less in it, or in another language."""
    if report.cause is Cause.UNEXAMINED:
        return unexamined(report.watermark.reason)
    case = Case(
        report.watermark,
        report.manifest,
        report.registry,
        report.others,
        report.file.kind or "video",
        coverage=report.coverage,
    )
    otherwise = None if report.otherwise is None else Decision(*report.otherwise)
    if report.cause is None or (report.verdict is Verdict.REVOKED and otherwise is None):
        return summary(case, decide(case))  # one read from JSON, which does not have all of it
    return summary(case, Decision(report.verdict, report.cause, otherwise))


def unexamined(reason: str | None) -> str:
    """Of a file that was refused: nothing was checked, and why."""
    return say("Not checked: {reason}", reason=printable(retold(reason or ""), 500))


def _conflict(case: Case, cause: Cause) -> str:
    return say(
        "The layers disagree ({how}). Possible splice, copied mark or re-stamp. Escalate.",
        how=_disagreement(case, cause),
    )


def _disagreement(case: Case, cause: Cause) -> str:  # noqa: PLR0911 - one return a cause
    registry, read, named = case.registry, case.read, case.named
    if cause is Cause.OTHER_STAMP:
        return say(
            "the watermark names stamp {read}, the manifest names {named}", read=read, named=named
        )
    if cause is Cause.NOT_IN_PICTURE:
        if named is None:
            return say("the manifest names a stamp, the picture does not carry it")
        return say("the manifest names stamp {named}, the picture does not carry it", named=named)
    if cause is Cause.RECORD_DIFFERS:
        return say(
            "the manifest{claims} speaks of stamp {named}, whose record says {recorded}: it "
            "differs in {differs}",
            claims=_claims(case),
            named=named,
            recorded=recorded(registry),
            differs=listing(retold(one) for one in registry.differs),
        )
    if cause is Cause.RECORD_CHANGED:
        return say(
            "the registry's record says {differs} otherwise than the signed manifest that it "
            "keeps: its database was changed",
            differs=listing(retold(one) for one in registry.contradictions),
        )
    if cause is Cause.OTHER_CONTENT:
        return say("watermark {read} belongs to other content than this", read=read)
    if cause is Cause.OTHER_CONTENT_IN_TIME:
        return say(
            "watermark {read} goes on over other content in {stretches}",
            read=read,
            stretches=stretches(registry.strange[:_STRANGE]),
        )
    return say(
        "watermark {read} lies over other content in {areas}", read=read, areas=areas(case.copied)
    )


def _claims(case: Case) -> str:
    """What a trusted manifest says, as a parenthesis; an unknown signer's is not repeated."""
    if case.credential != "trusted":
        return say(", by a signer on no trust list,")
    return say(", {claims},", claims=_signed_as(case))


def _signed_as(case: Case) -> str:
    """By whom, and with which model if one is claimed."""
    named = model(case.manifest)
    if not named:
        return signed(case.manifest)
    return say("{signed} as {model}", signed=signed(case.manifest), model=named)


def _invalid(case: Case, cause: Cause) -> str:
    reason = case.manifest.reason
    if cause is Cause.FAILS_VALIDATION:
        failures = listing(printable(code, 80) for code in case.manifest.failures[:3])
        failed = say("The credential fails validation ({failures}).", failures=failures)
    elif reason is not None:
        failed = say("The file changed after signing: {reason}.", reason=because(reason))
    else:
        failed = say("The file changed after signing.")
    return say(
        "{failed} Its claims are leads, not evidence. {pixels}", failed=failed, pixels=_pixels(case)
    )


def _partial(case: Case, _: Cause) -> str:
    told = [_where(case), _stamped(case), _beside(case), _likened(case)]
    return " ".join(filter(None, told)) + _unheard(case)


def _stamped(case: Case) -> str:
    """Which stamp a part carries, and what is known of it."""
    if case.read is None:
        return ""
    return say("The stamp is {stamp}{known}.", stamp=case.read, known=known(case.registry))


def _likened(case: Case) -> str:
    """What was compared of a picture that carries its mark from the beginning to the end."""
    compared, found = case.registry.compared, case.watermark
    if compared.picture == "not_compared" or case.others or not throughout(found.segments):
        return ""
    return comparison(compared, case.kind, named=found.status != "partial")


def _confirmed(case: Case, _: Cause) -> str:
    named, at = model(case.manifest), case.manifest.signed_at
    values = {"signer": signer(case.manifest), "model": named}
    if at is not None:
        values["day"] = f"{at:%Y-%m-%d}"
    if named:
        stamped = (
            say("Stamped by {signer} as {model}; both layers agree.", **values)
            if at is None
            else say("Stamped by {signer} as {model} on {day}; both layers agree.", **values)
        )
    else:
        stamped = (
            say("Stamped by {signer}; both layers agree.", **values)
            if at is None
            else say("Stamped by {signer} on {day}; both layers agree.", **values)
        )
    return f"{stamped}{_voucher(case)}{history(case.manifest)}"


def _untrusted(case: Case, _: Cause) -> str:
    return say(
        "File intact; signer not on the trust list. {pixels}{captured}",
        pixels=_pixels(case),
        captured=_captured(case),
    )


def _captured(case: Case) -> str:
    """That an unknown signer says what the mark contradicts; its other claims are not repeated."""
    if case.read is None or case.manifest.digital_source_type not in CAPTURED:
        return ""
    return say(" The signer says that a camera captured it; a generator's mark contradicts that.")


def _credential(case: Case, _: Cause) -> str:
    return say(
        "Credential intact: {signed}. {pixels}{history}",
        signed=signed(case.manifest),
        pixels=_pixels(case),
        history=history(case.manifest),
    )


def _match(case: Case, cause: Cause) -> str:
    transform = case.watermark.transform
    mirrored = transform is not None and transform.mirrored
    return say(
        "{opening} Watermark {read} matches the registry: {recorded}.{chance}{inset} {comparison}",
        opening=_opening(case, cause),
        read=case.read,
        recorded=recorded(case.registry),
        chance=_chance(case),
        inset=_inset(case),
        comparison=comparison(case.registry.compared, case.kind, mirrored=mirrored),
    )


def _unknown(case: Case, cause: Cause) -> str:
    asked = say("the registry has no such stamp")
    if case.registry.status != "no_match":
        asked = because(case.registry.reason)
    told = say(
        "{opening} Watermark {read} was read; {asked}.",
        opening=_opening(case, cause),
        read=case.read,
        asked=asked,
    )
    return f"{told}{_chance(case)}{_inset(case)}{_unheard(case)}"


def _suspected(case: Case, _: Cause) -> str:
    weak = say("Weak signal. Do not act on this alone.")
    return f"{weak} {_beside(case)}".strip()


def _not_checked(case: Case, cause: Cause) -> str:
    layers = []
    if cause is not Cause.CREDENTIAL_NOT_CHECKED:
        layers.append(say("watermark ({why})", why=because(case.watermark.reason)))
    if cause is not Cause.WATERMARK_NOT_CHECKED:
        layers.append(say("manifest ({why})", why=because(case.manifest.reason)))
    told = say("Not checked: {layers}.", layers=listing(layers))
    if case.recovered and case.intact:
        return f"{told} {recovery(case.manifest)}"
    return f"{told} {say('Nothing else was found.')}"


def _nothing(case: Case, _: Cause) -> str:
    none = say("None of our marks was found{where}.", where=looked(case.coverage))
    return f"{none} {say(NOT_SHOWN)}"


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
        if case.registry.status != "match":
            return say("Watermark {read} was read.", read=case.read)
        return say(
            "Watermark {read} was read and matches the registry: {recorded}.",
            read=case.read,
            recorded=recorded(case.registry),
        )
    if case.status == "partial":
        return _where(case)
    if case.status == "weak":
        return say("The picture shows a weak watermark signal only.")
    if case.status == "absent":
        return say("No watermark of ours was found in the picture.")
    return say("The watermark was not checked ({why}).", why=because(case.watermark.reason))


def _beside(case: Case) -> str:
    """What a trusted or unreadable credential adds to a finding in the picture."""
    if case.credential == "trusted":
        if case.recovered:
            return recovery(case.manifest)
        by = signed(case.manifest)
        if case.named is None:
            return say("The credential is intact: {signed}.", signed=by)
        return say(
            "The credential is intact: {signed}, which names stamp {named}.",
            signed=by,
            named=case.named,
        )
    if case.credential == "valid":
        return say("The credential is intact; its signer is not on the trust list.")
    if case.credential == "not_checked":
        return say("The credential was not checked ({why}).", why=because(case.manifest.reason))
    return ""


def _where(case: Case) -> str:
    """In which part the mark is, or the stamped picture."""
    if case.status != "partial" and not case.others:
        differ = areas(case.registry.compared.areas)
        return say("The picture shows something else than was stamped in {areas}.", areas=differ)
    found = case.watermark
    told, marked = [], merged(found.segments)
    if marked and not throughout(found.segments):
        told.append(say("in {where}", where=marked_in(found.segments)))
    if inside := placed(found):
        told.append(say("in {where}", where=inside))
    if found.picture is not None and found.picture.areas:
        told.append(say("outside {where}", where=areas(found.picture.areas)))
    where, *rest = told or [say("in part of the picture")]
    there = say(", and there only {where}", where=listing(rest)) if rest else ""
    beyond = ""
    if inside and not case.others:
        beyond = say("; the rest of the picture carries no mark of ours")
    return say("Mark found only {where}{there}{beyond}.", where=where, there=there, beyond=beyond)


def _unheard(case: Case) -> str:
    """That nothing is known of the sound; an intact manifest binds it as it does the picture."""
    if case.kind != "video" or case.intact or case.registry.compared.sound != "not_compared":
        return ""
    if case.status != "absent" and _likened(case):
        return ""  # told there, with the reason
    return f" {say(UNHEARD)}"


def _inset(case: Case) -> str:
    """Where the stamped picture lies, when it is a part of what is shown."""
    inside = placed(case.watermark)
    if not inside:
        return ""
    return say(" The stamped picture is {where}; the rest carries no mark of ours.", where=inside)


def _opening(case: Case, cause: Cause) -> str:  # noqa: PLR0911 - one return a cause
    """What there is to say of the credential before a watermark that stands by itself."""
    if cause is Cause.CREDENTIAL_NOT_CHECKED:
        return say("Credential not checked ({why}).", why=because(case.manifest.reason))
    if cause is Cause.CREDENTIAL_MISSING:
        return say("Credential missing.")
    if cause is Cause.CREDENTIAL_RESTORED:
        return recovery(case.manifest)
    by, claims = signed(case.manifest), model(case.manifest)
    if cause is Cause.SAYS_CAPTURED:
        return say(
            "Credential intact ({signed}), which says that a camera captured it; but the picture "
            "carries a generator's mark. It may be a recording of a screen, or was signed anew.",
            signed=by,
        )
    if cause is Cause.CREDENTIAL_OF_ANOTHER and claims:
        return say(
            "Credential intact ({signed}), which says {model}, but it names no watermark of ours.",
            signed=by,
            model=claims,
        )
    if cause is Cause.CREDENTIAL_OF_ANOTHER:
        return say("Credential intact ({signed}) but it names no watermark of ours.", signed=by)
    if cause is Cause.NOT_VOUCHED_FOR:
        return say(
            "Credential intact ({signed}), both layers agree, but no registry vouches for this "
            "very file.",
            signed=by,
        )
    return say(
        "Credential intact ({signed}), but that signer speaks about a stamp of somebody else's: "
        "nothing here says that it stamps with this watermark key.",
        signed=by,
    )


def _voucher(case: Case) -> str:
    """What a confirmation rests on besides the two layers."""
    registry = case.registry
    if registry.status == "match" and registry.knows == "file":
        return say(" The registry has these very bytes.")
    if registry.status == "match":
        return say(" The registry has this very manifest.")
    if registry.failed:
        return ""
    if registry.status == "no_match":
        asked = say(" The registry that was asked has no such stamp")
    else:
        asked = say(" No registry was asked")
    if registry.revocation is not None:
        return say("{asked}.", asked=asked)
    if registry.listed_at is not None:
        day = f"{registry.listed_at:%Y-%m-%d}"
        return say("{asked}; a signed list of {day} does not withdraw it.", asked=asked, day=day)
    return say("{asked}, so whether it was withdrawn is not known.", asked=asked)


def _chance(case: Case) -> str:
    probability = case.watermark.false_positive_probability
    if probability is None:
        return ""
    if case.kind == "image":
        return say(
            " Chance of this on an unmarked image: at most {chance}.", chance=chance(probability)
        )
    return say(
        " Chance of this on an unmarked video: at most {chance}.", chance=chance(probability)
    )
