"""Bad input, for real: one clear sentence, the contract's exit code, nothing written."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from click.testing import CliRunner, Result

from provenance import Keyring, init_keyring
from provenance.cli import main
from provenance.system.workspace import PREFIX
from provenance.video import probe
from tests.clips import Spec, grey_clip, make_clip
from tests.conftest import MODEL, entries, environment

PROMPT = ("--prompt", "a walk through moss")


def invoke(*args: str | Path) -> Result:
    result = CliRunner().invoke(main, [str(a) for a in args])
    assert "Traceback" not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def sentence(result: Result) -> str:
    """The one sentence on standard error, with nothing on standard output."""
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    assert line.endswith((".", ")."))
    return line


def stamp(source: Path, target: Path, keyring: Keyring, *flags: str | Path) -> Result:
    return invoke("stamp", source, target, *MODEL, *PROMPT, "--keys", keyring.folder, *flags)


def no_track(path: Path) -> Path:
    whole = make_clip(path.with_name("whole.mkv"), Spec(subtitles="subrip"))
    with av.open(str(whole)) as media, av.open(str(path), "w", format="matroska") as out:
        source = media.streams.subtitles[0]
        made = out.add_stream_from_template(source)
        for packet in media.demux(source):
            if packet.dts is not None:
                packet.stream = made
                out.mux(packet)
    whole.unlink()
    return path


def sound(path: Path) -> Path:
    with av.open(str(path), "w", format="mp4") as out:
        stream: Any = out.add_stream("aac", rate=48000, layout="mono")
        for at in range(0, 24000, 1024):
            frame = av.AudioFrame.from_ndarray(
                np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
            )
            frame.sample_rate, frame.pts = 48000, at
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def truncated(path: Path) -> Path:
    data = make_clip(path).read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


def encrypted(path: Path) -> Path:
    key = "00112233445566778899aabbccddeeff"
    muxer = {
        "encryption_scheme": "cenc-aes-ctr",
        "encryption_key": key,
        "encryption_kid": key,
    }
    return make_clip(path, Spec(muxer=muxer))


def unknown_codec(path: Path) -> Path:
    data = make_clip(path).read_bytes()
    path.write_bytes(data.replace(b"avc1", b"zzz9").replace(b"avcC", b"zzzC"))
    return path


def empty(path: Path) -> Path:
    path.touch()
    return path


def folder(path: Path) -> Path:
    path.mkdir()
    return path


def missing(path: Path) -> Path:
    return path


def text(path: Path) -> Path:
    path.write_text("these are notes, not a film\n" * 50, encoding="utf-8")
    return path


UNREADABLE = [
    (missing, "does not exist"),
    (folder, "is a folder"),
    (empty, "is empty"),
    (text, "is not a video"),
    (truncated, "truncated"),
    (no_track, "no video track"),
    (sound, "no picture track"),
    (encrypted, "encrypted (DRM)"),
    (unknown_codec, "codec this tool does not know"),
]


@pytest.mark.parametrize(("make", "words"), UNREADABLE, ids=[m.__name__ for m, _ in UNREADABLE])
def test_what_cannot_be_examined_is_named_and_nothing_is_written(
    make: Callable[[Path], Path], words: str, keyring: Keyring, tmp_path: Path
) -> None:
    bad = make(tmp_path / "bad.mp4")
    before = entries(tmp_path)
    verified = invoke("verify", "--keys", keyring.folder, bad)
    assert verified.exit_code == 3
    assert words in sentence(verified)
    stamped = stamp(bad, tmp_path / "out.mp4", keyring)
    assert stamped.exit_code == 3
    assert words in sentence(stamped)
    assert entries(tmp_path) == before


def test_a_file_that_may_not_be_read_is_named(keyring: Keyring, tmp_path: Path) -> None:
    # Permissions do not bind root; a file that the kernel only takes writes to does.
    bad = next(Path("/sys/bus").glob("*/uevent")) if os.geteuid() == 0 else tmp_path / "bad.mp4"
    if os.geteuid() != 0:
        make_clip(bad).chmod(0)
    result = invoke("verify", "--keys", keyring.folder, bad)
    assert result.exit_code == 3
    assert "may not be read" in sentence(result)


def flat(value: int) -> Callable[[Path], Path]:
    return lambda path: grey_clip([np.full((360, 480), value, np.uint8)] * 24, path)


UNMARKABLE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "118 lines": (lambda path: make_clip(path, Spec(size=(160, 118))), "needs 120 lines"),
    "narrow": (lambda path: make_clip(path, Spec(size=(1280, 122))), "too narrow"),
    "black": (flat(16), "its texture is 0.0 grey levels where 0.5 is needed"),
    "flat": (flat(128), "its texture is 0.0 grey levels where 0.5 is needed"),
    "tiny and short": (
        lambda path: make_clip(path, Spec(frames=1, size=(120, 120))),
        "dB where 2.0 dB is needed",
    ),
}


@pytest.mark.parametrize("case", UNMARKABLE)
def test_what_cannot_hold_the_mark_is_refused_with_the_margin(
    case: str, keyring: Keyring, tmp_path: Path
) -> None:
    make, words = UNMARKABLE[case]
    source = make(tmp_path / "source.mp4")
    result = stamp(source, tmp_path / "out.mp4", keyring)
    assert result.exit_code == 3
    assert words in sentence(result)
    assert entries(tmp_path) == ["source.mp4"]


def test_a_picture_of_odd_size_comes_out_playable(keyring: Keyring, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "odd.mp4", Spec(size=(481, 363), pix_fmt="yuv444p"))
    target = tmp_path / "out.mp4"
    assert stamp(source, target, keyring).exit_code == 0
    video = probe(target).video
    assert (video.width % 2, video.height % 2) == (0, 0)
    assert invoke("verify", "--keys", keyring.folder, target).exit_code == 0


@pytest.mark.parametrize("name", ["in.mp4", "soft.mp4", "hard.mp4", "./in.mp4"])
def test_the_input_is_never_overwritten(
    name: str, clip: Path, keyring: Keyring, tmp_path: Path
) -> None:
    source = tmp_path / "in.mp4"
    shutil.copy(clip, source)
    (tmp_path / "soft.mp4").symlink_to(source)
    (tmp_path / "hard.mp4").hardlink_to(source)
    before = source.read_bytes()
    result = stamp(source, tmp_path / name, keyring, "--overwrite")
    assert result.exit_code == 2
    assert "is the input itself" in sentence(result)
    assert source.read_bytes() == before


def test_an_existing_output_is_kept_unless_overwriting_is_asked_for(
    clip: Path, keyring: Keyring, tmp_path: Path
) -> None:
    target = tmp_path / "out.mp4"
    target.write_bytes(b"precious")
    result = stamp(clip, target, keyring)
    assert (result.exit_code, target.read_bytes()) == (2, b"precious")
    assert "--overwrite" in sentence(result)
    assert stamp(clip, target, keyring, "--overwrite").exit_code == 0
    assert invoke("verify", "--keys", keyring.folder, target).exit_code == 0


def test_an_existing_sidecar_is_kept_too(clip: Path, keyring: Keyring, tmp_path: Path) -> None:
    sidecar = tmp_path / "out.mkv.c2pa"
    sidecar.write_bytes(b"precious")
    result = stamp(clip, tmp_path / "out.mkv", keyring)
    assert result.exit_code == 2
    assert "out.mkv.c2pa exists already" in sentence(result)
    assert entries(tmp_path) == ["out.mkv.c2pa"]


@pytest.mark.parametrize(
    "request_",
    [
        ("none/out.mp4", (), "does not exist; create it"),
        ("out.txt", (), "no container"),
        ("out.mp4", ("--profile", "mighty"), "faint, standard, strong"),
        ("out.mp4", ("--codec", "divx"), "choose one of"),
        ("out.webm", ("--codec", "h264"), "cannot hold h264"),
        ("out.mp4", ("--crf", "99"), "out of range"),
        ("out.mp4", ("--bitrate", "fast"), "is no bit rate"),
        ("out.mp4", ("--preset", "warp"), "is no preset"),
        ("out.mp4", ("--digital-source-type", "magic"), "is no digital source type"),
        ("out.mp4", ("--title", "a\tb"), "The title needs"),
        ("out.mp4", ("--model-name", " "), "The model name needs"),
        ("out.mp4", ("--tsa", "tsa.example"), "must start with http"),
    ],
)
def test_impossible_requests_are_refused_before_any_work(
    request_: tuple[str, tuple[str, ...], str], clip: Path, keyring: Keyring, tmp_path: Path
) -> None:
    """In the first sentence; where one request is wrong twice, the second says so too."""
    name, flags, words = request_
    result = stamp(clip, tmp_path / name, keyring, *flags)
    lines = result.stderr.splitlines()
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in lines[0]
    assert len(set(lines)) == len(lines)
    assert all(line.startswith("Error: ") for line in lines)
    assert entries(tmp_path) == []


def test_an_empty_prompt_is_refused(clip: Path, keyring: Keyring, tmp_path: Path) -> None:
    flags = (*MODEL, "--keys", keyring.folder, "--prompt", "  ")
    result = invoke("stamp", clip, tmp_path / "out.mp4", *flags)
    assert result.exit_code == 2
    assert "prompt is empty" in sentence(result)


def test_a_folder_that_may_not_be_written_to_is_named(clip: Path, keyring: Keyring) -> None:
    # Permissions do not bind root, so take a folder where the system refuses everybody.
    result = stamp(clip, Path("/sys/kernel/out.mp4"), keyring)
    assert result.exit_code == 4
    assert "/sys/kernel may not be written to" in sentence(result)


@pytest.mark.parametrize("room", ["while encoding", "while signing"])
def test_a_full_disk_is_named_and_leaves_nothing(
    room: str, clip: Path, keyring: Keyring, tmp_path: Path
) -> None:
    # A limit on file sizes stops the writing as a full disk does, at a byte of our choice.
    command = [sys.executable, "-m", "provenance", "stamp", str(clip)]
    # Strong, since a margin that is not thin leaves the strength as it is; and small, since the
    # size varies with the stamp id, here by 1 kB where the manifest has 15.
    flags = [*MODEL, *PROMPT, "--keys", str(keyring.folder), "--profile", "strong", "--crf", "28"]
    # The limit would hit the registry's file first.
    flags += ["--registry", "none"]
    limit = 30_000
    if room == "while signing":
        whole = tmp_path / "whole" / "out.mp4"
        whole.parent.mkdir()
        subprocess.run([*command, str(whole), *flags], check=True, capture_output=True)
        limit = whole.stat().st_size - 6_000
        shutil.rmtree(whole.parent)
    done = subprocess.run(
        [*command, str(tmp_path / "out.mp4"), *flags],
        capture_output=True,
        text=True,
        env=environment(),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        check=False,
    )
    assert done.returncode == 4, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "out.mp4" in line
    assert PREFIX not in line
    assert entries(tmp_path) == []


def test_missing_and_damaged_keys_are_named(clip: Path, keyring: Keyring, tmp_path: Path) -> None:
    for command in (
        ("verify", clip),
        ("stamp", clip, tmp_path / "out.mp4", *MODEL, *PROMPT),
    ):
        result = invoke(*command, "--keys", tmp_path / "none")
        assert result.exit_code == 4
        assert "provenance keys init" in sentence(result)
    copy = tmp_path / "keys"
    shutil.copytree(keyring.folder, copy)
    for file in (copy / "signing").iterdir():
        file.write_bytes(b"garbage")
    broken = Keyring.load(copy)
    result = stamp(clip, tmp_path / "out.mp4", broken)
    assert result.exit_code == 4
    assert "sign" in sentence(result)
    assert entries(tmp_path) == ["keys"]


def test_a_clock_before_the_certificates_start_stops_the_stamping_at_once(
    clip: Path, tmp_path: Path
) -> None:
    later = datetime.now(UTC) + timedelta(days=30)
    keyring = init_keyring(tmp_path / "keys", "Example Studio", now=later)
    result = stamp(clip, tmp_path / "out.mp4", keyring)
    assert result.exit_code == 4
    assert "clock" in sentence(result)
    assert entries(tmp_path) == ["keys"]


def test_a_timestamp_authority_that_is_down_stops_the_stamping(
    clip: Path, keyring: Keyring, tmp_path: Path
) -> None:
    result = stamp(clip, tmp_path / "out.mp4", keyring, "--tsa", "http://127.0.0.1:9/tsa")
    assert result.exit_code == 4
    assert "timestamp authority at 127.0.0.1 gave no usable answer" in sentence(result)
    assert entries(tmp_path) == []


def started(clip: Path, target: Path, keyring: Keyring) -> subprocess.Popen[str]:
    """A stamping that has begun to write."""
    command = [sys.executable, "-m", "provenance", "stamp", str(clip), str(target)]
    process = subprocess.Popen(
        [*command, *MODEL, *PROMPT, "--keys", str(keyring.folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    deadline = time.monotonic() + 30
    while not list(target.parent.glob(f"{PREFIX}*/marked*")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return process


@pytest.fixture(scope="session")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Long enough that a signal comes in the middle."""
    spec = Spec(size=(640, 480), frames=150)
    return make_clip(tmp_path_factory.mktemp("long") / "long.mp4", spec)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_in_the_middle_leaves_nothing(
    number: signal.Signals, long_clip: Path, keyring: Keyring, tmp_path: Path
) -> None:
    process = started(long_clip, tmp_path / "out.mp4", keyring)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert out == ""
    assert err.strip() == "Stopped; nothing half-done is left behind."
    assert entries(tmp_path) == []


def test_what_a_kill_leaves_is_swept_by_the_next_run(
    long_clip: Path, clip: Path, keyring: Keyring, tmp_path: Path
) -> None:
    process = started(long_clip, tmp_path / "out.mp4", keyring)
    process.kill()
    process.communicate()
    (left,) = entries(tmp_path)
    assert left.startswith(PREFIX)
    assert stamp(clip, tmp_path / "other.mp4", keyring).exit_code == 0
    assert entries(tmp_path) == ["other.mp4"]


def test_two_stampings_into_one_folder_do_not_disturb_each_other(
    long_clip: Path, clip: Path, keyring: Keyring, tmp_path: Path
) -> None:
    process = started(long_clip, tmp_path / "first.mp4", keyring)
    assert stamp(clip, tmp_path / "second.mp4", keyring).exit_code == 0
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert entries(tmp_path) == ["first.mp4", "second.mp4"]
