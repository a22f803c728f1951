"""Every verdict of the contract, in the situation that it was made for, with a registry beside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from provenance import Keyring, Trust, init_keyring, verify
from provenance.documents.bundles import open_bundle, write_bundle, write_lines
from provenance.documents.lists import read_revocations, write_revocations
from provenance.errors import InputError, SealError, UsageError, WithdrawnError
from provenance.manifest import LocalSigner, Recovery, attach, sidecar_path
from provenance.manifest.certificates import make_root
from provenance.registry import Registry, model_target
from provenance.registry.facts import WithdrawalKind
from provenance.results import Verdict
from provenance.stamping.restore import restore
from tests.authority import Authority, serve
from tests.clips import grey_clip, lumas, picture
from tests.conftest import stamp_clip
from tests.desk import SIZE, Desk, encoded_again, opened
from tests.integration.test_stamp_and_verify import remux
from tests.signing import Studio, facts, flip, picture_byte, signed_before_its_end

WEEK = timedelta(days=7)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> Iterator[Desk]:
    with opened(tmp_path_factory.mktemp("desk"), keyring) as desk:
        yield desk


@pytest.fixture(scope="module")
def stripped(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encoded_again(desk, tmp_path_factory.mktemp("stripped") / "copy.mp4")


def test_confirmed_when_both_layers_agree(desk: Desk) -> None:
    report = desk.check(desk.clips[0].output_path)
    assert report.verdict is Verdict.CONFIRMED
    assert report.registry.status == "match"
    assert report.registry.record is not None
    assert report.registry.record["approval"] == "approval-1"
    assert report.registry.record["consents"] == ["consent-0"]
    assert report.manifest.consents == ("consent-0",)


def test_a_stripped_copy_matches_and_its_manifest_comes_back(desk: Desk, stripped: Path) -> None:
    report = desk.check(stripped)
    assert report.verdict is Verdict.WATERMARK_MATCH
    assert report.manifest.source == "registry"
    assert report.manifest.status == "trusted"
    assert report.manifest.soft_binding is not None
    assert report.manifest.soft_binding.stamp_id == desk.clips[0].stamp_id
    distance = report.registry.fingerprint_distance
    assert distance is not None
    assert distance < 0.2


def test_a_restored_copy_says_that_it_is_one_and_verifies_as_the_copy_did(
    desk: Desk, stripped: Path, tmp_path: Path
) -> None:
    """Its first manifest is inside, the picture is untouched, and the audit log has a row."""
    target = tmp_path / "restored.mp4"
    restore(stripped, target, keyring=desk.keyring, registry=desk.registry)
    report = desk.check(target)
    assert report.verdict is Verdict.WATERMARK_MATCH
    assert report.manifest.source == "recovered"
    assert report.manifest.recovered == ("picture", "order", "speed", "length", "sound")
    assert "a copy that was given its credential back" in report.summary
    (parent,) = report.manifest.ingredients
    assert parent.status == "trusted"
    assert b"softBindingsMatched" in target.read_bytes()
    assert [frame.tobytes() for frame in lumas(target)] == [
        frame.tobytes() for frame in lumas(stripped)
    ]
    head = desk.registry.audit.head()
    assert head is not None
    assert head.event == "restore"
    assert desk.check(target, registry=None).verdict is Verdict.WATERMARK_UNKNOWN


def test_only_a_match_is_restored(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="NO_MARK_FOUND"):
        restore(desk.sources[0], tmp_path / "out.mp4", keyring=desk.keyring, registry=desk.registry)
    assert list(tmp_path.iterdir()) == []


def test_a_mark_that_the_registry_does_not_know_is_unknown(
    desk: Desk, stripped: Path, tmp_path: Path
) -> None:
    with Registry(str(tmp_path / "empty.db"), create=True) as empty:
        report = desk.check(stripped, registry=empty)
    assert report.verdict is Verdict.WATERMARK_UNKNOWN
    assert report.registry.status == "no_match"


def transplanted(desk: Desk, target: Path) -> Path:
    """The first clip's residual, added to the second clip's unmarked source."""
    marked, plain = lumas(desk.clips[0].output_path), lumas(desk.sources[0])
    frames = []
    for mark, before, other in zip(marked, plain, lumas(desk.sources[1]), strict=True):
        residual = mark.astype(np.int16) - before
        frames.append(np.clip(other + residual, 0, 255).astype(np.uint8))
    return grey_clip(frames, target)


def test_a_mark_copied_onto_another_clip_is_a_conflict(desk: Desk, tmp_path: Path) -> None:
    report = desk.check(transplanted(desk, tmp_path / "copied.mp4"))
    assert report.watermark.stamp_id == desk.clips[0].stamp_id
    assert report.verdict is Verdict.CONFLICT
    assert "belongs to other content" in report.summary


def test_a_manifest_moved_to_another_stamped_file_is_a_conflict(desk: Desk, tmp_path: Path) -> None:
    moved = remux(desk.clips[1].output_path, tmp_path / "moved.mp4")
    store = desk.registry.manifest(desk.clips[0].stamp_id)
    assert store is not None
    sidecar_path(moved).write_bytes(store)
    report = desk.check(moved)
    assert report.verdict is Verdict.CONFLICT
    assert str(desk.clips[0].stamp_id) in report.summary
    assert str(desk.clips[1].stamp_id) in report.summary


def test_a_stamp_of_another_organisation_on_top_is_a_conflict(desk: Desk, tmp_path: Path) -> None:
    other = init_keyring(tmp_path / "keys", "Another Studio")
    again = stamp_clip(Path(desk.clips[0].output_path), tmp_path / "again.mp4", other)
    report = desk.check(again.output_path)
    assert report.watermark.stamp_id == desk.clips[0].stamp_id
    assert report.verdict is Verdict.CONFLICT


def test_a_splice_of_two_stamped_clips_is_partial(desk: Desk, tmp_path: Path) -> None:
    first, second = (lumas(clip.output_path) for clip in desk.clips)
    report = desk.check(grey_clip([*first, *second], tmp_path / "splice.mp4"))
    assert report.verdict is Verdict.PARTIAL


def test_a_changed_file_invalidates_its_credential(desk: Desk, tmp_path: Path) -> None:
    stamped = Path(desk.clips[0].output_path)
    report = desk.check(flip(stamped, tmp_path / "changed.mp4", picture_byte(stamped)))
    assert report.verdict is Verdict.CREDENTIAL_INVALID
    assert "matches the registry" in report.summary


def test_an_unknown_signer_is_told_as_that(desk: Desk, tmp_path: Path) -> None:
    maker = Studio("A Stranger")
    signed = tmp_path / "signed.mp4"
    attach(desk.sources[0], signed, Plain(), maker.signer, trust=maker.trust)
    assert desk.check(signed).verdict is Verdict.SIGNER_UNTRUSTED


def test_an_unknown_signer_makes_nothing_revoked_by_naming_a_stamp(
    desk: Desk, tmp_path: Path
) -> None:
    maker, named = Studio("A Stranger"), desk.clips[0].stamp_id
    signed = tmp_path / "signed.mp4"
    claim = facts(stamp_id=named, consents=("consent-0",))
    attach(desk.sources[0], signed, claim, maker.signer, trust=maker.trust)
    desk.registry.withdrawals.withdraw("stamp", named.hex, "asked to")
    try:
        assert desk.check(signed).registry.revocation is None
    finally:
        desk.registry.withdrawals.reinstate("stamp", named.hex, "over")


class Plain:
    """A manifest that says nothing of a watermark."""

    def definition(self, *, mime: str, parent: dict[str, Any] | bool = False) -> dict[str, Any]:
        whole = facts().definition(mime=mime, parent=parent)
        listed = whole["assertions"]
        kept = [one for one in listed if one["label"] != "c2pa.soft-binding"]
        kept[0]["data"]["actions"] = kept[0]["data"]["actions"][:1]
        return whole | {"assertions": kept}


def test_a_trusted_credential_without_a_mark_stands_alone(desk: Desk, tmp_path: Path) -> None:
    signed = tmp_path / "signed.mp4"
    attach(desk.sources[0], signed, Plain(), desk.keyring.signer, trust=desk.trust)
    assert desk.check(signed).verdict is Verdict.CREDENTIAL_ONLY


def test_an_expired_certificate_needs_a_timestamp(desk: Desk, tmp_path: Path) -> None:
    root = make_root("Short Studio")
    copy = tmp_path / "plain.mp4"
    remux(desk.clips[0].output_path, copy)
    named = facts(
        stamp_id=desk.clips[0].stamp_id, watermark_key_id=desk.keyring.watermark_key.key_id
    )
    with serve(Authority()) as authority:
        trust = Trust(root.certificate_pem, authority.root_pem, root.certificate_pem)
        bare, timed = tmp_path / "bare.mp4", tmp_path / "timed.mp4"

        def both(signer: LocalSigner) -> None:
            attach(copy, bare, named, signer, trust=trust)
            attach(copy, timed, named, signer, trust=trust, tsa_url=authority.url)

        signed_before_its_end("Short Studio", root, both)
    options: dict[str, Any] = {"watermark_keys": desk.keyring.watermark_keys, "trust": trust}
    assert verify(bare, **options).verdict is Verdict.CREDENTIAL_INVALID
    assert verify(timed, **options).verdict is Verdict.CONFIRMED


def test_nothing_found_names_a_lead_and_no_proof(desk: Desk, tmp_path: Path) -> None:
    report = desk.check(desk.sources[0])
    assert report.verdict is Verdict.NO_MARK_FOUND
    assert report.registry.status == "not_checked"
    assert str(desk.clips[0].stamp_id) in str(report.registry.reason)
    assert "not proof" in str(report.registry.reason)
    (lead, *_) = report.registry.leads
    assert str(lead.stamp_id) in str(report.registry.reason)
    assert 0 < lead.frames <= lead.asked
    other = grey_clip([picture(*SIZE, i, 99) for i in range(12)], tmp_path / "other.mp4")
    assert "lead" not in str(desk.check(other).registry.reason)


def test_a_registry_that_is_gone_costs_only_its_own_answer(desk: Desk, stripped: Path) -> None:
    with Registry(str(stripped.parent / "gone.db"), create=True) as gone:
        with gone.database.writing() as connection:
            connection.exec_driver_sql("DROP TABLE consent")
            connection.exec_driver_sql("DROP TABLE manifest")
            connection.exec_driver_sql("DROP TABLE fingerprint")
            connection.exec_driver_sql("DROP TABLE reservation")
            connection.exec_driver_sql("DROP TABLE stamp")
        report = desk.check(stripped, registry=gone)
        desk.registry.withdrawals.withdraw("stamp", desk.clips[0].stamp_id.hex, "asked to")
        listed = stripped.parent / "listed.json"
        try:
            write_revocations(desk.registry, listed, desk.keyring.signer, valid=WEEK)
        finally:
            desk.registry.withdrawals.reinstate("stamp", desk.clips[0].stamp_id.hex, "over")
        lists = [read_revocations(listed, desk.keyring.trust_anchors_pem)]
        withdrawn = desk.check(stripped, registry=gone, revocations=lists)
    assert report.verdict is Verdict.WATERMARK_UNKNOWN
    assert "can't be used" in str(report.registry.reason)
    assert withdrawn.verdict is Verdict.REVOKED
    assert "can't be used" in str(withdrawn.registry.reason)


# --- withdrawal


KINDS: tuple[WithdrawalKind, ...] = ("stamp", "model", "key", "consent")


@pytest.mark.parametrize("kind", KINDS)
def test_a_withdrawn_stamp_is_revoked_with_and_without_its_manifest(
    kind: WithdrawalKind, desk: Desk, stripped: Path
) -> None:
    target = {
        "stamp": desk.clips[0].stamp_id.hex,
        "model": model_target("ExampleVideoModel", "3.2.1"),
        "key": desk.keyring.watermark_key.key_id,
        "consent": "consent-0",
    }[kind]
    desk.registry.withdrawals.withdraw(kind, target, "it had to be")
    try:
        for path, otherwise in (
            (desk.clips[0].output_path, "CONFIRMED"),
            (stripped, "WATERMARK_MATCH"),
        ):
            report = desk.check(path)
            assert report.verdict is Verdict.REVOKED
            assert f"it had to be. Otherwise: {otherwise}." in report.summary
            assert report.registry.revocation is not None
        spared = desk.check(desk.clips[1].output_path).verdict is Verdict.CONFIRMED
        assert spared is (kind in ("stamp", "consent"))
    finally:
        desk.registry.withdrawals.reinstate(kind, target, "over")
    assert desk.check(stripped).verdict is Verdict.WATERMARK_MATCH


def test_what_was_withdrawn_is_not_stamped_any_more(desk: Desk, tmp_path: Path) -> None:
    desk.registry.withdrawals.withdraw("consent", "consent-9", "asked to")
    with pytest.raises(WithdrawnError, match="asked to"):
        stamp_clip(
            desk.sources[0],
            tmp_path / "out.mp4",
            desk.keyring,
            registry=desk.registry,
            consents=("consent-9",),
        )
    assert list(tmp_path.iterdir()) == []


def test_a_signed_list_revokes_without_the_registry(
    desk: Desk, stripped: Path, tmp_path: Path
) -> None:
    path = tmp_path / "revocations.json"
    desk.registry.withdrawals.withdraw("consent", "consent-0", "asked to")
    try:
        write_revocations(desk.registry, path, desk.keyring.signer, valid=WEEK)
    finally:
        desk.registry.withdrawals.reinstate("consent", "consent-0", "over")
    known = read_revocations(path, desk.keyring.trust_anchors_pem)
    report = desk.check(stripped, registry=None, revocations=[known])
    assert report.verdict is Verdict.REVOKED
    spared = desk.check(desk.clips[1].output_path, registry=None, revocations=[known])
    assert spared.verdict is Verdict.CONFIRMED


def test_a_list_that_expired_or_is_badly_signed_is_an_error(desk: Desk, tmp_path: Path) -> None:
    anchors = desk.keyring.trust_anchors_pem
    old = tmp_path / "old.json"
    write_revocations(desk.registry, old, desk.keyring.signer, valid=timedelta(seconds=-1))
    with pytest.raises(SealError, match="expired"):
        read_revocations(old, anchors)
    good = tmp_path / "good.json"
    write_revocations(desk.registry, good, desk.keyring.signer, valid=WEEK)
    with pytest.raises(SealError, match="not trusted"):
        read_revocations(good, Studio("A Stranger").root.certificate_pem)
    content = bytearray(good.read_bytes())
    for at in range(12, len(content) - 1, 97):
        content[at] ^= 1
        good.write_bytes(content)
        with pytest.raises(SealError):
            read_revocations(good, anchors)
        content[at] ^= 1


def test_a_bundle_answers_as_the_registry_does(desk: Desk, stripped: Path, tmp_path: Path) -> None:
    path = tmp_path / "registry.bundle"
    write_bundle(desk.registry, path, desk.keyring.signer, valid=WEEK)
    anchors = desk.keyring.trust_anchors_pem
    with open_bundle(path, anchors) as bundle:
        report = desk.check(stripped, registry=bundle)
        assert report.registry.bundled_at is not None
        asked = replace(report.registry, bundled_at=None)
        assert replace(report, registry=asked) == desk.check(stripped)
        copied = desk.check(transplanted(desk, tmp_path / "copied.mp4"), registry=bundle)
        assert copied.verdict is Verdict.CONFLICT
    content = path.read_bytes()
    path.write_bytes(content[:-100])
    with pytest.raises(SealError, match="cut off"), open_bundle(path, anchors):
        pass


def test_an_export_writes_through_no_link_and_replaces_nothing(desk: Desk, tmp_path: Path) -> None:
    victim, target = tmp_path / "victim", tmp_path / "lines"
    victim.write_text("mine")
    (tmp_path / ".lines.part").symlink_to(victim)
    write_lines(desk.registry, target)
    with pytest.raises(UsageError, match="exists already"):
        write_lines(desk.registry, target)
    dangling = tmp_path / "dangling"
    dangling.symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="exists already"):
        write_lines(desk.registry, dangling)
    assert victim.read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {
        *("victim", "lines", ".lines.part", "dangling"),
    }


def test_the_log_holds_after_all_that(desk: Desk) -> None:
    assert desk.registry.check().broken is None


def test_a_recovery_says_who_made_the_clip(desk: Desk, stripped: Path) -> None:
    report = desk.check(stripped)
    stamp_id = desk.clips[0].stamp_id
    statement = Recovery(stamp_id, report.manifest, 1000, "t", facts().created_at, ("sound",))
    definition = statement.definition(mime="video/mp4", parent=True)
    (record,) = [
        one["data"]
        for one in definition["assertions"]
        if one["label"] == "org.provenance-stamp.generation"
    ]
    assert record["model"] == {"name": "ExampleVideoModel", "version": "3.2.1"}
