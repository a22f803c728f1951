"""What is in an archive, a document or a playlist, member by member, for the worker to hand out.

:func:`members` is called in the process that opens strangers' files (:mod:`..isolation`), which may
write nothing: bytes go to the parent, who counts them again and puts them into files whose names it
makes up.  Nothing here follows an address, and an archive inside an archive stays shut.
"""

from typing import TYPE_CHECKING

from provenance.system.lazy import lazily

if TYPE_CHECKING:
    from provenance.verifying.inside.kinds import is_packed
    from provenance.verifying.inside.limits import (
        MOST_BYTES,
        MOST_MEMBERS,
        PIECE,
        Member,
        Refused,
        known_ending,
    )
    from provenance.verifying.inside.opening import members

__all__ = [
    "MOST_BYTES",
    "MOST_MEMBERS",
    "PIECE",
    "Member",
    "Refused",
    "is_packed",
    "known_ending",
    "members",
]

__getattr__ = lazily(
    __name__,
    {
        "kinds": ("is_packed",),
        "limits": ("MOST_BYTES", "MOST_MEMBERS", "PIECE", "Member", "Refused", "known_ending"),
        "opening": ("members",),
    },
)
