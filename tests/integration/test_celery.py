"""The Celery worker of docs/examples, under a broker and a result store of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from provenance import Keyring, Registry
from provenance.registry import schema
from tests.clips import Spec, make_clip
from tests.conftest import ROOT
from tests.services import missing

VISIBILITY_SECONDS = 2
PATIENCE = 180.0

Worker = Callable[[], contextlib.AbstractContextManager["subprocess.Popen[bytes]"]]


@pytest.fixture
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis that listens on a socket in a folder, and keeps nothing."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        missing("a Redis server", "run scripts/test, or apt-get install redis-server")
    socket = tmp_path_factory.mktemp("redis") / "s"
    words = [program, "--port", "0", "--unixsocket", str(socket), "--save", ""]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, cwd=socket.parent) as server:
        try:
            _until(socket.exists)
            yield f"redis+socket://{socket}"
        finally:
            server.terminate()


@pytest.fixture
def example(
    broker: str, keyring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """The example as its user's program imports it."""
    monkeypatch.setenv("CELERY_BROKER_URL", broker)
    monkeypatch.setenv("CELERY_RESULT_BACKEND", broker)
    monkeypatch.setenv("PROVENANCE_REGISTRY", str(tmp_path / "r.db"))
    monkeypatch.setenv("PROVENANCE_KEYS", str(keyring.folder))
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "examples"))
    yield import_module("celery_worker")
    sys.modules.pop("celery_worker", None)


@pytest.fixture
def worker(example: Any, tmp_path: Path) -> Worker:
    """Starts a worker process as the example says, with all that it starts in one group."""
    patient = f"app.conf.broker_transport_options = {{'visibility_timeout': {VISIBILITY_SECONDS}}}"
    (tmp_path / "patient.py").write_text(f"from celery_worker import app\n{patient}\n")

    @contextlib.contextmanager
    def start() -> Iterator[subprocess.Popen[bytes]]:
        path = os.pathsep.join([str(tmp_path), str(ROOT / "docs" / "examples"), str(ROOT)])
        words = [sys.executable, "-m", "celery", "-A", "patient", "worker", "-c", "1"]
        with subprocess.Popen(
            words,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": path},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            try:
                yield process
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    return start


def test_clips_are_stamped_once_and_a_task_that_is_aborted_publishes_nothing(
    example: Any, worker: Worker, clips: tuple[Path, Path], tmp_path: Path
) -> None:
    """The example's own two commands, the second of them given twice."""
    first, second = clips
    aborted = example.stamp.delay(str(second), str(tmp_path / "b.mp4"), "a gallery")
    aborted.abort()
    (tmp_path / "in").mkdir()
    first.rename(tmp_path / "in" / "first.mp4")
    (tmp_path / "in" / "first.txt").write_text("a gallery")
    program = ROOT / "docs" / "examples" / "celery_worker.py"
    words = [sys.executable, str(program), "in", "out"]
    with worker():
        said = [
            subprocess.run(
                words, cwd=tmp_path, timeout=PATIENCE, stdout=subprocess.PIPE, text=True, check=True
            ).stdout.split(maxsplit=2)
            for _ in range(2)
        ]
    assert [one[2] for one in said] == ["stamped\n", "done before\n"]
    assert said[0][1] == said[1][1]
    assert aborted.state == "ABORTED"
    assert not (tmp_path / "b.mp4").exists()
    with Registry(str(tmp_path / "r.db")) as registry:
        assert [one.stamp_id.hex for one in registry.search()] == [said[0][1]]


def test_a_task_whose_worker_was_killed_is_done_once_by_another(
    example: Any, worker: Worker, clips: tuple[Path, Path], tmp_path: Path
) -> None:
    task = example.stamp.delay(str(clips[0]), str(tmp_path / "a.mp4"), "a gallery")
    with worker(), Registry(str(tmp_path / "r.db"), create=True) as registry:
        _until(lambda: _begun(registry))
    with worker():
        done = task.get(timeout=PATIENCE)
    with Registry(str(tmp_path / "r.db")) as registry:
        (record,) = registry.search()
        assert record.stamp_id.hex == done["stamp_id"]
        assert registry.check().broken is None
    assert (tmp_path / "a.mp4").exists()


@pytest.fixture
def clips(tmp_path: Path) -> tuple[Path, Path]:
    made = []
    for name in ("first", "second"):
        clip = make_clip(tmp_path / f"{name}.mp4", Spec(size=(240, 160), frames=24))
        clip.write_bytes(clip.read_bytes() + b"\0\0\0\x09free" + name[:1].encode())
        made.append(clip)
    return made[0], made[1]


def _begun(registry: Registry) -> bool:
    with registry.database.reading() as connection:
        return bool(
            connection.execute(sa.select(sa.func.count()).select_from(schema.stamp)).scalar()
        )


def _until(happened: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE
    while not happened():
        if time.monotonic() > ends:
            pytest.fail("it did not happen")
        time.sleep(0.02)
