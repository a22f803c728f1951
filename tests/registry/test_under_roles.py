"""The registry's tests once more, each under the role whose work it is: what it needs it may do.

What a role may not do is in test_roles.py, and so is the verifier, who writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from provenance.registry import Registry
from tests.registry import test_deliveries, test_once, test_reservations, test_stampers
from tests.registry.conftest import fresh_database, logins
from tests.registry.test_deliveries import *  # noqa: F403 - what it tests is tested here
from tests.registry.test_once import *  # noqa: F403 - what it tests is tested here
from tests.registry.test_reservations import (  # noqa: F401 - all but one that sets the server up
    test_a_published_file_may_be_taken_away_at_once,
    test_a_sweep_leaves_a_running_stamp_alone,
    test_a_sweep_settles_what_a_killed_run_left,
    test_nobody_waits_while_a_sweep_reads_a_file,
    test_ten_processes_at_once_lose_and_double_nothing,
)
from tests.registry.test_stampers import *  # noqa: F403 - what it tests is tested here
from tests.registry.test_transfer import *  # noqa: F403 - what it tests is tested here
from tests.registry.test_withdrawals import *  # noqa: F403 - what it tests is tested here

STAMPERS = {one.__name__ for one in (test_deliveries, test_once, test_reservations, test_stampers)}
WITHDRAW = {
    "test_what_happened_is_told_in_order_with_what_it_is_about",
    "test_a_receiver_that_is_away_loses_nothing_and_its_address_is_in_no_sentence",
    "test_a_run_that_is_killed_is_gone_on_from",
    "test_what_was_withdrawn_by_its_id_is_refused_whatever_it_says_now",
    "test_a_process_that_died_at_it_keeps_nobody_from_stamping_the_clip",
    "test_another_machine_at_work_keeps_others_waiting_for_an_hour",
}
"""Tests of theirs that withdraw something, or change rows as only the owner may."""


@pytest.fixture
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    test = request.function
    role = "stamper" if test.__module__ in STAMPERS else "administrator"
    if test.__name__ in WITHDRAW:
        role = "administrator"
    with (
        fresh_database() as owner,
        Registry(owner, create=True) as opened,
        logins(owner, opened) as address,
    ):
        yield address(role)
