"""Clips made from stamped clips: their past is recorded, and a withdrawal anywhere in it counts.

Withdrawals that come while a clip is being stamped are made by another process, as staff would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from provenance import Keyring, StampResult, Verdict, verify
from provenance.documents.lists import read_revocations, write_revocations
from provenance.errors import WithdrawnError
from provenance.manifest import attach
from provenance.registry import Facts, Registry, Withdrawal, now
from provenance.results.payload import StampId
from tests.clips import Spec, make_clip
from tests.conftest import Run, stamp_clip
from tests.integration.test_stamp_and_verify import remux
from tests.signing import Studio, facts

SPEC = Spec(size=(320, 240), frames=24)


@dataclass(frozen=True)
class Family:
    """Three generations in one registry: a clip, one made from it, one made from that."""

    keyring: Keyring
    registry: Registry
    source: Path
    clips: tuple[StampResult, StampResult, StampResult]

    @property
    def ids(self) -> tuple[StampId, ...]:
        return tuple(clip.stamp_id for clip in self.clips)

    def parents(self, stamp_id: StampId) -> set[StampId]:
        record = self.registry.find(stamp_id)
        assert record is not None
        return set(record.parents)

    def stamp(self, source: Path | str, target: Path, **options: Any) -> StampResult:
        options = {"registry": self.registry, "restamp": True, "again": "another test"} | options
        return stamp_clip(Path(source), target, self.keyring, **options)

    @contextmanager
    def withdrawn(self, kind: Any, target: str, **options: Any) -> Iterator[Withdrawal]:
        yield self.registry.withdrawals.withdraw(kind, target, "taken back", **options)
        self.registry.withdrawals.reinstate(kind, target, "over")


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> Iterator[Family]:
    folder = tmp_path_factory.mktemp("family")
    source = make_clip(folder / "source.mp4", SPEC)
    with Registry(str(folder / "registry.db"), create=True) as registry:

        def made(origin: Path | str, name: str, **options: Any) -> StampResult:
            options |= {"registry": registry, "restamp": True}
            return stamp_clip(Path(origin), folder / name, keyring, **options)

        first = made(source, "first.mkv", consents=("actor-1",))
        second = made(first.output_path, "second.mp4", consents=("actor-2",))
        third = made(second.output_path, "third.mp4")
        yield Family(keyring, registry, source, (first, second, third))


def test_a_record_names_all_that_its_clip_was_made_from(family: Family) -> None:
    """All generations, through an embedded manifest and through a sidecar."""
    first, second, third = family.ids
    assert family.parents(first) == set()
    assert family.parents(second) == {first}
    assert family.parents(third) == {first, second}
    assert family.registry.check().broken is None


def test_a_grandparents_withdrawal_is_told_of_copies_without_a_manifest(
    family: Family, tmp_path: Path
) -> None:
    """By the registry, and by a signed list alone, which names the derivatives' ids."""
    copy = remux(family.clips[2].output_path, tmp_path / "copy.mp4")
    keys, listed = family.keyring.watermark_keys, tmp_path / "listed.json"
    with family.withdrawn("consent", "actor-1") as entry:
        assert set(family.registry.hit_by(entry)) == set(family.ids)
        write_revocations(family.registry, listed, family.keyring.signer, valid=timedelta(days=1))
        asked = verify(copy, watermark_keys=keys, registry=family.registry)
    assert asked.verdict is Verdict.REVOKED
    lists = [read_revocations(listed, family.keyring.issuers_pem)]
    assert verify(copy, watermark_keys=keys, revocations=lists).verdict is Verdict.REVOKED


@pytest.mark.parametrize("kind", ["stamp", "consent"])
def test_nothing_is_stamped_from_a_clip_whose_past_is_withdrawn(
    kind: str, family: Family, tmp_path: Path
) -> None:
    target = {"stamp": family.ids[0].hex, "consent": "actor-1"}[kind]
    whose = {"stamp": "a clip that was withdrawn", "consent": "a clip whose consent was"}[kind]
    for parent in family.clips:
        with (
            family.withdrawn(kind, target),
            pytest.raises(WithdrawnError, match=f"made from, {whose}.*taken back"),
        ):
            family.stamp(parent.output_path, tmp_path / "made.mp4")
    assert list(tmp_path.iterdir()) == []


def test_bytes_that_were_stamped_are_known_without_their_sidecar(
    family: Family, tmp_path: Path
) -> None:
    bare = tmp_path / "bare.mkv"
    bare.write_bytes(Path(family.clips[0].output_path).read_bytes())
    with family.withdrawn("stamp", family.ids[0].hex), pytest.raises(WithdrawnError):
        family.stamp(bare, tmp_path / "made.mp4")


def test_a_registry_that_knows_no_parent_believes_its_manifest(
    family: Family, tmp_path: Path
) -> None:
    parent = family.clips[1].output_path
    with Registry(str(tmp_path / "other.db"), create=True) as other:
        other.withdrawals.withdraw("consent", "actor-1", "taken back")
        with pytest.raises(WithdrawnError, match="made from, a clip whose consent"):
            family.stamp(parent, tmp_path / "made.mp4", registry=other)
        other.withdrawals.reinstate("consent", "actor-1", "over")
        made = family.stamp(parent, tmp_path / "made.mp4", registry=other)
        record = other.find(made.stamp_id)
        assert record is not None
        assert set(record.parents) == set(family.ids[:2])


def test_a_strangers_word_makes_no_parent(family: Family, tmp_path: Path) -> None:
    """Else anybody could have a clip refused."""
    claimed = tmp_path / "claimed.mp4"
    stranger = Studio("Sly Ltd")
    claims = facts(stamp_id=family.ids[0])
    attach(family.source, claimed, claims, stranger.signer, trust=stranger.trust)
    with family.withdrawn("stamp", family.ids[0].hex):
        made = family.stamp(claimed, tmp_path / "made.mp4")
    assert family.parents(made.stamp_id) == set()


def test_a_key_that_was_good_when_the_parent_was_signed_stops_nothing(
    family: Family, tmp_path: Path
) -> None:
    """The registry's row proves when; what is stamped now is refused by the same withdrawal."""
    record = family.registry.find(family.ids[1])
    assert record is not None
    assert record.signer_id is not None
    with family.withdrawn("key", record.signer_id, good_before=now()) as entry:
        assert family.registry.withdrawals.hitting(Facts.of(record)) is None
        assert list(family.registry.hit_by(entry)) == []
        report = verify(
            Path(family.clips[2].output_path),
            watermark_keys=family.keyring.watermark_keys,
            trust=family.keyring.trust,
            registry=family.registry,
        )
        assert report.verdict is Verdict.CONFIRMED
        with pytest.raises(WithdrawnError, match="its key was withdrawn"):
            family.stamp(family.source, tmp_path / "made.mp4")


# --- withdrawals while a clip is being stamped


def revoking(run: Run, registry: Registry, moment: tuple[str, int]) -> Callable[..., None]:
    """Progress that has another process withdraw a consent at a moment of the stamping."""
    asked = (
        "registry",
        "revoke",
        "--consent",
        "actor-3",
        "--reason",
        "taken back just now",
        "--even-if-none",
    )

    def progress(stage: str, done: int, _total: int | None) -> None:
        if (stage, done) == moment:
            ran = run(*asked, "--registry", registry.name)
            assert ran.code == 0, ran.err

    return progress


@pytest.mark.parametrize(
    ("moment", "events"),
    [
        (("sign", 0), ["withdraw"]),
        (("read back", 0), ["withdraw"]),
        (("read back", 1), ["stamp", "withdraw", "abandon"]),
    ],
    ids=["marked", "signed", "committed"],
)
def test_a_consent_that_is_withdrawn_meanwhile_stops_the_file(
    moment: tuple[str, int], events: list[str], family: Family, tmp_path: Path, run: Run
) -> None:
    """No file appears, and the registry says what became of the stamp."""
    (tmp_path / "out").mkdir()
    with Registry(str(tmp_path / "registry.db"), create=True) as registry:
        with pytest.raises(WithdrawnError, match=r"source.mp4 .*its consent .*just now"):
            family.stamp(
                family.source,
                tmp_path / "out" / "made.mp4",
                registry=registry,
                consents=("actor-3",),
                progress=revoking(run, registry, moment),
            )
        assert list((tmp_path / "out").iterdir()) == []
        assert registry.search() == ()
        assert registry.reservations.sweep().as_json()["pending"] == []
        with registry.database.reading() as connection:
            assert [row.event for row in registry.audit.rows(connection)] == events
        assert registry.check().broken is None


def test_what_was_there_before_stays_when_a_withdrawal_stops_its_successor(
    family: Family, tmp_path: Path, run: Run
) -> None:
    target = tmp_path / "made.mp4"
    target.write_bytes(b"an earlier file")
    with (
        Registry(str(tmp_path / "registry.db"), create=True) as registry,
        pytest.raises(WithdrawnError),
    ):
        family.stamp(
            family.source,
            target,
            registry=registry,
            consents=("actor-3",),
            overwrite=True,
            progress=revoking(run, registry, ("read back", 1)),
        )
    assert target.read_bytes() == b"an earlier file"


def test_a_parent_that_is_withdrawn_meanwhile_stops_the_file(
    family: Family, tmp_path: Path
) -> None:
    def progress(stage: str, done: int, _total: int | None) -> None:
        if (stage, done) == ("read back", 0):
            family.registry.withdrawals.withdraw("consent", "actor-1", "taken back")

    try:
        with pytest.raises(WithdrawnError, match="made from, a clip whose consent"):
            family.stamp(family.clips[2].output_path, tmp_path / "made.mp4", progress=progress)
    finally:
        family.registry.withdrawals.reinstate("consent", "actor-1", "over")
    assert list(tmp_path.iterdir()) == []
