"""The examples in docs/examples work as they stand, with made frames for a model's."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray
from PIL import Image
from starlette.requests import Request

from provenance import (
    Cancel,
    CancelledError,
    Claims,
    Keyring,
    Registry,
    Stamper,
    Verdict,
    verify,
)
from tests.clips import Spec, make_clip, picture
from tests.conftest import ROOT
from tests.values import present

WIDTH, HEIGHT, FRAMES = 320, 240, 24


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Imports one of the examples by its name."""
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "examples"))
    names: list[str] = []

    def load(name: str) -> ModuleType:
        names.append(name)
        return import_module(name)

    yield load
    for name in names:
        sys.modules.pop(name, None)


def made(seed: int = 7) -> NDArray[np.uint8]:
    """(frames, H, W, 3)."""
    lumas = [picture(WIDTH, HEIGHT, index, seed) for index in range(FRAMES)]
    return np.repeat(np.stack(lumas)[..., None], 3, axis=-1).astype(np.uint8)


def confirmed(path: Path, keyring: Keyring) -> bool:
    report = verify(path, watermark_keys=keyring.watermark_keys, trust=keyring.trust)
    return report.verdict is Verdict.CONFIRMED


@pytest.mark.parametrize("shape", ["pil", "np"])
def test_the_frames_of_a_diffusers_pipeline_come_out_stamped(
    shape: str, example: Any, keyring: Keyring, tmp_path: Path
) -> None:
    """As diffusers gives them: lists of lists of PIL images, or one array of floats."""
    clips = [made(7), made(21)]
    frames: Any = np.stack(clips).astype(np.float32) / 255.0
    if shape == "pil":
        frames = [[Image.fromarray(frame) for frame in clip] for clip in clips]
    targets = [str(tmp_path / "a.mp4"), str(tmp_path / "b.mp4")]
    claims = Claims.of(keyring, model_name="M", model_version="1", prompt="a gallery")
    results = example("diffusers_pipeline").stamp_output(
        Stamper(keyring), SimpleNamespace(frames=frames), targets, fps=16, claims=claims
    )
    assert [(result.output_path, result.frames) for result in results] == [
        (target, FRAMES) for target in targets
    ]
    assert all(confirmed(Path(target), keyring) for target in targets)


@pytest.fixture
def client(example: Any, keyring: Keyring) -> Iterator[TestClient]:
    """A client of the example's service."""
    service = example("fastapi_endpoint").service(Stamper(keyring))
    with TestClient(service, raise_server_exceptions=False) as found:
        yield found


def test_an_uploaded_clip_comes_back_stamped(
    client: TestClient, clip: Path, keyring: Keyring, tmp_path: Path
) -> None:
    answer = client.post("/stamp", params={"prompt": "a gallery"}, content=clip.read_bytes())
    assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4")
    (tmp_path / "stamped.mp4").write_bytes(answer.content)
    assert confirmed(tmp_path / "stamped.mp4", keyring)


def test_a_clip_that_the_service_makes_comes_stamped(
    client: TestClient, keyring: Keyring, tmp_path: Path
) -> None:
    answer = client.post("/generate", params={"prompt": "a gallery"})
    assert answer.status_code == 200
    (tmp_path / "made.mp4").write_bytes(answer.content)
    assert confirmed(tmp_path / "made.mp4", keyring)


def test_what_is_no_clip_is_refused_with_a_code_a_sentence_and_an_advice(
    client: TestClient,
) -> None:
    answer = client.post("/stamp", params={"prompt": "a gallery"}, content=b"no film")
    assert answer.status_code == 422
    assert answer.json()["code"] == "unreadable_file"
    assert answer.json()["error"].endswith(f"{answer.json()['advice']}.")


def test_the_work_ends_when_its_client_goes(example: Any) -> None:
    """And it has ended before anybody clears away what it works on."""
    ended: list[str] = []

    def work(cancel: Cancel) -> None:
        for _ in range(6000):
            try:
                cancel.check()
            except CancelledError:
                ended.append("cancelled")
                raise
            asyncio.run(asyncio.sleep(0.01))

    async def gone() -> dict[str, str]:
        return {"type": "http.disconnect"}

    request = Request({"type": "http", "method": "POST", "headers": []}, gone)
    with pytest.raises(CancelledError):
        asyncio.run(example("fastapi_endpoint").in_thread(request, work))
    assert ended == ["cancelled"]


@pytest.fixture
def stamper(keyring: Keyring, tmp_path: Path) -> Iterator[Stamper]:
    with Registry(str(tmp_path / "r.db"), create=True) as registry:
        yield Stamper(keyring, registry=registry)


def test_a_job_that_its_queue_gives_out_again_is_stamped_once(
    example: Any, stamper: Stamper, keyring: Keyring, tmp_path: Path
) -> None:
    """By a worker of asyncio, whose earlier try is lost or still at it."""
    worker = example("asyncio_worker")
    jobs = []
    for name in ("a", "b"):
        clip = make_clip(tmp_path / f"{name}.mp4", Spec(size=(240, 160), frames=24))
        clip.write_bytes(clip.read_bytes() + b"\0\0\0\x09free" + name.encode())
        jobs.append(worker.Job(clip, tmp_path / f"out-{name}.mp4", "a gallery"))
    first = asyncio.run(worker.run(stamper, jobs))
    again = asyncio.run(worker.run(stamper, jobs))
    assert [one.before for one in first] == [False, False]
    assert [one.before for one in again] == [True, True]
    assert {one.stamp_id for one in first} == {one.stamp_id for one in again}
    assert len(present(stamper.registry).search()) == 2
    assert all(job.target.exists() for job in jobs)


def test_a_worker_that_is_stopped_publishes_nothing_and_leaves_the_clip_to_others(
    example: Any, stamper: Stamper, clip: Path, tmp_path: Path
) -> None:
    worker = example("asyncio_worker")
    job = worker.Job(clip, tmp_path / "out.mp4", "a gallery")

    async def stopped() -> None:
        moved = asyncio.Event()
        task = asyncio.create_task(worker.stamp(stamper, job, moved.set))
        await moved.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(stopped())
    assert not job.target.exists()
    assert len(present(stamper.registry).search()) == 0
    assert not asyncio.run(worker.stamp(stamper, job)).before
