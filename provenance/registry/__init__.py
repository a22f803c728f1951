"""The registry of stamps: records, manifests, fingerprints, withdrawals, and the audit log.

The only importer of SQLAlchemy and Alembic.  :class:`Registry` is the way in.
"""

from typing import TYPE_CHECKING

from provenance.system.lazy import lazily

if TYPE_CHECKING:
    from provenance.registry.address import portable_address
    from provenance.registry.answers import Found, Recalled, Shown, Standing, Withdrawn
    from provenance.registry.audit import AuditReport
    from provenance.registry.chain import AuditRow, Break
    from provenance.registry.deliveries import EVENTS, Notice, NoticeEvent, Turn
    from provenance.registry.facts import (
        KINDS,
        Facts,
        Withdrawal,
        WithdrawalKind,
        model_target,
        named,
    )
    from provenance.registry.frames import FrameMatch
    from provenance.registry.once import Asked
    from provenance.registry.places import KnownPlace, Located, Moved
    from provenance.registry.records import StampRecord
    from provenance.registry.registry import Registry
    from provenance.registry.reservations import SweepReport
    from provenance.registry.values import check_reason, check_reference, check_reviewer_id, now
    from provenance.registry.withdrawals import drafted

__all__ = [
    "EVENTS",
    "KINDS",
    "Asked",
    "AuditReport",
    "AuditRow",
    "Break",
    "Facts",
    "Found",
    "FrameMatch",
    "KnownPlace",
    "Located",
    "Moved",
    "Notice",
    "NoticeEvent",
    "Recalled",
    "Registry",
    "Shown",
    "StampRecord",
    "Standing",
    "SweepReport",
    "Turn",
    "Withdrawal",
    "WithdrawalKind",
    "Withdrawn",
    "check_reason",
    "check_reference",
    "check_reviewer_id",
    "drafted",
    "model_target",
    "named",
    "now",
    "portable_address",
]

__getattr__ = lazily(
    __name__,
    {
        "address": ("portable_address",),
        "answers": ("Found", "Recalled", "Shown", "Standing", "Withdrawn"),
        "audit": ("AuditReport",),
        "chain": ("AuditRow", "Break"),
        "deliveries": ("EVENTS", "Notice", "NoticeEvent", "Turn"),
        "facts": ("KINDS", "Facts", "Withdrawal", "WithdrawalKind", "model_target", "named"),
        "frames": ("FrameMatch",),
        "once": ("Asked",),
        "places": ("KnownPlace", "Located", "Moved"),
        "records": ("StampRecord",),
        "registry": ("Registry",),
        "reservations": ("SweepReport",),
        "values": ("check_reason", "check_reference", "check_reviewer_id", "now"),
        "withdrawals": ("drafted",),
    },
)
