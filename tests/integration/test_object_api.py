"""Stamper, Verifier, Claims: settings said once, from threads, stopped from outside; frames in."""

from __future__ import annotations

import asyncio
import io
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import provenance
from provenance import Cancel, Claims, Keyring, Policy, Registry, Stamper, Verdict, Verifier
from provenance.errors import CancelledError, UnreadableFileError, UsageError
from provenance.video import EncoderOptions, read_luma
from tests.clips import picture
from tests.conftest import entries

FAST = EncoderOptions(preset="ultrafast")


@pytest.fixture
def claims(keyring: Keyring) -> Claims:
    return Claims.of(keyring, model_name="M", model_version="1", prompt="a walk through moss")


@pytest.fixture(scope="module")
def verifier(keyring: Keyring) -> Iterator[Verifier]:
    with Verifier.of(keyring, workers=2) as made:
        yield made


def frames(count: int, size: tuple[int, int] = (320, 240), dtype: Any = np.uint8) -> Iterator[Any]:
    """RGB frames of a moving texture."""
    for index in range(count):
        grey = picture(*size, index)
        rgb = np.stack([grey, 255 - grey // 2, grey // 2 + 40], 2).astype(np.uint8)
        if dtype == np.uint16:
            yield rgb.astype(np.uint16) * 257
        elif dtype == np.float32:
            yield (rgb / np.float32(255)).astype(np.float32)
        else:
            yield rgb


def test_settings_are_said_once_and_text_paths_work(
    keyring: Keyring, claims: Claims, clip: Path, tmp_path: Path, verifier: Verifier
) -> None:
    stamper = Stamper(keyring, encoder=FAST, profile="strong")
    results = [stamper.stamp(str(clip), str(tmp_path / f"{n}.mp4"), claims) for n in range(2)]
    assert len({result.stamp_id for result in results}) == 2
    assert {result.profile for result in results} == {"strong"}
    report = verifier.verify(str(tmp_path / "0.mp4"))
    assert report.verdict == Verdict.CONFIRMED
    assert report.manifest.model_name == "M"
    assert verifier.policy.accepts(report)
    assert not Policy(frozenset((Verdict.REVOKED,))).accepts(report)


def test_bytes_and_open_files_are_taken_where_paths_are(
    keyring: Keyring, claims: Claims, clip: Path, tmp_path: Path, verifier: Verifier
) -> None:
    stamper = Stamper(keyring, encoder=FAST)
    stamper.stamp(clip.read_bytes(), tmp_path / "bytes.mp4", claims)
    with clip.open("rb") as handle:
        stamper.stamp(handle, tmp_path / "file.mp4", claims)
    stamped = (tmp_path / "file.mp4").read_bytes()
    for given in (stamped, bytearray(stamped), io.BytesIO(stamped)):
        report = verifier.verify(given)
        assert (report.verdict, report.file.path) == (Verdict.CONFIRMED, "bytes")
    assert provenance.verify(stamped).watermark.status == "not_checked"


@pytest.mark.parametrize("given", [None, 7, np.zeros((4, 4)), "", "a\0b", io.StringIO("x")])
def test_what_no_clip_can_be_read_from_is_a_usage_error(
    keyring: Keyring, claims: Claims, tmp_path: Path, verifier: Verifier, given: Any
) -> None:
    with pytest.raises(UsageError):
        Stamper(keyring).stamp(given, tmp_path / "out.mp4", claims)
    with pytest.raises(UsageError):
        verifier.verify(given)
    target: Any = given if given is not None else 3
    with pytest.raises(UsageError):
        Stamper(keyring).stamp(b"x", target, claims)
    assert entries(tmp_path) == []


def test_an_argument_that_nothing_takes_is_named(keyring: Keyring, clip: Path) -> None:
    with pytest.raises(TypeError, match="profil"):
        provenance.stamp(
            clip,
            "out.mp4",
            keyring=keyring,
            model_name="M",
            model_version="1",
            prompt_hash=provenance.hash_prompt("x", keyring.prompt_key),
            profil="strong",  # type: ignore[call-arg]  # a slip of the pen is what is tested
        )


def test_cancelling_from_another_thread_publishes_nothing(
    keyring: Keyring, claims: Claims, clip: Path, tmp_path: Path
) -> None:
    cancel, stages = Cancel(), []

    def progress(stage: str, done: int, _total: int | None) -> None:
        stages.append(stage)
        if stage == "mark" and done == 3:
            threading.Thread(target=cancel.set).start()
            time.sleep(0.2)

    with Registry(str(tmp_path / "registry.db"), create=True) as registry:
        stamper = Stamper(keyring, registry=registry, encoder=FAST)
        with pytest.raises(CancelledError, match="nothing was published"):
            stamper.stamp(clip, tmp_path / "out.mp4", claims, progress=progress, cancel=cancel)
        assert stages[-1] == "mark"
        assert not (tmp_path / "out.mp4").exists()
        assert list(registry.search()) == []


def test_a_cancelled_task_stops_the_stamping_and_its_clip_is_never_published(
    keyring: Keyring, claims: Claims, clip: Path, tmp_path: Path
) -> None:
    async def run() -> None:
        cancel, begun = Cancel(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def progress(stage: str, _done: int, _total: int | None) -> None:
            if stage == "mark":
                loop.call_soon_threadsafe(begun.set)
                time.sleep(0.02)

        work = asyncio.to_thread(
            Stamper(keyring, encoder=FAST).stamp,
            clip,
            tmp_path / "out.mp4",
            claims,
            progress=progress,
            cancel=cancel,
        )
        task = asyncio.ensure_future(work)
        await begun.wait()
        cancel.set()
        with pytest.raises(CancelledError):
            await task

    asyncio.run(run())
    assert entries(tmp_path) == []


def test_threads_verify_side_by_side_and_many_files_come_in_order(
    keyring: Keyring, claims: Claims, clip: Path, tmp_path: Path, verifier: Verifier
) -> None:
    Stamper(keyring, encoder=FAST).stamp(clip, tmp_path / "a.mp4", claims)
    (tmp_path / "b.mp4").write_bytes(b"no video")
    names = [tmp_path / "a.mp4", tmp_path / "b.mp4", clip, tmp_path / "a.mp4"]
    reports = list(verifier.verify_many(names))
    assert [report.file.path for report in reports] == [str(name) for name in names]
    assert [report.verdict.value for report in reports] == [
        "CONFIRMED",
        "NOT_CHECKED",
        "NO_MARK_FOUND",
        "CONFIRMED",
    ]
    assert len({examiner._worker.pid for examiner in verifier._examiners if examiner._worker}) == 2


def test_a_closed_verifier_gives_up_at_once(keyring: Keyring, clip: Path) -> None:
    made = Verifier.of(keyring, workers=1)
    made.close()
    with pytest.raises(CancelledError):
        made.verify(clip)
    made.close()  # as a `with` block does after its own


@pytest.mark.parametrize(
    ("dtype", "suffix"),
    [(np.uint8, "mp4"), (np.uint16, "mov"), (np.float32, "mkv"), (np.uint8, "webm")],
)
def test_frames_are_stamped_as_they_come(
    keyring: Keyring, claims: Claims, tmp_path: Path, *, dtype: Any, suffix: str
) -> None:
    options = EncoderOptions(preset="8") if suffix == "webm" else FAST
    stamper = Stamper(keyring, encoder=options)
    tone = np.sin(np.arange(48_000) / 20).astype(np.float32) * 0.3
    target = tmp_path / f"made.{suffix}"
    with stamper.open(target, width=320, height=240, fps=24, claims=claims) as clip:
        clip.sound(np.stack([tone, tone], 1), 48_000)
        clip.write_all(frames(24, dtype=dtype))
        assert clip.result is None
    assert clip.result is not None
    assert (clip.result.input_path, clip.result.frames) == ("frames", 24)
    found = provenance.verify(target, watermark_keys=keyring.watermark_keys)
    assert found.watermark.stamp_id == clip.result.stamp_id
    with av.open(str(target)) as media:
        assert media.streams.video[0].average_rate == 24
        assert len(media.streams.audio) == 1
        depth = 10 if dtype == np.uint16 else 8
        first = next(iter(read_luma(target)))
        assert first.depth == depth
    assert [name for name in entries(tmp_path) if name.startswith(".")] == []


def test_an_exception_in_the_block_publishes_nothing(
    keyring: Keyring, claims: Claims, tmp_path: Path
) -> None:
    stamper = Stamper(keyring)
    clip = stamper.open(tmp_path / "m.mp4", width=320, height=240, fps=24, claims=claims)

    def fail() -> None:
        with clip:
            clip.write_all(frames(3))
            raise KeyError("the generator failed")

    with pytest.raises(KeyError):
        fail()
    assert entries(tmp_path) == []
    with pytest.raises(UsageError, match="inside the with block"):
        clip.write(next(frames(1)))


def test_no_frame_wrong_frames_and_late_sound_are_usage_errors(
    keyring: Keyring, claims: Claims, tmp_path: Path
) -> None:
    stamper = Stamper(keyring)

    def opened() -> Any:
        return stamper.open(tmp_path / "m.mp4", width=320, height=240, fps=24, claims=claims)

    with pytest.raises(UsageError, match="nothing to stamp"), opened():
        pass
    wrong = [
        np.zeros((240, 320), np.uint8),
        np.zeros((240, 321, 3), np.uint8),
        np.zeros((240, 320, 3), np.int32),
        np.full((240, 320, 3), 2.0),
        np.full((240, 320, 3), np.nan),
        object(),
    ]
    for frame in wrong:
        with pytest.raises(UsageError), opened() as clip:
            clip.write(frame)
    with opened() as clip:
        clip.write_all(frames(24))
        with pytest.raises(UsageError, match="before the first frame"):
            clip.sound(np.zeros(100, np.float32), 48_000)
    (tmp_path / "m.mp4").unlink()
    # Also what no type checker would let through.
    refused: list[tuple[tuple[int, int], Any]] = [
        ((321, 240), 24),
        ((320, 240), 0),
        ((320, 240), "x"),
    ]
    for size, fps in refused:
        with (
            pytest.raises(UsageError),
            stamper.open(
                tmp_path / "m.mp4",
                width=size[0],
                height=size[1],
                fps=fps,
                claims=claims,
            ) as clip,
        ):
            clip.write(np.zeros((size[1], size[0], 3), np.uint8))
    assert entries(tmp_path) == []


class OnlyDLPack:
    """A tensor that NumPy can see by DLPack alone."""

    def __init__(self, array: Any) -> None:
        self._array = array

    def __dlpack__(self, **options: Any) -> Any:
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self._array.__dlpack_device__()


def test_tensors_come_in_by_dlpack_and_sound_from_a_file(
    keyring: Keyring, claims: Claims, clip: Path, tmp_path: Path
) -> None:
    with av.open(str(tmp_path / "tone.m4a"), "w", format="mp4") as out:
        track: Any = out.add_stream("aac", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 48_000), np.float32), "fltp", "mono")
        frame.sample_rate, frame.pts = 48_000, 0
        out.mux(track.encode(frame))
        out.mux(track.encode())
    stamper = Stamper(keyring, encoder=FAST)
    target = tmp_path / "m.mp4"
    with stamper.open(
        target, width=320, height=240, fps=Fraction(30000, 1001), claims=claims
    ) as made:
        made.sound_file(tmp_path / "tone.m4a")
        made.write_all(OnlyDLPack(one) for one in frames(24))
    with av.open(str(target)) as media, av.open(str(tmp_path / "tone.m4a")) as source:
        assert media.streams.video[0].average_rate == Fraction(30000, 1001)
        sound = [bytes(packet) for packet in media.demux(audio=0)]
        assert sound == [bytes(packet) for packet in source.demux(audio=0)]


def test_a_missing_file_is_an_input_error(keyring: Keyring, claims: Claims, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError):
        Stamper(keyring).stamp(tmp_path / "none.mp4", tmp_path / "out.mp4", claims)
