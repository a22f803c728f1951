"""Stop signals: never lost, never cutting the cleaning short."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import pytest

from provenance.cli.stopping import Stopped, check, stoppable


def send(number: int = signal.SIGINT) -> None:
    os.kill(os.getpid(), number)
    time.sleep(0.01)  # the handler runs between two instructions


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_raises_where_the_program_is(number: int) -> None:
    with stoppable():
        with pytest.raises(Stopped) as caught:
            send(number)
        assert caught.value.number == number


def test_a_second_signal_does_not_disturb_the_cleaning() -> None:
    with stoppable():
        with pytest.raises(Stopped):
            send()
        send()


def test_a_signal_in_a_librarys_callback_is_raised_by_the_next_check() -> None:
    # Stands for a function of the output file that the media library calls.
    space: dict[str, Any] = {"__name__": "provenance.video.sink", "send": send}
    exec("def write(): send()", space)  # noqa: S102 - to give the function that module's name
    with stoppable():
        check()
        space["write"]()
        with pytest.raises(Stopped):
            check()


def test_everything_is_put_back_afterwards() -> None:
    before = signal.getsignal(signal.SIGINT)
    with stoppable(), pytest.raises(Stopped):
        send()
    assert signal.getsignal(signal.SIGINT) is before
    check()


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stoppable():
            send(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
