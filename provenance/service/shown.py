"""What a page shows of an examination: plain values for its template.  Pure.

Texts are the program's own (:mod:`provenance.verifying.summary`, :mod:`provenance.report.told`) in
the page's language, or the catalogue's; drawings are those of reports
(:mod:`provenance.report.filed.figures`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from provenance.report import told
from provenance.report.caveats import caveats
from provenance.report.filed.figures import Frame, Lane, lanes
from provenance.report.told import Told
from provenance.results import Detection, Verdict, VerificationReport
from provenance.service.examinations import Examination
from provenance.service.texts import Texts
from provenance.system.text import clock, printable
from provenance.system.tongue import say, speaking
from provenance.verifying.steps import next_step
from provenance.verifying.summary import said_again
from provenance.verifying.wording import model, recorded_day, recorded_model, signer, withdrawn

_TONES: Final = {
    **dict.fromkeys((Verdict.REVOKED, Verdict.CONFLICT, Verdict.CREDENTIAL_INVALID), "alarm"),
    **dict.fromkeys((Verdict.CONFIRMED, Verdict.WATERMARK_MATCH), "good"),
    Verdict.NO_MARK_FOUND: "plain",
}
_MOST_SHOWN: Final = 15
"""Powers of ten that are written out."""
_MOST_PARENTS: Final = 20


@dataclass(frozen=True, slots=True)
class Branch:
    """A file in a history: what is told of it, and what it was made from."""

    told: tuple[str, ...]
    made_from: tuple[Branch, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """Everything that the page of a finished look says."""

    verdict: str
    tone: str
    summary: str
    step: str
    chance: str | None
    watermark: tuple[Told, ...]
    manifest: tuple[Told, ...]
    registry: tuple[Told, ...]
    others: tuple[tuple[Told, ...], ...]
    stamped: bool
    who: str | None
    model: str | None
    when: str | None
    declared: str | None
    history: Branch | None
    lanes: tuple[Lane, ...]
    length: str
    seconds: float
    frames: tuple[Frame, ...]
    caveats: tuple[str, ...]

    @property
    def map(self) -> Frame | None:
        """A frame whose map is that of the whole file's marked frames."""
        return next((frame for frame in self.frames if frame.mapped), None)

    @property
    def laid(self) -> tuple[int, ...]:
        """Numbers of frames in which the stamped picture lies otherwise than it did."""
        return tuple(n for n, frame in enumerate(self.frames) if frame.as_stamped is not None)


def finding(examination: Examination, texts: Texts) -> Finding | None:
    """What there is to show; None as long as nothing was found out."""
    if examination.report is None:
        return None
    with speaking(texts.tongue):
        return _said(examination.report, examination.frames, texts)


def _said(report: VerificationReport, frames: tuple[Frame, ...], texts: Texts) -> Finding:
    found, kind = report.watermark, report.file.kind or "file"
    who, named, when = _source(report)
    return Finding(
        report.verdict.value,
        _TONES.get(report.verdict, "look"),
        printable(said_again(report), 2000),
        say(next_step(report)),
        _chance(found, texts),
        tuple(told.watermark(found, kind, report.coverage, report.others)),
        tuple(told.manifest(report.manifest)),
        tuple(told.registry(report.registry)),
        tuple(tuple(told.beside(other)) for other in report.others),
        found.stamp_id is not None,
        who,
        named,
        when,
        _declared(report),
        _history(report, texts),
        lanes(report) if report.finds else (),
        clock(report.file.seconds or 0.0),
        report.file.seconds or 0.0,
        frames,
        tuple(caveats(report)),
    )


def _source(report: VerificationReport) -> tuple[str | None, str | None, str | None]:
    """Who stamped or signed it, with which model, and when: by the signature if it holds, else by
    the registry's record.  Where the layers disagree nobody knows."""
    manifest, registry = report.manifest, report.registry
    if report.verdict in (Verdict.CONFLICT, Verdict.CREDENTIAL_INVALID):
        return None, None, None
    if manifest.status == "trusted":
        at = manifest.signed_at
        return signer(manifest), model(manifest) or None, None if at is None else told.moment(at)
    if registry.status == "match" and registry.record is not None:
        provider = registry.record.get("provider")
        who = None if provider is None else printable(provider, 80)
        return who, recorded_model(registry), recorded_day(registry)
    return None, None, None


def _declared(report: VerificationReport) -> str | None:
    """How an intact manifest of a trusted signer says that the picture came to be."""
    manifest = report.manifest
    if manifest.status != "trusted" or manifest.digital_source_type is None:
        return None
    return printable(told.source_type(manifest.digital_source_type), 80)


def _chance(found: Detection, texts: Texts) -> str | None:
    """The bound of a false find in plain words."""
    bound = found.false_positive_probability
    if bound is None or found.stamp_id is None or not 0.0 < bound < 1.0:
        return None
    times = 10.0 ** min(_MOST_SHOWN, math.floor(math.log10(1.0 / bound) + 1e-9))
    return texts.say("result.chance", times=f"{times:,.0f}".replace(",", "\u202f"))


def _history(report: VerificationReport, texts: Texts) -> Branch | None:
    """The file, and what it was made from, as far as anything tells."""
    manifest = report.manifest
    parents = tuple(
        Branch((texts.say("history.made_from", status=texts[f"status.{one.status}"]),))
        for one in manifest.ingredients[:_MOST_PARENTS]
    )
    signed = []
    if manifest.signed_at is not None and manifest.status in ("trusted", "valid"):
        signed.append(texts.say("history.signed", when=told.moment(manifest.signed_at)))
    own = []
    if manifest.recovered is not None:
        own.append(texts["history.restored"])
    if report.registry.revocation is not None:
        own.append(withdrawn(report.registry))
    if manifest.source == "registry" and signed:  # that of the clip that was stamped
        parents = (Branch((texts["history.copy_of"], *signed), parents),)
    else:
        own = [*signed, *own]
    return Branch((texts["history.this"], *own), parents) if own or parents else None
