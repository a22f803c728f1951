"""Sign a file and read it back, through the real library, in every container."""

import errno
import os
import shutil
from pathlib import Path

import av
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from provenance.errors import (
    OutputError,
    SigningError,
    UnreadableFileError,
    UsageError,
)
from provenance.manifest import (
    LocalSigner,
    Trust,
    attach,
    find_sidecar,
    read_manifest,
    sidecar_path,
)
from provenance.manifest import builder as builder_module
from provenance.manifest.certificates import PrivateKey, issue_signer
from provenance.manifest.containers import Patch
from tests.clips import Spec, make_clip
from tests.signing import STAMP, Studio, facts, flip, picture_byte, sign

CONTAINERS = {
    "mp4": Spec(frames=12, audio=("eng",)),
    "m4v": Spec(frames=12),
    "mov": Spec(frames=12),
    "avi": Spec(frames=12, codec="mpeg4"),
    "mkv": Spec(frames=12),
    "webm": Spec(frames=6, codec="libvpx-vp9"),
}
EMBEDDED = ("mp4", "m4v", "mov", "avi")


@pytest.fixture(scope="module")
def studio() -> Studio:
    return Studio()


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("clips")
    return {
        suffix: make_clip(folder / f"plain.{suffix}", spec) for suffix, spec in CONTAINERS.items()
    }


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_a_signed_clip_reads_back_as_trusted_with_everything_it_states(
    studio: Studio, clips: dict[str, Path], tmp_path: Path, suffix: str
) -> None:
    signed = sign(studio, clips[suffix], tmp_path / f"clip.{suffix}")
    report = read_manifest(signed, studio.trust)
    assert (report.status, report.failures, report.reason) == ("trusted", (), None)
    assert report.source == ("embedded" if suffix in EMBEDDED else "sidecar")
    assert report.signer == "Example Studio"
    assert report.signed_at == facts().created_at
    assert report.provider == "Example Studio"
    assert (report.model_name, report.model_version) == ("ExampleVideoModel", "3.2.1")
    assert report.prompt_hash == facts().prompt_hash
    assert report.soft_binding is not None
    assert report.soft_binding.stamp_id == STAMP
    assert report.watermark_key_id == "w1"
    assert report.ingredients == ()


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_one_changed_bit_of_the_picture_makes_the_manifest_invalid(
    studio: Studio, clips: dict[str, Path], tmp_path: Path, suffix: str
) -> None:
    signed = sign(studio, clips[suffix], tmp_path / f"clip.{suffix}")
    flip(signed, signed, picture_byte(signed))
    report = read_manifest(signed, studio.trust)
    assert report.status == "invalid"
    assert any(code.endswith(".mismatch") for code in report.failures)
    assert report.model_name == "ExampleVideoModel", "its claims are still shown, as leads"


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_a_signed_clip_still_plays_and_its_frames_are_untouched(
    studio: Studio, clips: dict[str, Path], tmp_path: Path, suffix: str
) -> None:
    signed = sign(studio, clips[suffix], tmp_path / f"clip.{suffix}")
    assert packets(signed) == packets(clips[suffix])


def packets(path: Path) -> list[tuple[int | None, bytes]]:
    with av.open(str(path)) as container:
        return [(packet.pts, bytes(packet)) for packet in container.demux(video=0)]


def test_the_index_stays_in_front_of_the_picture_data(studio: Studio, tmp_path: Path) -> None:
    plain = make_clip(tmp_path / "plain.mp4", Spec(muxer={"movflags": "faststart"}))
    content = sign(studio, plain, tmp_path / "clip.mp4").read_bytes()
    assert content.find(b"moov") < content.find(b"mdat")


def test_the_same_signer_is_only_valid_to_somebody_who_does_not_know_it(
    studio: Studio, clips: dict[str, Path], tmp_path: Path
) -> None:
    signed = sign(studio, clips["mp4"], tmp_path / "clip.mp4")
    for trust in (Trust(), Studio("Somebody Else").trust):
        report = read_manifest(signed, trust)
        assert report.status == "valid"
        assert report.failures == ("signingCredential.untrusted",)


def test_another_studio_of_the_same_name_is_not_trusted(
    studio: Studio, clips: dict[str, Path], tmp_path: Path
) -> None:
    signed = sign(Studio(studio.name), clips["mp4"], tmp_path / "clip.mp4")
    assert read_manifest(signed, studio.trust).status == "valid"


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_an_unsigned_file_has_no_manifest(
    studio: Studio, clips: dict[str, Path], suffix: str
) -> None:
    report = read_manifest(clips[suffix], studio.trust)
    assert (report.status, report.source) == ("absent", None)


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP521R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=["es384", "es512", "ed25519", "ps256"],
)
def test_every_kind_of_signing_key_gives_a_trusted_file(
    studio: Studio, clips: dict[str, Path], tmp_path: Path, key: PrivateKey
) -> None:
    leaf = issue_signer(studio.name, studio.root, key=key)
    signer = LocalSigner(leaf.key_pem, leaf.certificate_pem)
    signed = sign(studio, clips["mp4"], tmp_path / "clip.mp4", signer=signer)
    assert read_manifest(signed, studio.trust).status == "trusted"


def test_a_large_plain_file_is_hashed_in_chunks_and_changes_are_still_found(
    studio: Studio, clips: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builder_module, "CHUNKED_ABOVE", 1000)
    signed = sign(studio, clips["mp4"], tmp_path / "clip.mp4")
    assert b"fixedBlockSize" in signed.read_bytes()
    assert packets(signed) == packets(clips["mp4"])
    assert read_manifest(signed, studio.trust).status == "trusted"
    flip(signed, signed, picture_byte(signed))
    assert read_manifest(signed, studio.trust).status == "invalid"


def test_a_fragmented_file_is_hashed_whole_and_signed(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builder_module, "CHUNKED_ABOVE", 1000)
    plain = make_clip(tmp_path / "plain.mp4", Spec(muxer={"movflags": "frag_keyframe+empty_moov"}))
    signed = sign(studio, plain, tmp_path / "clip.mp4")
    assert read_manifest(signed, studio.trust).status == "trusted"


def test_chunked_hashing_that_goes_wrong_falls_back_to_the_plain_hash(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builder_module, "CHUNKED_ABOVE", 1000)
    monkeypatch.setattr(builder_module, "chunkable", lambda path: Patch())
    plain = make_clip(tmp_path / "plain.mp4", Spec(muxer={"movflags": "frag_keyframe+empty_moov"}))
    signed = sign(studio, plain, tmp_path / "clip.mp4")
    assert read_manifest(signed, studio.trust).status == "trusted"


def test_a_name_that_lies_about_the_container_hides_nothing(
    studio: Studio, clips: dict[str, Path], tmp_path: Path
) -> None:
    signed = sign(studio, clips["mp4"], tmp_path / "clip.mp4")
    assert read_manifest(signed.rename(tmp_path / "clip.jpg"), studio.trust).status == "trusted"


def test_a_sidecar_that_belongs_to_another_file_is_invalid(
    studio: Studio, clips: dict[str, Path], tmp_path: Path
) -> None:
    signed = sign(studio, clips["mkv"], tmp_path / "clip.mkv")
    other = make_clip(tmp_path / "other.mkv", Spec(frames=8))
    report = read_manifest(other, studio.trust, sidecar=sidecar_path(signed))
    assert (report.status, report.source) == ("invalid", "sidecar")


def test_a_sidecar_under_c2patools_name_is_found_too(
    studio: Studio, clips: dict[str, Path], tmp_path: Path
) -> None:
    signed = sign(studio, clips["mkv"], tmp_path / "clip.mkv")
    sidecar_path(signed).rename(tmp_path / "clip.c2pa")
    assert find_sidecar(signed) == tmp_path / "clip.c2pa"
    assert read_manifest(signed, studio.trust).status == "trusted"


def test_a_damaged_sidecar_is_invalid_and_a_missing_one_is_an_error(
    studio: Studio, clips: dict[str, Path], tmp_path: Path
) -> None:
    signed = sign(studio, clips["mkv"], tmp_path / "clip.mkv")
    store = sidecar_path(signed).read_bytes()
    for damaged in (b"", b"x", store[: len(store) // 2], b"\0" * 5000):
        sidecar_path(signed).write_bytes(damaged)
        report = read_manifest(signed, studio.trust)
        assert (report.status, report.source) == ("invalid", "sidecar")
        assert report.reason is not None
    with pytest.raises(UnreadableFileError, match="gone"):
        read_manifest(signed, studio.trust, sidecar=tmp_path / "gone.c2pa")


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 0.9])
def test_a_truncated_file_is_never_trusted_and_never_a_crash(
    studio: Studio, clips: dict[str, Path], tmp_path: Path, share: float
) -> None:
    signed = sign(studio, clips["mp4"], tmp_path / "clip.mp4")
    content = signed.read_bytes()
    signed.write_bytes(content[: int(len(content) * share)])
    report = read_manifest(signed, studio.trust)
    assert report.status in ("invalid", "not_checked", "absent")


def test_a_manifest_damaged_in_its_structure_is_present_and_invalid(
    studio: Studio, clips: dict[str, Path], tmp_path: Path
) -> None:
    signed = sign(studio, clips["mp4"], tmp_path / "clip.mp4")
    content = bytearray(signed.read_bytes())
    at = content.find(b"jumb") + 4
    content[at : at + 36] = bytes(36)
    signed.write_bytes(content)
    report = read_manifest(signed, studio.trust)
    assert (report.status, report.failures) == ("invalid", ("general.error",))
    assert report.reason is not None


def test_a_container_that_can_not_be_read_is_not_checked(studio: Studio, tmp_path: Path) -> None:
    nested = b"\x00\x00\x00\x08moov"
    for _ in range(500):
        nested = (len(nested) + 8).to_bytes(4, "big") + b"moov" + nested
    hostile = tmp_path / "hostile.mp4"
    hostile.write_bytes(b"\x00\x00\x00\x10ftypisom\x00\x00\x02\x00" + nested)
    report = read_manifest(hostile, studio.trust)
    assert report.status == "not_checked"
    assert report.reason is not None


def test_a_missing_file_is_an_error(studio: Studio, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="gone"):
        read_manifest(tmp_path / "gone.mp4", studio.trust)


class Broken:
    """A signer that fails in a chosen way, with a fitting certificate."""

    def __init__(self, studio: Studio, failure: Exception | bytes) -> None:
        self.alg, self.chain_pem = "es256", studio.leaf.certificate_pem
        self._failure = failure

    def sign(self, data: bytes) -> bytes:
        if isinstance(self._failure, Exception):
            raise self._failure
        return self._failure


def test_a_signers_own_error_reaches_the_caller_and_leaves_no_file(
    studio: Studio, clips: dict[str, Path], tmp_path: Path
) -> None:
    target = tmp_path / "clip.mp4"
    own = SigningError("The key service is closed; try again tomorrow.")
    with pytest.raises(SigningError) as caught:
        sign(studio, clips["mp4"], target, signer=Broken(studio, own))
    assert caught.value is own
    assert not target.exists()


def test_any_other_exception_of_a_signer_is_wrapped_without_its_text(
    studio: Studio, clips: dict[str, Path], tmp_path: Path
) -> None:
    broken = Broken(studio, RuntimeError("token=hunter2"))
    with pytest.raises(SigningError, match="RuntimeError") as caught:
        sign(studio, clips["mp4"], tmp_path / "clip.mp4", signer=broken)
    assert "hunter2" not in str(caught.value)
    assert isinstance(caught.value.__cause__, RuntimeError)


@pytest.mark.parametrize("signature", [b"", b"x" * 64, b"short"])
def test_a_signature_that_does_not_hold_is_refused_before_the_file_is_kept(
    studio: Studio, clips: dict[str, Path], tmp_path: Path, signature: bytes
) -> None:
    target = tmp_path / "clip.mp4"
    with pytest.raises(SigningError):
        sign(studio, clips["mp4"], target, signer=Broken(studio, signature))
    assert not target.exists()


def test_an_algorithm_nobody_knows_is_refused(
    studio: Studio, clips: dict[str, Path], tmp_path: Path
) -> None:
    broken = Broken(studio, b"")
    broken.alg = "rot13"
    with pytest.raises(SigningError, match="rot13"):
        sign(studio, clips["mp4"], tmp_path / "clip.mp4", signer=broken)


def test_a_file_is_never_signed_in_place(
    studio: Studio, clips: dict[str, Path], tmp_path: Path
) -> None:
    clip = tmp_path / "clip.mp4"
    shutil.copy(clips["mp4"], clip)
    before = clip.read_bytes()
    with pytest.raises(UsageError, match="in place"):
        attach(clip, clip, facts(), studio.signer, trust=studio.trust)
    assert clip.read_bytes() == before


def test_a_target_in_a_folder_that_is_missing_is_an_output_error(
    studio: Studio, clips: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(OutputError, match=os.strerror(errno.ENOENT)):
        sign(studio, clips["mp4"], tmp_path / "gone" / "clip.mp4")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_named_as_such(
    studio: Studio, clips: dict[str, Path], tmp_path: Path
) -> None:
    target = tmp_path / "clip.mp4"
    target.symlink_to("/dev/full")
    with pytest.raises(OutputError, match=os.strerror(errno.ENOSPC)):
        sign(studio, clips["mp4"], target)
