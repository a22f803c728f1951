"""A verdict rests on who vouches for the very file: its signer, the registry, its ancestors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from provenance import Keyring, Trust
from provenance.documents.lists import read_revocations, write_revocations
from provenance.manifest import attach
from provenance.registry import Registry, now
from provenance.results import Verdict
from tests.conftest import stamp_clip
from tests.desk import Desk, opened
from tests.integration.test_stamp_and_verify import remux
from tests.signing import Studio, facts


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> Iterator[Desk]:
    with opened(tmp_path_factory.mktemp("desk"), keyring) as desk:
        yield desk


def signed_anew(desk: Desk, target: Path, signer: Any = None, **changes: Any) -> Path:
    """The first clip under a fresh manifest that names its stamp: whoever holds a key can do it."""
    plain = target.with_name(f"plain-{target.name}")
    remux(desk.clips[0].output_path, plain)
    record = desk.registry.find(desk.clips[0].stamp_id)
    assert record is not None
    assert record.prompt_hash is not None
    claims = facts(
        stamp_id=record.stamp_id,
        watermark_key_id=record.key_id,
        model_name=record.model_name,
        model_version=record.model_version,
        prompt_hash=record.prompt_hash,
    )
    signer = desk.keyring.signer if signer is None else signer
    attach(plain, target, replace(claims, **changes), signer, trust=desk.trust)
    return target


@contextmanager
def withdrawn(desk: Desk, kind: Any, target: str) -> Iterator[None]:
    desk.registry.withdrawals.withdraw(kind, target, "key was stolen")
    try:
        yield
    finally:
        desk.registry.withdrawals.reinstate(kind, target, "over")


def test_a_confirmed_clip_names_the_registrys_own_manifest(desk: Desk) -> None:
    report = desk.check(desk.clips[0].output_path)
    assert report.registry.knows in ("file", "manifest")
    assert "The registry has these very bytes." in report.summary


def test_our_own_key_over_other_bytes_is_a_conflict_where_a_registry_knows_better(
    desk: Desk, tmp_path: Path
) -> None:
    """A stolen key that nobody has withdrawn yet confirms nothing."""
    report = desk.check(signed_anew(desk, tmp_path / "forged.mp4"))
    assert report.verdict is Verdict.CONFLICT
    assert report.registry.knows == "other"
    assert "not the registered one" in report.summary


def test_a_withdrawn_signing_certificate_withdraws_what_it_signs(
    desk: Desk, tmp_path: Path
) -> None:
    """With the registry, and with a signed list alone; also for files that nobody registered."""
    forged = signed_anew(desk, tmp_path / "forged.mp4", model_name="Forged")
    signer_id = desk.check(forged).manifest.signer_id
    assert signer_id is not None
    listed = tmp_path / "listed.json"
    with withdrawn(desk, "key", signer_id):
        assert desk.check(forged).verdict is Verdict.REVOKED
        write_revocations(desk.registry, listed, desk.keyring.signer, valid=timedelta(days=1))
    lists = [read_revocations(listed, desk.keyring.issuers_pem)]
    report = desk.check(forged, registry=None, revocations=lists)
    assert report.verdict is Verdict.REVOKED
    assert report.registry.listed_at is not None


def test_a_partner_with_a_trusted_root_does_not_confirm_our_stamp(
    desk: Desk, tmp_path: Path
) -> None:
    """With the record it is a conflict; without one, the words say who speaks about what."""
    partner = Studio("Partner Org")
    root = desk.trust.anchors_pem + partner.root.certificate_pem
    trust = Trust(root, issuers_pem=desk.trust.issuers_pem)
    claimed = signed_anew(
        desk, tmp_path / "claimed.mp4", partner.signer, model_name="OtherModel", model_version="9"
    )
    known = desk.check(claimed, trust=trust)
    assert known.verdict is Verdict.CONFLICT
    assert known.registry.differs == ("signer", "model name", "model version")
    alone = desk.check(claimed, trust=trust, registry=None)
    assert alone.verdict is Verdict.WATERMARK_UNKNOWN
    assert "Partner Org" in alone.summary
    assert "speaks about a stamp of somebody else's" in alone.summary


def test_a_stranger_who_claims_our_stamp_contradicts_the_record(desk: Desk, tmp_path: Path) -> None:
    """Also where nobody trusts the signer; its claims are not repeated."""
    claimed = signed_anew(desk, tmp_path / "claimed.mp4", Studio("Sly Ltd").signer)
    report = desk.check(claimed)
    assert report.verdict is Verdict.CONFLICT
    assert "Sly" not in report.summary


def test_a_registry_without_the_stamp_is_named_in_the_confirmation(
    desk: Desk, tmp_path: Path
) -> None:
    clip = desk.clips[0].output_path
    with Registry(str(tmp_path / "wrong.db"), create=True) as wrong:
        report = desk.check(clip, registry=wrong)
        assert report.verdict is Verdict.CONFIRMED
        assert "has no such stamp, so whether it was withdrawn is not known" in report.summary
        required = desk.check(clip, registry=wrong, require_registry=True)
        assert required.verdict is Verdict.WATERMARK_UNKNOWN
    unasked = desk.check(clip, registry=None)
    assert "No registry was asked, so whether it was withdrawn is not known." in unasked.summary


def test_a_withdrawal_reaches_the_clips_that_were_made_from_it(desk: Desk, tmp_path: Path) -> None:
    """By the registry and by a signed list, and the stamp it came through is named."""
    made = stamp_clip(
        Path(desk.clips[0].output_path),
        tmp_path / "made.mp4",
        desk.keyring,
        registry=desk.registry,
        restamp=True,
        again="another test",
    )
    assert desk.check(made.output_path).verdict is Verdict.CONFIRMED
    listed = tmp_path / "listed.json"
    for kind, target in (("stamp", desk.clips[0].stamp_id.hex), ("consent", "consent-0")):
        with withdrawn(desk, kind, target):
            report = desk.check(made.output_path)
            write_revocations(desk.registry, listed, desk.keyring.signer, valid=timedelta(days=1))
        assert report.verdict is Verdict.REVOKED
        assert report.registry.through == desk.clips[0].stamp_id
        lists = [read_revocations(listed, desk.keyring.issuers_pem)]
        listed.unlink()
        offline = desk.check(made.output_path, registry=None, revocations=lists)
        assert offline.verdict is Verdict.REVOKED


def test_bytes_that_the_registry_knows_need_no_manifest_beside_them(
    desk: Desk, tmp_path: Path
) -> None:
    made = stamp_clip(desk.sources[0], tmp_path / "clip.mkv", desk.keyring, registry=desk.registry)
    assert made.sidecar is not None
    Path(made.sidecar).unlink()
    report = desk.check(made.output_path)
    assert report.verdict is Verdict.WATERMARK_MATCH
    assert "It is, byte for byte, what was stamped." in report.summary


def test_a_copy_of_a_derivative_without_its_manifest_is_told_through_the_record(
    desk: Desk, tmp_path: Path
) -> None:
    made = stamp_clip(
        Path(desk.clips[0].output_path),
        tmp_path / "made.mp4",
        desk.keyring,
        registry=desk.registry,
        restamp=True,
        again="another test",
    )
    bare = tmp_path / "bare.mp4"
    remux(made.output_path, bare)
    with withdrawn(desk, "stamp", desk.clips[0].stamp_id.hex):
        report = desk.check(bare)
    assert report.verdict is Verdict.REVOKED
    assert report.registry.through == desk.clips[0].stamp_id


def test_what_a_withdrawn_key_signed_before_it_was_stolen_still_counts(
    desk: Desk, tmp_path: Path
) -> None:
    """Proven by the registry's own row; what nobody proves to be older is withdrawn."""
    forged = signed_anew(desk, tmp_path / "forged.mp4")
    signer_id = desk.check(forged).manifest.signer_id
    assert signer_id is not None
    desk.registry.withdrawals.withdraw("key", signer_id, "stolen", good_before=now())
    try:
        assert desk.check(desk.clips[0].output_path).verdict is Verdict.CONFIRMED
        assert desk.check(forged).verdict is Verdict.REVOKED
    finally:
        desk.registry.withdrawals.reinstate("key", signer_id, "over")
