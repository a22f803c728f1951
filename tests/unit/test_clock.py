"""Where the time of a search went."""

from provenance.verifying.clock import Clock


def test_time_is_charged_to_the_stage_that_ran_and_to_none_between() -> None:
    """A stage that begins again is one line; what runs after the end is nobody's."""
    clock = Clock()
    for _ in range(2):
        clock.begin("busy")
        sum(range(300_000))
        clock.begin("short")
    clock.begin(None)
    before = clock.spent
    sum(range(3_000_000))
    assert [stage.name for stage in before] == ["busy", "short"]
    assert clock.spent == before
    assert before[0].seconds > before[1].seconds >= 0.0
