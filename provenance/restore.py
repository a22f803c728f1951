"""Give a copy its credential back: the registry's manifest, as the parent of a new one.

1. The copy is verified; only WATERMARK_MATCH can be restored: the watermark was read, the registry
   has the stamp and its manifest, and nothing contradicts.
2. A new manifest is signed with this keyring; it opens the recovered one and names the same stamp.
   The picture and the sound are not touched.
3. The result is read back and must be trusted, with the recovered manifest intact in it.
4. Only then does it get its name, and the audit log a row.
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
from provenance.results import Verdict, VerificationReport
from provenance.text import printable
from provenance.verify import verify
from provenance.video import container_for, probe
from provenance.workspace import Workspace, check_distinct, check_target, explained


def restore(
    copy: Path, target: Path, *, keyring: Keyring, registry: Registry, overwrite: bool = False
) -> VerificationReport:
    """Write ``copy`` to ``target`` with its stamp's manifest as the parent of a new one.

    Returns:
        What verifying the copy showed.

    Raises:
        UsageError: arguments that cannot work, or a target that exists.
        InputError: the copy does not verify as WATERMARK_MATCH, or is no video.
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
            f"{copy.name} verifies as {report.verdict}; only a WATERMARK_MATCH can be restored."
        )
    info = probe(copy)
    if info.kind != "video":
        raise UnsupportedMediaError(f"{copy.name} is a still image; restore works on videos.")
    store = registry.manifest(stamp_id)
    if store is None or report.manifest.status not in ("trusted", "valid"):
        raise RegistryError(
            f"The registry's manifest of stamp {stamp_id} does not validate; nothing was written."
        )
    statement = Recovery(
        stamp_id=stamp_id,
        recovered=report.manifest,
        duration_ms=round(1000 * (info.duration or 0.0)),
        title=printable(target.name),
        when=now(),
    )
    with Workspace(target, overwrite=overwrite) as workspace, explained(target):
        signed = workspace.path(f"signed{target.suffix}")
        parent = recovered_parent(store, copy, trust)
        with ThreadPoolExecutor(1, thread_name_prefix="sign") as aside:  # 2; see Making.sign
            done = aside.submit(
                attach, copy, signed, statement, keyring.signer, trust=trust, parent=parent
            ).result()
        if not done.embedded:
            sidecar_path(signed).write_bytes(done.store)
        proof = read_manifest(signed, trust)  # 3
        kept = [item.status for item in proof.ingredients[:1]]
        if proof.status != "trusted" or kept != [report.manifest.status]:
            raise ReadBackError(
                f"The restored file reads back with its manifest {proof.status} and the recovered "
                f"one {kept[0] if kept else 'missing'}, so it was not published."
            )
        final = None if done.embedded else (sidecar_path(signed), sidecar_path(target))
        workspace.publish(signed, final)  # 4
    registry.audit.append("restore", stamp_id=stamp_id.hex)
    return report
