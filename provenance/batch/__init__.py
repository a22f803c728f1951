"""Many jobs: each done exactly once, by several workers, whatever happens in between.

    with Ledger(settings.ledger) as ledger, LocalWorkers(4, settings) as workers:
        ending = run_batch(
            jobs, settings, workers, ledger, Watch(row=print), prompt_keys=keyring.prompt_keys
        )

:func:`provenance.batch.work.do` is one job, from input to output, for any pool to call.
"""

from provenance.batch.cluster import Cluster, RayWorkers
from provenance.batch.pool import Died, Ended, Event, LocalWorkers, Step, Workers
from provenance.batch.runner import Control, Ending, Row, Watch, run_batch
from provenance.batch.settings import STATE, UNAPPROVED, Settings, share_out
from provenance.batch.tasks import Attempt, Task

__all__ = [
    "STATE",
    "UNAPPROVED",
    "Attempt",
    "Cluster",
    "Control",
    "Died",
    "Ended",
    "Ending",
    "Event",
    "LocalWorkers",
    "RayWorkers",
    "Row",
    "Settings",
    "Step",
    "Task",
    "Watch",
    "Workers",
    "run_batch",
    "share_out",
]
