"""Strangers' files are opened in a process of its own, which can do little and may die."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from provenance import Keyring, StampResult, Trust, verify
from provenance.errors import UnreadableFileError
from provenance.isolation import Examiner, Limits, wire
from provenance.results import Verdict
from tests.conftest import Run, environment


@pytest.fixture(scope="module")
def examiner() -> Iterator[Examiner]:
    with Examiner() as one:
        yield one


def worker_of(examiner: Examiner) -> int:
    """The process id of the worker at work."""
    for _ in range(600):
        if examiner._worker is not None:
            return examiner._worker.pid
        time.sleep(0.05)
    raise AssertionError("no worker was started")


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def test_findings_come_back_as_they_are(
    examiner: Examiner, stamped: StampResult, keyring: Keyring, trust: Trust
) -> None:
    found = examiner.gather(
        Path(stamped.output_path), keyring.watermark_keys, trust, fingerprint=True
    )
    assert found.watermark.stamp_id == stamped.stamp_id
    assert found.watermark.picture is not None
    assert found.manifest.status == "trusted"
    assert found.manifest.signed_at == stamped.signed_at
    assert found.file.sha256 == stamped.output_sha256
    assert found.fingerprint is not None


def test_errors_come_back_as_they_are(examiner: Examiner, trust: Trust, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="does not exist"):
        examiner.gather(tmp_path / "nothing.mp4", (), trust)


def test_one_worker_serves_many_files(
    examiner: Examiner, clip: Path, keyring: Keyring, trust: Trust
) -> None:
    examiner.gather(clip, keyring.watermark_keys, trust)
    first = worker_of(examiner)
    examiner.gather(clip, keyring.watermark_keys, trust)
    assert worker_of(examiner) == first


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_a_crash_costs_the_picture_of_that_file_only(
    number: signal.Signals, stamped: StampResult, clip: Path, keyring: Keyring, trust: Trust
) -> None:
    with Examiner() as examiner:
        examiner.gather(clip, (), trust)
        pid = worker_of(examiner)
        os.kill(pid, signal.SIGSTOP)
        # Stopped first, so that it dies with the file in its hands.
        for after, then in ((0.5, number), (0.6, signal.SIGCONT)):
            threading.Timer(after, _send, (pid, then)).start()
        report = verify(
            Path(stamped.output_path),
            watermark_keys=keyring.watermark_keys,
            trust=trust,
            examiner=examiner,
        )
        assert report.watermark.status == "not_checked"
        assert number.name in str(report.watermark.reason)
        assert report.manifest.status == "trusted"
        assert report.verdict is Verdict.CREDENTIAL_ONLY
        again = verify(
            Path(stamped.output_path),
            watermark_keys=keyring.watermark_keys,
            trust=trust,
            examiner=examiner,
        )
        assert again.verdict is Verdict.CONFIRMED


def test_a_hang_is_ended_at_its_limit(clip: Path, keyring: Keyring, trust: Trust) -> None:
    with Examiner(Limits(seconds=2.0)) as examiner:
        examiner.gather(clip, (), trust)
        os.kill(worker_of(examiner), signal.SIGSTOP)
        started = time.monotonic()
        report = verify(clip, watermark_keys=keyring.watermark_keys, trust=trust, examiner=examiner)
        assert time.monotonic() - started < 60
    assert report.verdict is Verdict.NOT_CHECKED
    assert "longer than 2 s" in report.summary


def test_a_file_that_wants_too_much_memory_is_not_checked(
    clip: Path, keyring: Keyring, trust: Trust, run: Run
) -> None:
    ran = run("verify", clip, "--keys", keyring.folder, "--max-memory", "1", "--registry", "none")
    assert ran.code == 4
    assert "memory limit" in ran.err


def test_nothing_is_left_running(clip: Path, trust: Trust) -> None:
    with Examiner() as examiner:
        examiner.gather(clip, (), trust)
        pid = worker_of(examiner)
    assert not Path(f"/proc/{pid}").exists()


ORPHAN = """
import sys, time
from pathlib import Path
from provenance.isolation import Examiner
from provenance.manifest import Trust
examiner = Examiner()
examiner.gather(Path(sys.argv[1]), (), Trust())
print(examiner._worker.pid, flush=True)
time.sleep(60)
"""


def test_a_worker_does_not_outlive_its_parent(clip: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", ORPHAN, clip], stdout=subprocess.PIPE, env=environment(), text=True
    )
    assert parent.stdout is not None
    worker = Path(f"/proc/{parent.stdout.readline().strip()}")
    assert worker.exists()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for _ in range(100):
        if not worker.exists() or "State:\tZ" in (worker / "status").read_text():
            return
        time.sleep(0.1)
    raise AssertionError("the worker lives on")


def test_ctrl_c_ends_the_worker_too(stamped: StampResult, keyring: Keyring) -> None:
    words = [sys.executable, "-m", "provenance", "verify", *[stamped.output_path] * 40]
    process = subprocess.Popen(
        [*words, "--keys", str(keyring.folder), "--registry", "none"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stdout is not None
    process.stdout.readline()
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Stopped" in said
    assert children
    assert not any(Path(f"/proc/{child}").exists() for child in children)


RESTRICTED = """
import os, socket, subprocess, sys
from pathlib import Path
from provenance.isolation.limits import Limits, restrict
missing = restrict(Limits())
def tried(what, call):
    try:
        call()
    except OSError:
        print(what, "refused")
    else:
        print(what, "MISSING" if what in missing else "ALLOWED")
address = ("127.0.0.1", int(sys.argv[1]))
tried("network", lambda: socket.create_connection(address, 5))
tried("writing", lambda: Path(sys.argv[2]).write_text("x"))
tried("writing", lambda: Path(sys.argv[3]).unlink())
tried("writing", lambda: os.truncate(sys.argv[3], 0))
tried("writing", lambda: os.open(sys.argv[3], os.O_RDONLY | os.O_TRUNC))
tried("signals", lambda: os.kill(os.getppid(), 0))
tried("writing", lambda: subprocess.run(["/bin/true"]))
print(Path(sys.argv[3]).read_text())
"""


def test_the_worker_can_neither_connect_nor_write_nor_run_programs_nor_signal_others(
    tmp_path: Path,
) -> None:
    own = tmp_path / "own.txt"
    own.write_text("still here")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        done = subprocess.run(
            [sys.executable, "-c", RESTRICTED, str(server.getsockname()[1]), tmp_path / "x", own],
            capture_output=True,
            text=True,
            env=environment(),
            check=False,
        )
        with pytest.raises(TimeoutError):
            server.accept()
    assert "ALLOWED" not in done.stdout, done.stdout
    assert "still here" in done.stdout or "MISSING" in done.stdout, done.stderr


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b'{"error": "SystemExit", "sentence": "x"}',
        b'{"error": "Path", "sentence": "x"}',
        b'{"error": "KeyringError", "sentence": "eA=="}',
        b'{"error": "ApprovalError", "sentence": "eA=="}',
        b'{"surplus": 1}',
        b'{"file": {"path": 7, "sha256": null, "bytes": null, "kind": null}}',
        b'{"fingerprint": "!!"}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_an_answer_that_is_none_is_refused(content: bytes) -> None:
    def read() -> None:
        answer = wire.unpack(wire.Answer, content)
        assert isinstance(answer, wire.Answer)
        answer.findings(Path("clip.mp4"))

    with pytest.raises(wire.Garbled):
        read()


def test_an_answer_beyond_the_limit_is_refused() -> None:
    with pytest.raises(wire.Garbled):
        wire.length_of(b"\xff\xff\xff\xff")


def test_secrets_are_neither_in_arguments_nor_in_the_environment(
    keyring: Keyring, clip: Path, trust: Trust
) -> None:
    with Examiner() as examiner:
        examiner.gather(clip, keyring.watermark_keys, trust)
        process = Path(f"/proc/{worker_of(examiner)}")
        shown = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
    for key in keyring.watermark_keys:
        for secret in (key.secret, key.pilot_secret):
            assert secret not in shown
            assert secret.hex().encode() not in shown


def test_a_module_beside_a_strangers_file_is_not_imported(
    clip: Path, trust: Trust, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files are often verified from the folder they came in."""
    for name in ("numpy", "struct", "provenance"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit\n")
    monkeypatch.chdir(tmp_path)
    with Examiner() as examiner:
        assert examiner.gather(clip, (), trust).file.kind == "video"


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells it")
def test_no_thread_of_the_worker_keeps_what_was_taken_away(clip: Path, trust: Trust) -> None:
    """Rights are taken from one thread: libraries that start others must be loaded afterwards."""
    with Examiner() as examiner:
        examiner.gather(clip, (), trust)
        threads = list(Path(f"/proc/{worker_of(examiner)}/task").iterdir())
        assert len(threads) > 1
        networks = {os.readlink(thread / "ns/net") for thread in threads}
        assert len(networks) == 1
        assert "network" in examiner.unprotected or os.readlink("/proc/self/ns/net") not in networks
        if "privileges" not in examiner.unprotected:
            for thread in threads:
                assert "NoNewPrivs:\t1" in (thread / "status").read_text()
