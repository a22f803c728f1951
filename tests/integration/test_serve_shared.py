"""Two desks over one PostgreSQL database share a queue; tokens say who may use them by program."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from provenance import StampResult
from provenance.cli import main
from tests.registry.conftest import fresh_database
from tests.schemas import held
from tests.serving import API, Served, served


@pytest.fixture
def database() -> Iterator[str]:
    with fresh_database() as url:
        yield url


def test_desks_share_a_queue_and_what_one_that_went_away_had_is_examined_by_another(
    tmp_path: Path, database: str, stamped: StampResult
) -> None:
    content, uploads = Path(stamped.output_path), tmp_path / "shared"
    flags = ("--uploads", uploads, "--database", database, "--workers", "1")
    keys: list[str] = []
    for ends in ("is closed", "is killed"):
        (tmp_path / ends).mkdir()
        with served(tmp_path / ends, *flags) as first:
            own = [first.hand_in(content, f"{len(keys) + number}.mp4") for number in range(2)]
            first.until(own[0], "quick", "normal", "waiting", "done")
            if ends == "is closed":
                code, said = first.stop()
                assert (code, "others look at what waits" in said) == (0, True)
            else:
                first.process.kill()
                first.process.wait()
        keys += own
    with served(tmp_path, *flags) as second:
        keys.append(second.hand_in(content, "4.mp4"))
        for number, key in enumerate(keys):
            told = second.until(key, "done")
            assert told["result"]["file"]["path"] == f"{number}.mp4"
            assert told["result"]["file"]["sha256"] == stamped.output_sha256
        assert Served(second.port, second.process, uploads).emptied()


def test_a_token_is_made_listed_used_and_revoked(tmp_path: Path) -> None:
    first, second = tmp_path / "a.token", tmp_path / "b.token"

    def tokens(*words: str | Path) -> str:
        given = ["tokens", *map(str, words), "--uploads", str(tmp_path / "uploads")]
        done = CliRunner().invoke(main, given)
        assert done.exit_code == 0, done.output
        return done.output

    assert "There are no tokens." in tokens("list")
    made = tokens("create", first, "--name", "a", "--per-minute", "2", "--json")
    told = json.loads(made)
    held(told)
    assert told["scopes"] == ["verify", "resolve"]
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    word = first.read_text("ascii").strip()
    assert word.split("_", 2)[2] not in made
    tokens("create", second, "--name", "b", "--scope", "admin")
    admin = {"Authorization": f"Bearer {second.read_text('ascii').strip()}"}
    mine = {"Authorization": f"Bearer {word}"}
    with served(tmp_path, "--tokens-only", "--per-minute", "1") as desk:
        for headers, status in (
            ({}, 401),
            ({"Authorization": "Bearer nonsense"}, 401),
            ({"Authorization": f"Basic {word}"}, 401),
            ({"Authorization": f"Bearer {word[:-1]}!"}, 401),
            (admin, 403),
            (mine, 202),
            (mine, 202),
            (mine, 429),
        ):
            sent = desk.ask("POST", API, b"no video", headers)
            assert sent.status == status, headers
            if status == 401:
                assert sent.headers["WWW-Authenticate"] == "Bearer"
        assert desk.ask("GET", "/metrics").status == 401
        assert desk.ask("GET", "/metrics", headers=mine).status == 403
        assert desk.ask("GET", "/metrics", headers=admin).status == 200
        assert desk.ask("GET", "/healthz").status == 200
        tokens("revoke", told["id"])
        assert desk.ask("POST", API, b"no video", mine).status == 401
        _, said = desk.stop()
    assert word.split("_", 2)[2] not in said
    assert "revoked" in tokens("list")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("create", "a.token", "--name", "a", "--scope", "all"), "There is no scope 'all'"),
        (("revoke", "none"), "There is no token 'none'"),
        (("list", "--database", "mysql://desk"), "SQLite or PostgreSQL"),
        (("list", "--database", "postgresql://a:b@host/desk"), "PROVENANCE_DATABASE"),
    ],
)
def test_what_is_wrong_about_a_token_is_told_in_a_sentence(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    given = ["tokens", *words, "--uploads", str(tmp_path / "uploads")]
    done = CliRunner().invoke(main, given)
    assert done.exit_code == 2
    assert said in done.stderr
