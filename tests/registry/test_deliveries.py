"""Receivers are told what happened: at least once, in order, through failures and kills."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from provenance.documents.heads import log_verification
from provenance.documents.notices import tell
from provenance.errors import DeliveryError, RegistryError, UsageError
from provenance.registry import Registry, model_target
from provenance.system.receivers import Program, Webhook, new_secret, read_secret
from provenance.verifying.verify import unexamined
from tests import receiver, schemas
from tests.conftest import environment
from tests.receiver import Receiver
from tests.registry.conftest import register


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "webhook.secret"
    path.write_text(new_secret())
    path.chmod(0o600)
    return path


@pytest.fixture
def web(secret: Path) -> Iterator[Receiver]:
    with receiver.running(secret) as running:
        yield running


def hook(web: Receiver, secret: Path, **changes: Any) -> Webhook:
    given: dict[str, Any] = {
        "url": web.url,
        "secret": read_secret(secret),
        "timeout": 5.0,
    } | changes
    return Webhook("webhook", **given)


def numbers(web: Receiver) -> list[int]:
    return [one["number"] for one in web.taken]


def test_what_happened_is_told_in_order_with_what_it_is_about(
    registry: Registry, tmp_path: Path, web: Receiver, secret: Path
) -> None:
    made = register(registry, tmp_path / "a.mp4")
    registry.withdrawals.withdraw("consent", "consent-1", "asked to", by="legal-2")
    registry.audit.append("export", kind="lines", sha256="00" * 32)
    registry.withdrawals.reinstate("consent", "consent-1", "a mistake")
    log_verification(registry, unexamined("x.mp4", "gone"))
    done = tell(registry, hook(web, secret))
    assert (done.told, done.row, done.error) == (4, 5, None)
    stamped, withdrawn, back, verified = (schemas.held(one) for one in web.taken)
    assert [one["event"] for one in web.taken] == ["stamp", "withdraw", "reinstate", "verify"]
    assert stamped["record"] == made.as_json()
    assert withdrawn["withdrawal"] == {
        "kind": "consent",
        "target": "consent-1",
        "reason": "asked to",
        "by": "legal-2",
    }
    assert back["withdrawal"]["reason"] == "a mistake"
    assert verified["verification"]["verdict"] == "NOT_CHECKED"
    assert len({one["id"] for one in web.taken}) == 4
    assert tell(registry, hook(web, secret)).told == 0
    assert web.asked == 4


def test_a_receiver_that_fails_some_times_gets_each_once_and_in_order(
    registry: Registry, tmp_path: Path, web: Receiver, secret: Path
) -> None:
    for name in ("a", "b", "c"):
        register(registry, tmp_path / f"{name}.mp4")
    web.answers = [500, 503, 204, 429, 204, 502]
    pauses: list[float] = []
    assert tell(registry, hook(web, secret), pause=pauses.append).error is None
    assert numbers(web) == [1, 2, 3]
    assert web.asked == 7
    assert pauses[0] <= 1.0 < 2.0 * pauses[1] <= 4.0, "the second pause of one message is longer"


def test_a_receiver_that_is_away_loses_nothing_and_its_address_is_in_no_sentence(
    registry: Registry, tmp_path: Path, secret: Path
) -> None:
    register(registry, tmp_path / "a.mp4")
    with receiver.running(secret) as web:
        assert tell(registry, hook(web, secret)).told == 1
        port = web.port
    for number in range(3):
        registry.withdrawals.withdraw("model", model_target(f"m{number}", None), "recalled")
    gone = tell(registry, hook(web, secret), attempts=2, pause=lambda _: None)
    assert (gone.told, gone.row) == (0, 1)
    assert f"127.0.0.1:{port} did not take it: connection refused" in str(gone.error)
    assert "secret-path" not in str(gone.error)
    with receiver.running(secret, port) as back:
        assert tell(registry, hook(back, secret)).error is None
        assert numbers(back) == [2, 3, 4]


def test_what_is_refused_for_good_is_not_tried_again_and_not_passed_over(
    registry: Registry, tmp_path: Path, web: Receiver, secret: Path
) -> None:
    register(registry, tmp_path / "a.mp4")
    web.answers = [401]
    assert "answered 401" in str(tell(registry, hook(web, secret)).error)
    assert web.asked == 1
    assert tell(registry, hook(web, secret)).error is None
    assert numbers(web) == [1]


def test_a_redirect_is_not_followed(
    registry: Registry, tmp_path: Path, web: Receiver, secret: Path
) -> None:
    register(registry, tmp_path / "a.mp4")
    with receiver.running() as elsewhere:
        web.redirect, web.answers = elsewhere.url, [302]
        assert "answered 302" in str(tell(registry, hook(web, secret)).error)
        assert elsewhere.asked == 0


def test_two_runs_do_not_tell_the_same_receiver_at_once(
    registry: Registry, url: str, tmp_path: Path
) -> None:
    register(registry, tmp_path / "a.mp4")
    with registry.deliveries.turn("webhook"):
        with pytest.raises(RegistryError, match="Another run tells webhook"):
            registry.deliveries.turn("webhook").__enter__()
        with registry.deliveries.turn("another"):
            pass
    with registry.deliveries.turn("webhook") as (_, row):
        assert row == 0


def test_a_new_receiver_may_be_told_of_what_is_to_come_only(
    registry: Registry, tmp_path: Path, web: Receiver, secret: Path
) -> None:
    register(registry, tmp_path / "a.mp4")
    assert tell(registry, hook(web, secret), from_now=True).told == 0
    register(registry, tmp_path / "b.mp4")
    assert tell(registry, hook(web, secret), from_now=True).told == 1
    assert numbers(web) == [2]


def test_while_stamps_are_made_by_many_none_is_lost_and_none_out_of_order(
    registry: Registry, tmp_path: Path, web: Receiver, secret: Path
) -> None:
    done = threading.Event()

    def follow() -> None:
        while not done.is_set():
            tell(registry, hook(web, secret))
            time.sleep(0.01)

    with ThreadPoolExecutor(5) as pool:
        following = pool.submit(follow)
        made = [pool.submit(register, registry, tmp_path / f"{n}.mp4") for n in range(24)]
        ids = {one.result().stamp_id.hex for one in made}
        done.set()
        following.result()
    tell(registry, hook(web, secret))
    assert numbers(web) == list(range(1, 25))
    assert {one["stamp_id"] for one in web.taken} == ids


def test_a_run_that_is_killed_is_gone_on_from(
    registry: Registry, url: str, tmp_path: Path, web: Receiver, secret: Path
) -> None:
    for number in range(30):
        registry.withdrawals.withdraw("model", model_target(f"m{number}", None), "recalled")
    words = [sys.executable, "-m", "provenance", "registry", "deliver", "--webhook", web.url]
    words += ["--webhook-secret", str(secret), "--json"]
    env = environment() | {"PROVENANCE_REGISTRY": url}
    kills = 0
    while len(set(numbers(web))) < 30 and kills < 4:
        before = len(web.taken)
        run = subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL)
        while run.poll() is None and len(web.taken) < before + 5:
            time.sleep(0.002)
        run.send_signal(signal.SIGKILL)
        run.wait()
        kills += 1
    assert subprocess.run(words, env=env, check=False, stdout=subprocess.DEVNULL).returncode == 0
    assert kills >= 2
    told = numbers(web)
    firsts = list(dict.fromkeys(told))
    assert firsts == list(range(1, 31)), "each, and in order"
    assert len(told) <= 30 + kills, "a kill costs one repetition at most"


def test_a_program_reads_each_from_its_input(registry: Registry, tmp_path: Path) -> None:
    register(registry, tmp_path / "a.mp4")
    kept = tmp_path / "kept.jsonl"
    code = f"import sys; open({str(kept)!r}, 'a').write(sys.stdin.read())"
    program = Program("hook", f'{sys.executable} -c "{code}"', 30.0)
    assert tell(registry, program).error is None
    (notice,) = (json.loads(line) for line in kept.read_text().splitlines())
    assert schemas.held(notice)["event"] == "stamp"
    register(registry, tmp_path / "b.mp4")
    code = "import sys; print('first', file=sys.stderr); sys.exit('no such host')"
    failing = Program("hook", f'{sys.executable} -c "{code}"', 30.0)
    assert "ended with 1 (no such host);" in str(tell(registry, failing, attempts=1).error)
    assert "can't be run" in str(tell(registry, Program("hook", "/no/such", 1.0)).error)


@pytest.mark.parametrize(
    "address",
    ["http://example.com/x", "ftp://127.0.0.1/", "https://a:b@example.com/", "https://", "x"],
)
def test_an_address_that_is_not_safe_is_refused(address: str) -> None:
    with pytest.raises(UsageError):
        Webhook("webhook", address, None, 1.0)


def test_a_message_that_nobody_answers_ends_in_time() -> None:
    import socket  # noqa: PLC0415

    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(DeliveryError) as raised:
            Webhook("webhook", f"http://127.0.0.1:{port}/", None, 0.2).tell("1", b"{}")
    assert raised.value.retryable
