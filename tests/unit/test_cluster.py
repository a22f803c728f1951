"""What a node of a cluster is sent, what it finds by itself, and what keeps it from working."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from provenance.batch import Settings, Task, share_out
from provenance.batch.bridge import Start, _Bridge, _Worker
from provenance.batch.cluster import shipped
from provenance.batch.jobs import Job, Prompt, PromptForms
from provenance.batch.node import NODES_OWN, Slot, on_this_node, versions
from provenance.cli.opening import own_environment
from provenance.errors import ClusterError
from provenance.results import PromptHash
from provenance.system.processes import is_gone, owner_name, this_host

SETTINGS = Settings(Path("/k"), "s3://studio/out", Path("/state"), reviewers=(Path("/k/r"),))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://stamps:letmein@db/stamps",
        "postgresql://stamps@db/stamps?password=letmein",
        "postgresql://stamps@db/stamps?sslpassword=letmein",
    ],
)
def test_no_secret_is_sent_and_a_node_uses_its_own_address(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVENANCE_PKCS11_PIN", "letmein")
    monkeypatch.setenv(NODES_OWN, url)
    sent = shipped(replace(SETTINGS, registry=url))
    task = Task(
        Job("a.mp4", "a.mp4", "M", "1", Prompt()), PromptForms((PromptHash("sha256", "00"),))
    )
    assert b"letmein" not in pickle.dumps((Start(1, sent, Path(), None, own_environment), task))
    assert own_environment()["PROVENANCE_PKCS11_PIN"] == "letmein"
    assert on_this_node(sent, own_environment()).registry == url
    with pytest.raises(ClusterError, match=f"{NODES_OWN} is not set"):
        on_this_node(sent, {})


def test_an_address_without_a_password_holds_on_every_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sent = shipped(replace(SETTINGS, registry="r.db"))
    assert sent.registry == f"sqlite:///{tmp_path / 'r.db'}"
    assert on_this_node(sent, {NODES_OWN: "another.db"}) == sent
    url = "postgresql+psycopg://stamps@db/stamps"
    assert shipped(replace(SETTINGS, registry=url)).registry == url


def test_keys_and_signer_come_from_the_node_where_it_names_its_own(tmp_path: Path) -> None:
    chain = tmp_path / "chain.pem"
    chain.write_bytes(b"-----BEGIN CERTIFICATE-----\n")
    environ = {
        "PROVENANCE_KEYS": "/secrets/keys",
        "PROVENANCE_SIGNER": "awskms:alias/stamping",
        "PROVENANCE_SIGNER_CHAIN": str(chain),
    }
    own = on_this_node(SETTINGS, environ)
    assert (own.keys, own.reviewers) == (Path("/secrets/keys"), (Path("/secrets/keys/r"),))
    assert own.signer is not None
    assert own.signer.uri == "awskms:alias/stamping"
    with pytest.raises(ClusterError, match="PROVENANCE_SIGNER_CHAIN"):
        on_this_node(SETTINGS, environ | {"PROVENANCE_SIGNER_CHAIN": ""})


def test_a_node_says_what_keeps_it_from_working(tmp_path: Path) -> None:
    local = replace(SETTINGS, out=str(tmp_path), state=tmp_path / "state")
    slot = Slot("owner", None)
    said = slot.open(local, tmp_path, tmp_path / "nothing here", own_environment)
    assert said is not None
    assert said.startswith(f"it does not have the folder {tmp_path}")
    said = slot.open(local, tmp_path, None, own_environment)
    assert said is not None
    assert "/k" in said


def test_a_node_with_another_release_is_an_error_that_names_both() -> None:
    pipe, _ = multiprocessing.Pipe()
    bridge = _Bridge(None, pipe, Start(1, SETTINGS, Path(), None, own_environment))
    other = "provenance-stamp 0.0.1 on Python 3.8"
    with pytest.raises(ClusterError) as raised:
        bridge._answered(_Worker(None, "o", "new", None), ("process", "far", other))
    assert "The node far has " + other in str(raised.value)
    assert versions() in str(raised.value)


def test_what_a_process_holds_elsewhere_is_gone_when_it_is() -> None:
    assert not is_gone(owner_name(os.getpid(), "7"))
    assert is_gone(f"{this_host()}/{os.getpid()} 1#7")


@pytest.mark.parametrize(
    ("rooms", "jobs", "workers", "shared"),
    [
        ((4,), 100, None, (4, 1)),
        ((4,), 1, None, (1, 4)),
        ((4,), None, 2, (2, 2)),
        ((4,), 9, 7, (7, 1)),
        ((2, 3), 100, None, (5, 1)),
        ((2, 3), 2, None, (2, 2)),
        ((3, 3), None, 3, (3, 1)),
        ((0, 0), 9, 4, (4, 1)),
    ],
)
def test_cores_are_shared_out_among_workers_that_fit(
    rooms: tuple[int, ...], jobs: int | None, workers: int | None, shared: tuple[int, int]
) -> None:
    assert share_out(rooms, jobs, workers) == shared


def test_a_cluster_without_cores_needs_a_number_of_workers() -> None:
    with pytest.raises(ClusterError, match="how many workers"):
        share_out((0,), 9)
