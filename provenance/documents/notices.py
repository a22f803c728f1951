"""Telling a receiver what happened, in order, each at least once.

1. A turn is taken: no other run tells this receiver meanwhile.
2. What happened since is told, one after the other.  What is not taken is tried again with growing
   pauses, and never passed over.
3. What was taken is noted before the next is told.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import ClassVar, Final

from provenance.errors import DeliveryError
from provenance.registry import Notice, Registry, Turn
from provenance.results import Document, Verdict
from provenance.system.receivers import Receiver

LONGEST_PAUSE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Delivered(Document):
    """What a run told one receiver."""

    SCHEMA: ClassVar = "provenance.delivery/1"

    receiver: str
    """Its name."""
    told: int
    """Notices that it took."""
    row: int
    """The row of the audit log up to which it knows everything."""
    error: str | None = None
    """Why it was not told everything; null when it was."""


def tell(
    registry: Registry,
    receiver: Receiver,
    *,
    accept: Collection[Verdict] = (Verdict.CONFIRMED,),
    attempts: int = 5,
    from_now: bool = False,
    pause: Callable[[float], object] = time.sleep,
) -> Delivered:
    """Tell a receiver what it was not told yet.

    Args:
        registry: of which.
        receiver: whom; its name says how far it has come.
        accept: verdicts of recorded verifications that are no news.
        attempts: how often each is tried.
        from_now: a receiver that is new is told what is to come only.
        pause: waits so many seconds.

    Raises:
        RegistryError: another run tells this receiver, or the registry can't be used.
    """
    fine, told = {verdict.value for verdict in accept}, 0
    with registry.deliveries.turn(receiver.name, from_now=from_now) as (turn, row):
        known = row
        while some := turn.notices(known):
            for item in some:
                number = item if isinstance(item, int) else item.number
                if isinstance(item, Notice) and item.verdict not in fine:
                    try:
                        _hand_over(turn, receiver, item, attempts, pause)
                    except DeliveryError as error:
                        return Delivered(receiver.name, told, known, str(error))
                    told += 1
                    turn.told(number)
                known = number
            turn.told(known)
    return Delivered(receiver.name, told, known)


def _hand_over(
    turn: Turn,
    receiver: Receiver,
    notice: Notice,
    attempts: int,
    pause: Callable[[float], object],
) -> None:
    body = json.dumps(notice.as_json(), allow_nan=False).encode("ascii")
    for attempt in range(1, attempts + 1):
        turn.renew()
        try:
            receiver.tell(notice.id, body)
        except DeliveryError as error:
            if not error.retryable or attempt == attempts:
                raise
            longest = min(LONGEST_PAUSE, 2.0 ** (attempt - 1))
            pause(longest * random.uniform(0.5, 1.0))  # noqa: S311 - spreads many machines' tries
        else:
            return
