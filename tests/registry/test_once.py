"""A clip is stamped once: what counts as the same, who wins, and where outputs went."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from provenance.errors import AlreadyStampedError, BusyError, InputError, UsageError
from provenance.registry import Asked, Registry, StampRecord, now, once, schema
from provenance.registry.transfer import export_lines, import_lines
from provenance.registry.values import stamp_time
from provenance.results import PromptHash
from provenance.results.payload import StampId
from provenance.system.processes import process_name
from tests.registry.conftest import MANIFEST, record, register

OLD = PromptHash("hmac-sha256", "ab" * 32, "p1")
NEW = PromptHash("hmac-sha256", "cd" * 32, "p2")


def asked(path: Path, **changes: object) -> Asked:
    """What :func:`record` says, asked for again."""
    whole = Asked(
        "01" * 32,
        path,
        "Example Studio",
        "ExampleVideoModel",
        "3.2.1",
        (OLD,),
        ("consent-2", "consent-1"),
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


def test_the_same_clip_with_the_same_claims_is_refused_and_the_stamp_named(
    registry: Registry, tmp_path: Path
) -> None:
    made = register(registry, tmp_path / "a.mp4")
    registry.places.moved(made.stamp_id, "https://cdn.example.com/a.mp4")
    again = asked(tmp_path / "b.mp4")
    with pytest.raises(AlreadyStampedError, match=r"cdn\.example\.com") as refused:
        registry.reservations.reserve("k", tmp_path / "b.mp4", again)
    assert refused.value.stamp_id == made.stamp_id.hex
    assert refused.value.place == "https://cdn.example.com/a.mp4"
    assert registry.stamped_before(again) == (made,)


@pytest.mark.parametrize(
    "changes",
    [
        {"input_sha256": "0f" * 32},
        {"provider": "Another"},
        {"model_name": "Other"},
        {"model_version": "4"},
        {"consents": ("consent-1",)},
        {"prompts": (replace(OLD, value="ef" * 32),)},
    ],
)
def test_another_clip_or_another_claim_is_another_stamp(
    changes: dict[str, object], registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path / "a.mp4")
    target = tmp_path / "b.mp4"
    registry.reservations.reserve("k", target, asked(target, **changes))


@pytest.mark.parametrize("prompts", [(NEW, OLD), (NEW,)])
def test_a_prompt_key_that_was_rotated_makes_no_other_clip(
    prompts: tuple[PromptHash, ...], registry: Registry, tmp_path: Path
) -> None:
    """Whether the older key is still there to compare with, or is not."""
    register(registry, tmp_path / "a.mp4")
    target = tmp_path / "b.mp4"
    with pytest.raises(AlreadyStampedError):
        registry.reservations.reserve("k", target, asked(target, prompts=prompts))


def test_what_was_withdrawn_by_its_id_is_refused_whatever_it_says_now(
    registry: Registry, tmp_path: Path
) -> None:
    """Another withdrawal leaves a corrected stamp possible."""
    made = register(registry, tmp_path / "a.mp4")
    target = tmp_path / "b.mp4"
    other = asked(target, model_version="4", consents=())
    registry.withdrawals.withdraw("consent", "consent-1", "taken back")
    registry.reservations.settle(registry.reservations.reserve("k", target, other))
    registry.withdrawals.withdraw("stamp", made.stamp_id.hex, "published too early")
    with pytest.raises(AlreadyStampedError, match="published too early"):
        registry.reservations.reserve("k", target, other)
    assert registry.stamped_before(other) == ()
    registry.reservations.reserve("k", target, other, again=True)


def test_another_stamp_needs_a_reason_which_record_and_log_keep(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path / "a.mp4")
    target = tmp_path / "b.mp4"
    stamp_id = registry.reservations.reserve("k", target, asked(target), again=True)
    second = record(stamp_id, output_sha256="03" * 32)
    with pytest.raises(AlreadyStampedError):
        registry.commit(second, MANIFEST, None, asked=asked(target))
    kept = registry.commit(second, MANIFEST, None, asked=asked(target), again="disk lost")
    assert kept == registry.find(stamp_id) == replace(second, again="disk lost")
    head = registry.audit.head()
    assert head is not None
    assert head.event == "stamp"
    assert '"again":"disk lost"' in head.details
    assert registry.check().broken is None
    assert StampRecord.from_json(kept.as_json()) == kept


def test_a_reason_is_kept_only_where_there_was_an_earlier_stamp(
    registry: Registry, tmp_path: Path
) -> None:
    target = tmp_path / "a.mp4"
    stamp_id = registry.reservations.reserve("k", target, asked(target), again=True)
    first = record(stamp_id)
    assert registry.commit(first, MANIFEST, None, asked=asked(target), again="why not") == first


def test_of_many_who_begin_at_once_one_wins(registry: Registry, tmp_path: Path) -> None:
    def begin(number: int) -> StampId | None:
        target = tmp_path / f"{number}.mp4"
        try:
            return registry.reservations.reserve("k", target, asked(target))
        except BusyError:
            return None

    with ThreadPoolExecutor(8) as pool:
        won = [one for one in pool.map(begin, range(16)) if one is not None]
    assert len(won) == 1


def test_who_was_slower_is_told_when_the_record_is_committed(
    registry: Registry, tmp_path: Path
) -> None:
    """As when both began on machines that do not see each other."""
    one, two = tmp_path / "1.mp4", tmp_path / "2.mp4"
    ids = [registry.reservations.reserve("k", path) for path in (one, two)]
    registry.commit(record(ids[0]), MANIFEST, None, asked=asked(one))
    with pytest.raises(AlreadyStampedError, match=ids[0].hex):
        registry.commit(record(ids[1]), MANIFEST, None, asked=asked(two))
    assert len(registry.search()) == 1


@pytest.mark.parametrize("committed", [False, True])
def test_a_process_that_died_at_it_keeps_nobody_from_stamping_the_clip(
    committed: bool, registry: Registry, tmp_path: Path
) -> None:
    """Its record, whose file never got its name, goes; one whose file is there stays."""
    target, next_one = tmp_path / "a.mp4", tmp_path / "b.mp4"
    stamp_id = registry.reservations.reserve("k", target, asked(target))
    if committed:
        registry.commit(record(stamp_id), MANIFEST, None, asked=asked(target))
    with pytest.raises(BusyError, match=stamp_id.hex):
        registry.reservations.reserve("k", next_one, asked(next_one))
    _owned_by(registry, stamp_id, process=_gone())
    registry.reservations.reserve("k", next_one, asked(next_one))
    assert registry.find(stamp_id) is None
    assert registry.check().broken is None


def test_another_machine_at_work_keeps_others_waiting_for_an_hour(
    registry: Registry, tmp_path: Path
) -> None:
    target, next_one = tmp_path / "a.mp4", tmp_path / "b.mp4"
    stamp_id = registry.reservations.reserve("k", target, asked(target))
    _owned_by(registry, stamp_id, host="another machine")
    with pytest.raises(BusyError):
        registry.reservations.reserve("k", next_one, asked(next_one))
    # The same file is its own affair: whoever holds its name may go on.
    registry.reservations.settle(registry.reservations.reserve("k", target, asked(target)))
    with registry.database.writing() as connection:
        begun = stamp_time(now() - once.HELD - timedelta(minutes=1))
        connection.execute(sa.update(schema.stamp).values(created_at=begun))
    registry.reservations.reserve("k", next_one, asked(next_one))


def test_places_are_told_kept_in_order_and_logged(registry: Registry, tmp_path: Path) -> None:
    made = register(registry, tmp_path / "a.mp4")
    assert registry.places.of(made.stamp_id) == ()
    for place in ("s3://studio/a.mp4", " https://cdn.example.com/a.mp4 "):
        registry.places.moved(made.stamp_id, place)
    told = [one.place for one in registry.places.of(made.stamp_id)]
    assert told == ["https://cdn.example.com/a.mp4", "s3://studio/a.mp4"]
    head = registry.audit.head()
    assert head is not None
    assert head.event == "move"
    assert registry.check().broken is None


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("", "1 to 2000"),
        ("x" * 2001, "1 to 2000"),
        ("a\nb", "1 to 2000"),
        ("https://me:secret@example.com/a", "a password"),
    ],
)
def test_what_is_no_place_is_refused(
    place: str, words: str, registry: Registry, tmp_path: Path
) -> None:
    made = register(registry, tmp_path / "a.mp4")
    with pytest.raises(UsageError, match=words) as refused:
        registry.places.moved(made.stamp_id, place)
    assert "secret" not in str(refused.value)
    with pytest.raises(InputError, match="has no stamp"):
        registry.places.moved(StampId.new(), "s3://studio/a.mp4")


def test_an_export_for_a_registry_of_one_s_own_has_places_and_reasons(
    registry: Registry, tmp_path: Path
) -> None:
    made = register(registry, tmp_path / "a.mp4", again="disk lost")
    told = registry.places.moved(made.stamp_id, "s3://studio/a.mp4")
    lines = [line for _, line in export_lines(registry, places=True)]
    assert "place" not in [kind for kind, _ in export_lines(registry)]
    with Registry(str(tmp_path / "other.db"), create=True) as other:
        for _ in range(2):
            import_lines(other, lines, "export")
        assert other.places.of(made.stamp_id) == (told,)
        assert other.find(made.stamp_id) == made
        assert other.check().broken is None


def _gone() -> str:
    process = subprocess.Popen([sys.executable, "-c", ""])
    name = process_name(process.pid)
    process.wait()
    return name


def _owned_by(registry: Registry, stamp_id: StampId, **values: str) -> None:
    table = schema.reservation
    change = sa.update(table).where(table.c.stamp_id == stamp_id.hex).values(**values)
    with registry.database.writing() as connection:
        connection.execute(change)
