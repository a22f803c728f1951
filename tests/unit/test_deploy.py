"""What is shown for deploying keeps up with the program, the lock and the formats it is in."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.commands import find_command
from tests.conftest import ROOT

DEPLOY = ROOT / "docs" / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
CONTAINERFILE = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
KNOWN = {
    "Unit": {"Description", "After", "Wants", "StartLimitIntervalSec", "StartLimitBurst"},
    "Service": {
        *("Type", "User", "WorkingDirectory", "UMask", "EnvironmentFile", "ExecStart"),
        *("Restart", "RestartSec", "RestartPreventExitStatus"),
        *("KillSignal", "KillMode", "TimeoutStopSec"),
        *("NoNewPrivileges", "ProtectSystem", "ProtectHome", "PrivateTmp", "ReadWritePaths"),
        *("ProtectKernelTunables", "ProtectKernelModules", "ProtectControlGroups"),
        *("RestrictSUIDSGID", "LockPersonality", "CapabilityBoundingSet"),
    },
    "Timer": {"OnCalendar", "RandomizedDelaySec", "Persistent"},
    "Install": {"WantedBy"},
}
"""Of the directives that systemd has, those that are used here."""


def unit(path: Path) -> RawConfigParser:
    parser = RawConfigParser(strict=True, delimiters="=", comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as configparser's docs do
    parser.read_string(path.read_text(encoding="utf-8"))
    return parser


def loaded(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))


def instructions(text: str) -> list[tuple[str, str]]:
    """Those of a Containerfile, with their arguments on one line."""
    lines = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    return [
        (word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines) if word
    ]


def templates() -> dict[str, Any]:
    return {one["name"]: one for one in loaded("argo.yaml")["spec"]["templates"]}


def desk_pod() -> Any:
    """What the cluster is told of each desk."""
    text = (DEPLOY / "kubernetes" / "desk.yaml").read_text(encoding="utf-8")
    (made,) = (one for one in yaml.safe_load_all(text) if one["kind"] == "Deployment")
    return made["spec"]["template"]["spec"]


def commands() -> Iterator[list[str]]:
    """Every call of the program, as the words that it would be given."""
    for path in UNITS:
        if unit(path).has_section("Service"):
            yield shlex.split(unit(path)["Service"]["ExecStart"])
    for step in loaded("github-actions.yml")["jobs"]["stamp"]["steps"]:
        if "run" in step:
            yield shlex.split(step["run"])
    container = templates()["provenance"]["container"]
    for (step,) in templates()["release"]["steps"]:
        (given,) = step["arguments"]["parameters"]
        more = {"{{inputs.parameters.more}}": given["value"]}
        yield [more.get(word, word) for word in (*container["command"], *container["args"])]
    yield ["provenance", *loaded("compose.yaml")["services"]["desk-1"]["command"]]
    yield [*desk_pod()["containers"][0]["command"], *desk_pod()["containers"][0]["args"]]
    for line in re.findall(r"provenance-stamp (\w.*)$", CONTAINERFILE, re.MULTILINE):
        yield ["provenance", *shlex.split(line)]


def entries(path: Path) -> dict[str, set[str]]:
    """What a lock pins, with its hashes."""
    blocks = re.split(r"\n(?=[a-z0-9])", path.read_text(encoding="utf-8"))[1:]
    return {one.split()[0]: set(re.findall(r"sha256:[0-9a-f]{64}", one)) for one in blocks}


def test_every_command_would_be_understood() -> None:
    found = list(commands())
    assert len(found) == 10
    for words in found:
        assert Path(words[0]).name == "provenance"
        command, arguments = find_command(words[1:])
        command.make_context("provenance", arguments)


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_the_units_hold_sections_and_keys_that_systemd_knows(path: Path) -> None:
    parser = unit(path)
    for name in parser.sections():
        assert set(parser[name]) <= KNOWN[name]
    if path.suffix == ".timer":
        assert path.with_suffix(".service") in UNITS
    else:
        assert parser["Service"]["NoNewPrivileges"] == "true"
        assert parser["Service"]["ProtectSystem"] == "strict"


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_is_good_to_systemds_own_check_where_it_is_installed(
    path: Path, tmp_path: Path
) -> None:
    """Elsewhere the test above has to do."""
    if shutil.which("systemd-analyze") is None:
        return
    for one in UNITS:
        text = one.read_text(encoding="utf-8")
        there = re.sub("/srv/[a-z]+/.venv/bin/provenance", sys.executable, text)
        (tmp_path / one.name).write_text(there, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / path.name)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["requirements.lock", "build.lock"])
def test_the_locks_of_the_image_are_parts_of_the_lock(name: str) -> None:
    whole, part = entries(ROOT / "requirements.lock"), entries(DEPLOY / name)
    assert part
    assert part.items() <= whole.items()
    assert all(part.values())


def test_the_image_takes_nothing_that_the_locks_do_not_have() -> None:
    found = instructions(CONTAINERFILE)
    steps = [
        part.split()
        for word, rest in found
        if word == "RUN"
        for part in rest.split("&&")
        if "/pip " in part
    ]
    installs = [step for step in steps if step[1] in ("install", "wheel")]
    assert len(installs) == 4
    for step in installs:
        assert "--no-deps" in step
        if "-r" in step:
            assert "--require-hashes" in step
            assert step[step.index("-r") + 1] in (
                "docs/deploy/requirements.lock",
                "docs/deploy/build.lock",
            )
        else:
            assert "--no-index" in step or "--no-build-isolation" in step


def test_the_image_is_built_in_two_stages_out_of_what_is_here_and_runs_without_root() -> None:
    found = instructions(CONTAINERFILE)
    starts = [i for i, (word, _) in enumerate(found) if word == "FROM"]
    assert len(starts) == 2
    for word, rest in found:
        if word == "COPY" and not rest.startswith("--from="):
            assert all((ROOT / name).exists() for name in rest.split()[:-1])
    last = dict(found[starts[-1] :])
    user, _, group = last["USER"].partition(":")
    assert int(user) > 0
    assert int(group) > 0
    assert last["ENTRYPOINT"] == '["provenance"]'


def test_the_argo_step_runs_without_root_on_a_root_that_is_read_only() -> None:
    workflow, container = loaded("argo.yaml")["spec"], templates()["provenance"]["container"]
    assert workflow["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert not container["securityContext"]["allowPrivilegeEscalation"]
    volumes = {one["name"] for one in workflow["volumes"]}
    assert {one["name"] for one in container["volumeMounts"]} == volumes


def test_desks_run_without_root_or_rights_on_a_root_that_is_read_only() -> None:
    for name in ("desk-1", "desk-2"):
        desk = loaded("compose.yaml")["services"][name]
        assert desk["user"] == "10001:10001"
        assert desk["read_only"]
        assert desk["cap_drop"] == ["ALL"]
        assert "/readyz" in desk["healthcheck"]["test"][-1]
    pod = desk_pod()
    assert pod["securityContext"]["runAsNonRoot"]
    volumes = {one["name"] for one in pod["volumes"]}
    for container in (*pod["initContainers"], *pod["containers"]):
        rights = container["securityContext"]
        assert rights["readOnlyRootFilesystem"]
        assert not rights["allowPrivilegeEscalation"]
        assert rights["capabilities"] == {"drop": ["ALL"]}
        assert {one["name"] for one in container["volumeMounts"]} <= volumes
    (desk,) = pod["containers"]
    assert desk["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert desk["livenessProbe"]["httpGet"]["path"] == "/healthz"


def test_the_workflow_reads_no_command_out_of_what_it_was_given() -> None:
    for step in loaded("github-actions.yml")["jobs"]["stamp"]["steps"]:
        assert "${{" not in step.get("run", "")
