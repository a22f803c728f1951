"""Give a copy its credential back: the registry's manifest, as the parent of a new one.

Our signature vouches for what was compared and nothing else, and the new manifest says what that
was; verifying the result never gives a better verdict than the copy had.

1. The copy is verified; only WATERMARK_MATCH can be restored: the watermark was read, the registry
   has the stamp and its manifest, and nothing contradicts.
2. All of it has to be what was stamped, as far as fingerprints tell: the whole picture without an
   area that differs or lacks the mark, in its order, at its speed and length, and the sound.  What
   could not be compared is refused like what differs.
3. A new manifest is signed with this keyring; it opens the recovered one and names the same stamp.
   The picture and the sound are not touched.
4. The result is read back and must be trusted, with the recovered manifest intact in it.
5. Only then does it get its name, and the audit log a row.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from provenance.errors import InputError, ReadBackError, RegistryError, UnsupportedMediaError
from provenance.keyring import Keyring
from provenance.manifest import (
    Recovery,
    attach,
    read_manifest,
    recovered_parent,
    sidecar_path,
)
from provenance.registry import Registry, now
from provenance.results import Compared, Detection, Verdict, VerificationReport
from provenance.system.text import printable
from provenance.system.workspace import Workspace, check_distinct, check_target, explained
from provenance.verifying.verify import verify
from provenance.verifying.wording import (
    SAME_SPEED,
    area,
    areas,
    because,
    length_tolerance,
    placed,
)
from provenance.video import container_for, probe

IN_VIEW = 0.9
"""Share of the stamped picture that has to be in view."""
LEAST_SHARE = 0.4
"""Share of it that has to be compared: what is flat in both is not."""
LEAST_FRAMES = 8
"""Frames that have to be compared."""
FAR = 0.15
"""Share of the bits above which a picture is not taken for the stamped one without a doubt: copies
down to 240 lines stay below it, and a quarter is the limit of what may be the same content."""


def unrestorable(report: VerificationReport) -> str | None:
    """Why a match may not be given its credential back; None when it may."""
    compared, found = report.registry.compared, report.watermark
    if compared.picture == "bytes":
        return None
    return _other_picture(found, compared) or _other_course(compared) or _too_little(compared)


def _other_picture(found: Detection, compared: Compared) -> str | None:
    """What in the frame is known not to be what was stamped."""
    if found.picture is not None and found.picture.missing is not None:
        return f"the mark is missing in {area(found.picture.missing)}"
    if inside := placed(found):
        return f"the stamped picture is only {inside}"
    if compared.areas:
        return f"the picture shows something else in {areas(compared.areas)}"
    if found.transform is not None and found.transform.mirrored:
        return "its picture is mirrored"
    return None


def _other_course(compared: Compared) -> str | None:
    """What of its order, speed, length or sound is another, or not known to be the same."""
    if compared.order in {"reversed", "shuffled"}:
        return "it is not played in the stamped order"
    if compared.speed is not None and abs(compared.speed - 1.0) > SAME_SPEED:
        return "it is not played at the stamped speed"
    if compared.seconds is None:
        return "the registry does not know how long the stamped clip is"
    stamped, seen = compared.seconds
    if abs(stamped - seen) > length_tolerance(stamped):
        return f"it is {seen:.1f} s long where {stamped:.1f} s were stamped"
    if compared.sound == "not_compared":
        return f"its sound was not compared ({because(compared.sound_reason)})"
    return None if compared.sound in {"same", "silent"} else "its sound is another"


def _too_little(compared: Compared) -> str | None:
    """Whether too little of the stamped picture is in view, or was compared, to vouch for it."""
    if (compared.in_view or 0.0) < IN_VIEW:
        return "a part of the stamped picture is out of view"
    few = compared.frames < LEAST_FRAMES or (compared.share or 0.0) < LEAST_SHARE
    if compared.picture != "same" or few or (compared.distance or 0.0) > FAR:
        return "its picture could not be compared well enough with what was stamped"
    return None


def _named(report: VerificationReport) -> tuple[str, ...]:
    """What was compared, as the new manifest says; order and speed where they could be told."""
    compared = report.registry.compared
    told = {
        "picture": True,
        "order": compared.order is not None or compared.picture == "bytes",
        "speed": compared.speed is not None or compared.picture == "bytes",
        "length": True,
        "sound": True,
    }
    return tuple(name for name, known in told.items() if known)


def restore(
    copy: Path, target: Path, *, keyring: Keyring, registry: Registry, overwrite: bool = False
) -> VerificationReport:
    """Write ``copy`` to ``target`` with its stamp's manifest as the parent of a new one.

    Returns:
        What verifying the copy showed.

    Raises:
        UsageError: arguments that cannot work, or a target that exists.
        InputError: the copy does not verify as WATERMARK_MATCH, is no video, or is not all of what
            was stamped.
        ServiceError: keys, signer, registry, disk, or the read-back.
    """
    container_for(target)
    check_distinct(copy, target)
    check_target(target, overwrite=overwrite)
    trust = keyring.trust
    report = verify(  # 1
        copy, watermark_keys=keyring.watermark_keys, trust=trust, registry=registry
    )
    stamp_id = report.watermark.stamp_id
    if report.verdict != Verdict.WATERMARK_MATCH or stamp_id is None:
        raise InputError(
            f"{copy.name} verifies as {report.verdict}; only a WATERMARK_MATCH can be restored. "
            f"{report.summary}"
        )
    unlike = unrestorable(report)  # 2
    if unlike is not None:
        raise InputError(
            f"{copy.name} can't be given the credential of stamp {stamp_id}: {unlike}. Publish it "
            "without, or restore another copy."
        )
    info = probe(copy)
    if info.kind != "video":
        raise UnsupportedMediaError(
            f"{copy.name} is a still image; restore works on videos.",
        )
    store = registry.manifest(stamp_id)
    if store is None or report.manifest.status not in ("trusted", "valid"):
        raise RegistryError(
            f"The registry's manifest of stamp {stamp_id} does not validate; nothing was written.",
        )
    statement = Recovery(
        stamp_id=stamp_id,
        recovered=report.manifest,
        duration_ms=round(1000 * (info.duration or 0.0)),
        title=printable(target.name),
        when=now(),
        compared=_named(report),
    )
    with Workspace(target, overwrite=overwrite) as workspace, explained(target):
        signed = workspace.path(f"signed{target.suffix}")
        parent = recovered_parent(store, copy, trust)
        with ThreadPoolExecutor(1, thread_name_prefix="sign") as aside:  # 3; see Making.sign
            done = aside.submit(
                attach, copy, signed, statement, keyring.signer, trust=trust, parent=parent
            ).result()
        if not done.embedded:
            sidecar_path(signed).write_bytes(done.store)
        proof = read_manifest(signed, trust)  # 4
        kept = [item.status for item in proof.ingredients[:1]]
        if proof.status != "trusted" or kept != [report.manifest.status]:
            raise ReadBackError(
                f"The restored file reads back with its manifest {proof.status} and the recovered "
                f"one {kept[0] if kept else 'missing'}, so it was not published."
            )
        final = None if done.embedded else (sidecar_path(signed), sidecar_path(target))
        workspace.publish(signed, final)  # 5
    registry.audit.append("restore", stamp_id=stamp_id.hex)
    return report
