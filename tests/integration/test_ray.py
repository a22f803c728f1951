"""A batch on a Ray cluster of two nodes: the same as on one machine, also when a node is lost."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from provenance.batch import STATE
from provenance.batch.jobs import Claim, Ledger, read_jobs
from provenance.batch.runner import tidy
from provenance.batch.work import do
from provenance.registry import Registry
from provenance.registry.address import parse_url
from provenance.system.processes import owner_name
from tests.conftest import ROOT, Run, environment
from tests.ray_cluster import RayCluster, end
from tests.services import missing
from tests.studio import Killed, Studio, task_of, wait_for_work
from tests.unit.test_docs import blocks

PAGE = ROOT / "docs" / "clusters.md"
pytestmark = pytest.mark.xdist_group("ray")  # one cluster is enough


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    with RayCluster() as started:
        started.add()
        yield started


def words_of(studio: Studio, cluster: RayCluster, *more: str) -> tuple[str, ...]:
    words = ["batch", "jobs.jsonl", "--out", "out", "--registry", "r.db", "--json", *more]
    return (*words, "--ray", cluster.address)


def start(studio: Studio, cluster: RayCluster, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "provenance", *words_of(studio, cluster, *more)],
        cwd=studio.folder,
        env=environment() | cluster.environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def core_limits(title: str) -> list[str]:
    """How large a core file the processes of that title may write."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cmdline").read_bytes().startswith(title.encode()):
                lines = (process / "limits").read_text().splitlines()
                found += [one.split()[4] for one in lines if one.startswith("Max core file size")]
    return found


def states(rows: list[dict[str, dict[str, str]]]) -> dict[str, tuple[object, object]]:
    return {row["job"]["output"]: (row["state"], row["reason"]) for row in rows}


def test_approved_jobs_are_stamped_once_on_two_nodes_and_the_others_named(
    studio: Studio, cluster: RayCluster, run: Run
) -> None:
    good = ["a.mp4", "b.mp4", "c.mp4", "below/d.mkv"]
    for name in "abc":
        studio.add(name)
    studio.add("d", output="below/d.mkv")
    studio.add("text").write_text("no clip")
    studio.add("unapproved", approved=False)
    failed = {
        "text.mp4": ("failed", "approval_other_clip"),
        "unapproved.mp4": ("failed", "approval_no_approval"),
    }
    first = run(*words_of(studio, cluster), env=cluster.environment)
    assert first.code == 3, first.err
    assert states(first.rows) == dict.fromkeys(good, ("stamped", None)) | failed
    assert list(studio.records().values()) == [1] * 4
    assert studio.leftovers() == []
    assert sorted(path.name for path in (studio.out / STATE).iterdir()) == ["ledger", "spool"]
    assert "raylet" not in first.err
    for path in [path for path in cluster.folder.rglob("*") if path.is_file()]:
        assert b"secret" not in path.read_bytes(), path


def test_a_node_that_is_lost_loses_no_job_and_doubles_none(
    studio: Studio, cluster: RayCluster
) -> None:
    for name in "abcdef":
        studio.add(name)
    process = start(studio, cluster)
    wait_for_work(studio, process)
    cluster.lose()
    cluster.add()
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    rows = list(map(json.loads, out.splitlines()))
    assert sorted(row["state"] for row in rows) == ["stamped"] * 6
    assert list(studio.records().values()) == [1] * 6
    assert studio.leftovers() == []


def test_a_run_that_is_killed_and_one_that_is_stopped_are_gone_on_with(
    studio: Studio, cluster: RayCluster, run: Run
) -> None:
    for name in "abc":
        studio.add(name)
    killed = start(studio, cluster)
    wait_for_work(studio, killed)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=30)
    stopped = start(studio, cluster)
    wait_for_work(studio, stopped)
    limits = core_limits("ray::Slot")
    assert limits
    assert set(limits) == {"0"}  # their processes hold keys
    os.killpg(stopped.pid, signal.SIGINT)
    _, err = stopped.communicate(timeout=60)
    assert stopped.returncode == 130, err
    with Ledger(studio.out / STATE / "ledger") as ledger:
        assert ledger.counts()["running"] == 0
    ended = run(*words_of(studio, cluster), env=cluster.environment)
    assert ended.code == 0, ended.err
    assert studio.files == ["a.mp4", "b.mp4", "c.mp4"]
    assert sorted(path.name for path in (studio.out / STATE).iterdir()) == ["ledger", "spool"]
    assert list(studio.records().values()) == [1] * 3
    assert studio.leftovers() == []


def test_the_page_leads_from_one_machine_to_two_nodes(studio: Studio) -> None:
    studio.add("a")
    studio.add("b")
    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    programs = studio.folder / "bin"
    programs.mkdir()
    ray = Path(sys.executable).with_name("ray")
    for name, program in ("provenance", "-m provenance"), ("ray", f'"{ray}"'):
        (programs / name).write_text(
            f'#!/bin/sh\nexec "{sys.executable}" {program} "$@"\n', "utf-8"
        )
        (programs / name).chmod(0o755)
    variables = environment()
    with tempfile.TemporaryDirectory(prefix="ray-") as folder:
        try:
            done = subprocess.run(
                ["sh", "-e"],
                input="".join(blocks(PAGE.read_text("utf-8"), "sh")).replace("6379", str(port)),
                cwd=studio.folder,
                env=variables
                | {"PATH": f"{programs}:{variables['PATH']}", "RAY_TMPDIR": folder, "HOME": folder},
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
        finally:
            end("RAY_TMPDIR", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 stamped, 0 done before" in done.stdout
    assert sorted(path.name for path in (studio.folder / "stamped").glob("*.mp4")) == [
        "a.mp4",
        "b.mp4",
    ]


def test_a_registrys_password_stays_where_it_was_set(
    studio: Studio, cluster: RayCluster, run: Run
) -> None:
    server = os.environ.get("TEST_POSTGRES_URL")
    if not server:
        missing("a PostgreSQL server", "run scripts/test, or name one with TEST_POSTGRES_URL")
    name = f"test_{secrets.token_hex(8)}"
    url = parse_url(server).set(password="letmein", database=name)  # noqa: S106 - it needs none
    mine = {"PROVENANCE_REGISTRY": url.render_as_string(hide_password=False)}
    engine = sa.create_engine(parse_url(server), isolation_level="AUTOCOMMIT")
    studio.add("a")
    words = ("batch", "jobs.jsonl", "--out", "out", "--json", "--ray")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
        try:
            without = run(*words, cluster.address, env=cluster.environment | mine)
            with RayCluster(own=mine) as informed:
                done = run(*words, informed.address, env=informed.environment | mine)
                said = [path for path in informed.folder.rglob("*") if path.is_file()]
                assert not [path for path in said if b"letmein" in path.read_bytes()]
            with Registry(mine["PROVENANCE_REGISTRY"]) as registry:
                assert len(registry.search()) == 1
        finally:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
            engine.dispose()
    assert without.code == 4
    assert "PROVENANCE_REGISTRY is not set" in without.err
    assert done.row["state"] == "stamped"
    assert "letmein" not in without.err + done.err


def test_a_clip_that_went_with_its_nodes_disk_is_stamped_again_and_published_once(
    studio: Studio,
) -> None:
    studio.add("a")
    with Registry(str(studio.folder / "r.db"), create=True):
        pass
    (job,) = read_jobs(studio.listing)
    task, settings = task_of(job, studio.keyring), studio.settings()
    settings.spool.mkdir(parents=True)

    class Lost(Ledger):
        """Loses the node in the moment of the upload."""

        def publishing(self, claim: Claim, result: Mapping[str, Any], lease: float) -> None:
            super().publishing(claim, result, lease)
            raise Killed

    gone = subprocess.Popen([sys.executable, "-c", ""])
    owner = owner_name(gone.pid, "1")
    with Lost(settings.ledger) as losing, pytest.raises(Killed):
        do(task, settings, ledger=losing, owner=owner)
    gone.wait()
    (spooled,) = settings.spool.iterdir()
    spooled.unlink()
    with Ledger(settings.ledger) as ledger, Registry(str(studio.folder / "r.db")) as registry:
        tidy(settings, ledger, registry, [job])
        attempt = do(task, settings, ledger=ledger)
    assert attempt.state == "stamped"
    assert list(studio.records().values()) == [2]
    assert studio.files == ["a.mp4"]
    assert studio.leftovers() == []


@pytest.mark.parametrize(
    ("address", "code", "said"),
    [("127.0.0.1:1", 4, "can't be reached"), ("a cluster", 2, "HOST:PORT")],
)
def test_an_address_without_a_cluster_is_an_error_at_once(
    studio: Studio, run: Run, address: str, code: int, said: str
) -> None:
    studio.add("a")
    done = run(*studio.words, "--ray", address)
    assert done.code == code
    assert said in done.err
    assert studio.files == []


def test_without_ray_it_says_what_to_install(studio: Studio, run: Run) -> None:
    studio.add("a")
    folder = studio.folder / "without" / "ray"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise ImportError('not installed')\n", "utf-8")
    paths = f"{folder.parent}{os.pathsep}{ROOT}"
    done = run(*studio.words, "--ray", "127.0.0.1:1", env={"PYTHONPATH": paths})
    assert done.code == 2
    assert "pip install 'provenance-stamp[ray]'" in done.err


def test_ray_is_loaded_by_nothing_else() -> None:
    code = "import sys, provenance.batch.cluster, provenance.cli; assert 'ray' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], env=environment(), check=True)
