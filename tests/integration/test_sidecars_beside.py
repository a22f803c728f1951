"""Sidecars that do not belong: beside an embedded manifest, another clip's, an older version's."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from provenance import Keyring, StampResult, verify
from provenance.manifest import read_manifest, sidecar_path
from provenance.results import Verdict, VerificationReport
from tests.clips import make_clip
from tests.conftest import CLIP, stamp_clip
from tests.integration.test_stamp_and_verify import remux
from tests.signing import Studio, flip, picture_byte, sign


@pytest.fixture(scope="module")
def loose(clip: Path, keyring: Keyring, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stamped mkv, whose manifest lies beside it."""
    target = tmp_path_factory.mktemp("loose") / "loose.mkv"
    stamp_clip(clip, target, keyring)
    return target


def check(path: Path, keyring: Keyring) -> VerificationReport:
    trust = keyring.trust
    return verify(path, watermark_keys=keyring.watermark_keys, trust=trust)


@pytest.mark.parametrize("beside", ["another clip's", "a stranger's", "garbage", "an older one"])
def test_an_embedded_manifest_is_read_whatever_lies_beside_it(
    beside: str, stamped: StampResult, loose: Path, keyring: Keyring, tmp_path: Path
) -> None:
    path = tmp_path / "clip.mp4"
    shutil.copy(stamped.output_path, path)
    store = sidecar_path(path)
    if beside == "another clip's":
        shutil.copy(sidecar_path(loose), store)
    elif beside == "garbage":
        store.write_bytes(b"\0" * 1000)
    else:
        maker = Studio("A Stranger" if beside == "a stranger's" else "Example Studio")
        made = sign(maker, make_clip(tmp_path / "plain.mkv", CLIP), tmp_path / "other.mkv")
        shutil.copy(sidecar_path(made), store)
    report = check(path, keyring)
    assert (report.verdict, report.manifest.source) == (Verdict.CONFIRMED, "embedded")


def test_a_sidecar_heals_no_file_whose_embedded_manifest_is_broken(
    stamped: StampResult, loose: Path, keyring: Keyring, tmp_path: Path
) -> None:
    path = Path(stamped.output_path)
    changed = flip(path, tmp_path / "changed.mp4", picture_byte(path))
    shutil.copy(sidecar_path(loose), sidecar_path(changed))
    report = check(changed, keyring)
    assert report.verdict is Verdict.CREDENTIAL_INVALID
    assert report.manifest.source == "embedded"


def test_another_stamped_clips_sidecar_confirms_nothing(
    stamped: StampResult, loose: Path, keyring: Keyring, tmp_path: Path
) -> None:
    """Beside a copy that lost its manifest, and beside a clip of another stamp."""
    copy = remux(Path(stamped.output_path), tmp_path / "copy.mp4")
    shutil.copy(sidecar_path(loose), sidecar_path(copy))
    report = check(copy, keyring)
    assert report.manifest.status == "invalid"
    assert report.verdict in (Verdict.CREDENTIAL_INVALID, Verdict.CONFLICT)


def test_a_sidecar_of_an_earlier_version_says_that_the_file_changed(
    loose: Path, clip: Path, keyring: Keyring, tmp_path: Path
) -> None:
    """A clip stamped anew whose sidecar was not copied along."""
    path = tmp_path / "loose.mkv"
    stamp_clip(clip, path, keyring)
    shutil.copy(sidecar_path(loose), sidecar_path(path))
    report = check(path, keyring)
    assert report.manifest.status == "invalid"
    assert report.verdict in (Verdict.CREDENTIAL_INVALID, Verdict.CONFLICT)


def test_of_two_sidecars_the_one_with_the_whole_name_counts(
    loose: Path, keyring: Keyring, tmp_path: Path
) -> None:
    path = tmp_path / "loose.mkv"
    shutil.copy(loose, path)
    shutil.copy(sidecar_path(loose), sidecar_path(path))
    path.with_suffix(".c2pa").write_bytes(b"\0" * 1000)
    assert check(path, keyring).verdict is Verdict.CONFIRMED
    shutil.move(sidecar_path(path), path.with_suffix(".c2pa"))
    sidecar_path(path).write_bytes(b"\0" * 1000)
    report = check(path, keyring)
    assert report.verdict is Verdict.CREDENTIAL_INVALID
    assert read_manifest(path, keyring.trust).source == "sidecar"
