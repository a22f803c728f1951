"""What was withdrawn before, while or after a batch stamped it does not go out, or is named."""

from __future__ import annotations

import json

import pytest

from provenance.batch import STATE
from provenance.batch.jobs import Ledger
from provenance.batch.runner import tidy
from provenance.batch.work import do
from provenance.registry import Registry
from tests.conftest import Run
from tests.studio import (
    FIELDS,
    Studio,
    killed_at,
    revoke,
    task_of,
)


def test_a_withdrawn_consent_keeps_its_clips_from_being_stamped(studio: Studio, run: Run) -> None:
    studio.add("a", consents=["actor-7"])
    with Registry(str(studio.folder / "r.db"), create=True):
        pass
    revoked = run(
        *("registry", "revoke", "--consent", "actor-7", "--reason", "asked for it"),
        *("--registry", "r.db", "--even-if-none"),
    )
    assert revoked.code == 0, revoked.err
    assert run(*studio.words, "--dry-run", "--json").row["reason"] == "withdrawn"
    assert run(*studio.words, "--json").row["reason"] == "withdrawn"
    assert studio.files == []


def test_what_was_withdrawn_since_it_was_done_is_not_skipped_in_silence(
    studio: Studio, run: Run
) -> None:
    """The run names it, fails, and leaves it to people; with and without the ledger."""
    studio.add("a", consents=["actor-7"])
    studio.add("b")
    assert run(*studio.words).code == 0
    revoke(studio)
    for path in (None, *(studio.out / STATE).glob("ledger*")):
        if path is not None:
            path.unlink()
        again = run(*studio.words, "--json")
        states = {row["job"]["output"]: row["state"] for row in again.rows}
        assert (again.code, states) == (3, {"a.mp4": "withdrawn", "b.mp4": "skipped"})
        (row,) = (row for row in again.rows if row["state"] == "withdrawn")
        assert (row["reason"], row["stamp"]["output"]["path"]) == (
            "withdrawn",
            str(studio.out / "a.mp4"),
        )
        assert "its consent was withdrawn" in row["error"]
        assert "take it out of circulation" in row["error"]
    told = run(*studio.words)
    assert "Withdrawn: a.mp4" in told.err
    assert "1 done before, 1 withdrawn since" in told.out
    dry = run(*studio.words, "--dry-run", "--json")
    assert (dry.code, [row["reason"] for row in dry.rows]) == (3, ["withdrawn"])
    # Gone from there, it is not made again.
    (studio.out / "a.mp4").unlink()
    last = run(*studio.words, "--json")
    assert {row["job"]["output"]: row["state"] for row in last.rows}["a.mp4"] == "withdrawn"
    assert studio.files == ["b.mp4"]


def test_a_clip_that_was_made_from_a_withdrawn_one_is_named_too(studio: Studio, run: Run) -> None:
    studio.add("a", consents=["actor-7"])
    assert run(*studio.words).code == 0
    (studio.folder / "in" / "made.mp4").write_bytes((studio.out / "a.mp4").read_bytes())
    made, later = ({"input": "in/made.mp4", "output": f"{name}.mp4"} for name in ("m1", "m2"))
    studio.rows = [made | FIELDS | {"prompt": "a second prompt"}]
    studio.listing.write_text("".join(json.dumps(one) + "\n" for one in studio.rows), "utf-8")
    words = (*studio.words, "--allow-unapproved", "--restamp", "--json")
    assert run(*words).row["state"] == "stamped"
    revoke(studio)
    again = run(*words)
    assert (again.code, again.row["state"]) == (3, "withdrawn")
    assert "the consent of a clip that it was made from was withdrawn" in again.row["error"]
    studio.rows = [later | FIELDS | {"prompt": "a third prompt"}]
    studio.listing.write_text("".join(json.dumps(one) + "\n" for one in studio.rows), "utf-8")
    assert "it is, or was made from, a clip whose consent" in run(*words, "--dry-run").row["error"]
    refused = run(*words)
    assert (refused.code, refused.row["reason"]) == (3, "withdrawn")
    assert studio.files == ["a.mp4", "m1.mp4"]


@pytest.mark.parametrize("moment", ["stamped", "publishing", "published"])
def test_a_withdrawal_after_a_kill_stops_the_clip_or_names_it(
    studio: Studio, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clip that waits in the spool is not published; one that is out is named."""
    studio.add("a", consents=["actor-7"])
    job = killed_at(studio, moment, monkeypatch)
    revoke(studio)
    with Ledger(studio.settings().ledger) as ledger:
        tidy(studio.settings(), ledger, None, [job])
        attempt = do(task_of(job, studio.keyring), studio.settings(), ledger=ledger)
        again = do(task_of(job, studio.keyring), studio.settings(), ledger=ledger)
    out = moment == "published"
    state = "withdrawn" if out else "failed"
    assert [(one.state, one.reason, one.fault) for one in (attempt, again)] == [
        (state, "withdrawn", "job"),
        (state, "withdrawn", "job"),
    ]
    assert studio.files == (["a.mp4"] if out else [])
    assert studio.leftovers() == []
    assert set(studio.records().values()) == {1}  # the stamp stays on record, withdrawn


@pytest.mark.parametrize("allow_unapproved", [False, True])
def test_a_clip_that_waits_is_removed_when_its_reviewer_is_withdrawn(
    studio: Studio, allow_unapproved: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether or not the run could do without the approval that the waiting stamp rests on."""
    studio.add("a")
    job = killed_at(studio, "stamped", monkeypatch)
    settings = studio.settings(allow_unapproved=allow_unapproved)
    with Registry(str(studio.folder / "r.db")) as registry:
        (record,) = registry.search()
        (anna,) = record.approvers
        registry.withdrawals.withdraw("reviewer", anna, "laptop stolen")
    with Ledger(settings.ledger) as ledger:
        tidy(settings, ledger, None, [job])
        attempt = do(task_of(job, studio.keyring), settings, ledger=ledger)
    assert (attempt.state, attempt.reason, attempt.fault) == ("failed", "withdrawn", "job")
    assert "its reviewer was withdrawn" in (attempt.error or "")
    assert (studio.files, studio.leftovers()) == ([], [])
