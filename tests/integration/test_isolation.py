"""Strangers' files are opened in a process of its own, which can do little and may die."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provenance import Keyring, Registry, StampResult, Trust, verify
from provenance.errors import UnreadableFileError
from provenance.fingerprint import Fingerprint
from provenance.results import Detection, Verdict, VerificationReport
from provenance.system.processes import is_running, process_name
from provenance.verifying.isolation import Examiner, Limits, wire
from tests.conftest import Run, environment, stamp_clip


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
    found = examiner.gather(Path(stamped.output_path), keyring.watermark_keys, trust)
    assert found.watermark.stamp_id == stamped.stamp_id
    assert found.watermark.picture is not None
    assert found.manifest.status == "trusted"
    assert found.manifest.signed_at == stamped.signed_at
    assert found.file.sha256 == stamped.output_sha256
    taken = examiner.imprint(Path(stamped.output_path), found.watermark)
    assert taken is not None
    assert taken.frames


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


class _Asked(Examiner):
    """Counts the fingerprints it is asked for; ``fatal``: each costs the worker its life."""

    asked = 0
    fatal = False

    def imprint(self, path: Path, found: Detection, **options: Any) -> Fingerprint | None:
        self.asked += 1
        if self.fatal:
            os.kill(worker_of(self), signal.SIGKILL)
        return super().imprint(path, found, **options)


def test_a_fingerprint_is_taken_only_where_there_is_something_to_compare_it_with(
    clip: Path, keyring: Keyring, tmp_path: Path
) -> None:
    with Registry(str(tmp_path / "registry.db"), create=True) as registry, _Asked() as examiner:
        result = stamp_clip(clip, tmp_path / "stamped.mp4", keyring, registry=registry)

        def check(path: Path) -> VerificationReport:
            return verify(
                path,
                watermark_keys=keyring.watermark_keys,
                trust=keyring.trust,
                registry=registry,
                examiner=examiner,
            )

        intact = check(Path(result.output_path))
        assert (intact.verdict, intact.registry.compared.picture) == (Verdict.CONFIRMED, "bytes")
        assert examiner.asked == 0  # its hash says it all
        assert check(clip).registry.leads
        assert examiner.asked == 1
        examiner.fatal = True
        lost = check(clip)
        assert (lost.watermark.status, lost.verdict) == ("not_checked", Verdict.NOT_CHECKED)
        assert "SIGKILL" in str(lost.watermark.reason)
        assert examiner.asked == 2  # and not once more


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
import os, signal, sys, time
from pathlib import Path
from provenance.verifying.isolation import Examiner
from provenance.manifest import Trust
examiner = Examiner()
examiner.gather(Path(sys.argv[1]), (), Trust())
if sys.argv[2] == "stopped":
    os.kill(examiner._worker.pid, signal.SIGSTOP)
    os.waitpid(examiner._worker.pid, os.WUNTRACED)
print(examiner._worker.pid, flush=True)
time.sleep(60)
"""

HUNG = """
import ctypes, os, subprocess, sys, time
child = '''
import ctypes, sys
from provenance.verifying.isolation.worker import die_with_parent
die_with_parent(int(sys.argv[1]))
print("hangs", flush=True)
while True:
    ctypes.PyDLL(None).sleep(600)  # unlike CDLL, with Python's lock held
'''
theirs, ours = os.pipe()
words = [sys.executable, "-c", child, str(theirs)]
process = subprocess.Popen(words, pass_fds=[theirs], stdout=subprocess.PIPE, text=True)
process.stdout.readline()
print(process.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("state", ["idle", "stopped", "hung"])
def test_a_worker_does_not_outlive_its_parent(state: str, clip: Path) -> None:
    """Whatever it does: also when it is stopped, or a C library hangs with Python's lock held."""
    if state != "idle" and sys.platform != "linux":  # pragma: no cover
        pytest.skip("only Linux's kernel kills by a pipe")
    words = ["-c", HUNG] if state == "hung" else ["-c", ORPHAN, clip, state]
    parent = subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.PIPE, env=environment(), text=True
    )
    assert parent.stdout is not None
    number = int(parent.stdout.readline())
    worker = process_name(number)
    assert is_running(worker)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    try:
        wait_for_the_end(worker)
    finally:
        _send(number, signal.SIGKILL)


def wait_for_the_end(process: str) -> None:
    """See that a process ends, within ten seconds."""
    for _ in range(100):
        if not is_running(process):
            return
        time.sleep(0.1)
    raise AssertionError("it lives on")


FORKED = """
import os, sys, time
child = os.fork()
if not child:
    os.closerange(0, 3)
    time.sleep(60)
print(child, flush=True)
time.sleep(60 if sys.argv[1] == "works" else 0)
"""


@pytest.mark.parametrize("state", ["works", "crashed"])
def test_what_a_worker_has_started_ends_with_it(state: str, clip: Path, trust: Trust) -> None:
    """A worker that was taken over may fork: its group is ended with it."""
    with Examiner() as examiner:
        forked = subprocess.Popen(
            [sys.executable, "-c", FORKED, state],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert forked.stdout is not None
        child = process_name(int(forked.stdout.readline()))
        examiner._worker, examiner._lifeline = forked, os.dup(0)
        if state == "crashed":
            wait_for_the_end(process_name(forked.pid))
            assert is_running(child)
            assert examiner.gather(clip, (), trust).watermark.status == "not_checked"
    wait_for_the_end(child)


STARVED = """
import os, resource, sys
from pathlib import Path
from provenance import verify
from provenance.errors import ServiceError
from provenance.verifying.isolation import Examiner
import provenance.manifest, provenance.verifying.verify
limits = resource.getrlimit(resource.RLIMIT_NOFILE)
with Examiner() as examiner:
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, limits[1]))
    held = []
    try:
        while True:
            held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        pass
    for _ in range(5):
        try:
            verify(Path(sys.argv[1]), examiner=examiner)
        except ServiceError as error:
            print(error)
        os.close(held.pop())
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    print(verify(Path(sys.argv[1]), examiner=examiner).verdict)
"""


def test_a_worker_that_cannot_be_started_is_one_sentence(clip: Path) -> None:
    """No descriptors are left, as it would be with no processes or memory; later it works again."""
    done = subprocess.run(
        [sys.executable, "-c", STARVED, clip],
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *sentences, verdict = done.stdout.splitlines()
    assert len(sentences) == 5
    for sentence in sentences:
        assert "could not be started: too many open files" in sentence
    assert verdict == "NOT_CHECKED"


def test_a_program_with_thousands_of_open_files_is_served_too(clip: Path, trust: Trust) -> None:
    """Descriptors above 1023 are none for select."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (2048, hard))
    try:
        with contextlib.ExitStack() as held:
            for _ in range(1100):
                held.enter_context(open(os.devnull, encoding="ascii"))
            with Examiner() as examiner:
                assert examiner.gather(clip, (), trust).file.kind == "video"
                assert examiner._lifeline > 1023
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_ctrl_c_ends_the_worker_too(stamped: StampResult, keyring: Keyring, tmp_path: Path) -> None:
    names = [tmp_path / f"{number}.mp4" for number in range(40)]
    for name in names:
        name.symlink_to(stamped.output_path)
    words = [sys.executable, "-m", "provenance", "verify", *map(str, names)]
    process = subprocess.Popen(
        [*words, "--keys", str(keyring.folder), "--registry", "none"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stdout is not None
    process.stdout.readline()
    threads = Path(f"/proc/{process.pid}/task").iterdir()
    children = [child for each in threads for child in (each / "children").read_text().split()]
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Stopped" in said
    assert children
    assert not any(Path(f"/proc/{child}").exists() for child in children)


RESTRICTED = """
import os, socket, subprocess, sys, threading
from pathlib import Path
from provenance.verifying.isolation.limits import Limits, restrict
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
tried("changing", lambda: os.chmod(sys.argv[3], 0o777))
tried("changing", lambda: os.utime(sys.argv[3], (1, 1)))
tried("changing", lambda: os.chown(sys.argv[3], os.getuid(), os.getgid()))
tried("changing", lambda: os.setxattr(sys.argv[3], "user.a", b"x"))
tried("changing", lambda: os.fork() or os._exit(0))
tried("changing", lambda: socket.socket(socket.AF_UNIX))
threading.Thread(target=print, args=("threads work",)).start()
print(Path(sys.argv[3]).read_text())
"""


def test_the_worker_can_neither_connect_nor_write_nor_change_files_nor_run_nor_signal_others(
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
    assert "threads work" in done.stdout
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


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells it")
def test_a_worker_s_crash_leaves_no_core_file(keyring: Keyring, clip: Path, trust: Trust) -> None:
    """Its limit is nought, and a real crash writes nothing into the folder it works in."""
    with Examiner() as examiner:
        examiner.gather(clip, keyring.watermark_keys, trust)
        pid = worker_of(examiner)
        limits = Path(f"/proc/{pid}/limits").read_text()
        line = next(one for one in limits.splitlines() if one.startswith("Max core file size"))
        assert line.split()[4] == "0"
        folder = Path(os.readlink(f"/proc/{pid}/cwd"))
        before = {*folder.iterdir()}
        os.kill(pid, signal.SIGSEGV)
        assert examiner._worker is not None
        assert examiner._worker.wait(10) == -signal.SIGSEGV
        assert not [one for one in {*folder.iterdir()} - before if "core" in one.name]


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
        apart = os.readlink("/proc/self/ns/net") not in networks
        assert apart or {"network", "changing"} - {*examiner.unprotected}
        if "changing" not in examiner.unprotected:
            for thread in threads:
                assert "Seccomp:\t2" in (thread / "status").read_text()
        if "privileges" not in examiner.unprotected:
            for thread in threads:
                assert "NoNewPrivs:\t1" in (thread / "status").read_text()
