"""Approvals that other tools make and read: the published form, its vectors, and DSSE."""

from __future__ import annotations

import base64
import copy
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jsonschema import Draft202012Validator
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined]  # not in its __all__

from provenance import approvals
from provenance.batch.approvals.envelope import pre_authentication
from provenance.batch.approvals.statements import PAYLOAD_TYPE
from provenance.errors import ApprovalError, UsageError
from tests.conftest import ROOT, Run

FOLDER = ROOT / "docs" / "approvals"
SCHEMA = Draft202012Validator(json.loads((FOLDER / "statement.schema.json").read_text()))
SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
"""Of RFC 8032's first test vector: a key that everybody knows."""
KEY = Ed25519PrivateKey.from_private_bytes(SEED)
PLAIN: dict[str, Any] = {
    "schema": "provenance.approval/1",
    "clip": {"sha256": "ab" * 32},
    "approver": "reviewer-7",
    "policy": "default",
    "approved_at": "2026-11-23T05:40:00Z",
}
JOB: dict[str, Any] = {
    "model": {"name": "ExampleVideoModel", "version": "3.2.1"},
    "prompt": {"alg": "hmac-sha256", "value": "cd" * 32, "key_id": "1f2e3d4c"},
    "consents": ["actor-31"],
    "digital_source_type": "trainedAlgorithmicMedia",
    "provider": None,
    "profile": "standard",
    "title": "sea.mp4",
    "keep_tags": [],
}
STATEMENTS = {"for the clip": PLAIN, "bound to a job": PLAIN | {"job": JOB}}


def envelope(payload: bytes, payload_type: str = PAYLOAD_TYPE, kind: str = "") -> str:
    """By hand, as another program would."""
    signed = pre_authentication(kind or payload_type, payload)
    whole = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": payload_type,
        "signatures": [{"keyid": "", "sig": base64.b64encode(KEY.sign(signed)).decode()}],
    }
    return json.dumps(whole)


def drawn() -> dict[str, Any]:
    """The vectors as the program makes them; Ed25519 gives the same every time."""
    made = []
    for name, statement in STATEMENTS.items():
        line = approvals.sign(statement, KEY)
        payload = base64.b64decode(json.loads(line)["payload"])
        signed = pre_authentication(PAYLOAD_TYPE, payload)
        made.append(
            {
                "name": name,
                "statement": statement,
                "signed_hex": signed.hex(),
                "envelope": line.decode().strip(),
            }
        )
    spaced = json.dumps(PLAIN, indent=1).encode()
    made.append(
        {
            "name": "in another spelling of the JSON, without the key's id",
            "statement": PLAIN,
            "signed_hex": pre_authentication(PAYLOAD_TYPE, spaced).hex(),
            "envelope": envelope(spaced),
        }
    )
    plain = json.dumps(PLAIN).encode()
    other = json.dumps(PLAIN | {"approver": "reviewer-8"}).encode()
    swapped = json.loads(envelope(plain)) | {"payload": base64.b64encode(other).decode()}
    refused = {
        "the statement was changed after it was signed": json.dumps(swapped),
        "signed for another type": envelope(plain, kind="application/vnd.in-toto+json"),
        "another type": envelope(plain, "application/vnd.in-toto+json"),
        "another version": envelope(json.dumps(PLAIN | {"schema": "x/2"}).encode()),
        "a key that nobody knows": envelope(json.dumps(PLAIN | {"note": "x"}).encode()),
        "no envelope": plain.decode(),
    }
    public = KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return {
        "key": {
            "private_seed_hex": SEED.hex(),
            "public_pem": public.decode(),
            "keyid": approvals.key_id(KEY.public_key()),
        },
        "accepted": made,
        "refused": [{"name": name, "envelope": line} for name, line in refused.items()],
    }


VECTORS = json.loads((FOLDER / "vectors.json").read_text())


def test_the_published_vectors_are_those_of_the_program() -> None:
    assert drawn() == VECTORS


@pytest.mark.parametrize("vector", VECTORS["accepted"], ids=lambda one: one["name"])
def test_a_vector_is_accepted_and_says_what_it_says(vector: dict[str, Any]) -> None:
    SCHEMA.validate(vector["statement"])
    found = approvals.verify(vector["envelope"].encode(), [KEY.public_key()])
    said = found.as_json()
    assert {name: said[name] for name in vector["statement"]} == vector["statement"]


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda one: one["name"])
def test_a_vector_that_is_none_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(ApprovalError):
        approvals.verify(vector["envelope"].encode(), [KEY.public_key()])


def test_nobody_else_s_key_has_signed_it() -> None:
    line = approvals.sign(PLAIN, KEY)
    with pytest.raises(ApprovalError, match="None of the keys"):
        approvals.verify(line, [Ed25519PrivateKey.generate().public_key()])


def changed(path: str, value: Any) -> dict[str, Any]:
    """A bound statement with one thing in it changed; None takes it away."""
    statement = copy.deepcopy(STATEMENTS["bound to a job"])
    *before, last = path.split(".")
    inside = statement
    for step in before:
        inside = inside[step]
    if value is None:
        del inside[last]
    else:
        inside[last] = value
    return statement


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("clip.sha256", "AB" * 32),
        ("clip.sha256", "ab"),
        ("clip.name", "sea.mp4"),
        ("clip", None),
        ("approver", ""),
        ("approver", None),
        ("approver", " x"),
        ("approver", "x" * 257),
        ("approver", 7),
        ("policy", ["a"]),
        ("approved_at", "2026-11-23"),
        ("approved_at", "2026-11-23T05:40:00+01:00"),
        ("note", "x"),
        ("schema", "provenance.approval/2"),
        ("job", []),
        ("job.title", None),
        ("job.other", "x"),
        ("job.model.version", 3),
        ("job.prompt.value", None),
        ("job.consents", "actor-31"),
        ("job.consents", [""]),
    ],
)
def test_what_the_schema_refuses_is_not_signed_either(path: str, value: Any) -> None:
    statement = changed(path, value)
    assert not SCHEMA.is_valid(statement)
    if value is None and path in ("policy", "approved_at", "schema"):
        return  # sign fills these in
    with pytest.raises(UsageError):
        approvals.sign(statement, KEY)


def test_what_every_approval_has_is_filled_in() -> None:
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    line = approvals.sign({"clip": {"sha256": "ab" * 32}, "approver": "x"}, KEY, now=now)
    found = approvals.verify(line, [KEY.public_key()])
    assert (found.policy, found.approved_at) == ("default", now)
    SCHEMA.validate(json.loads(base64.b64decode(json.loads(line)["payload"])))


def test_others_libraries_read_and_make_our_envelopes() -> None:
    """securesystemslib is what in-toto, and sigstore's predecessors in Python, read DSSE with."""
    line = approvals.sign(STATEMENTS["bound to a job"], KEY)
    theirs = Envelope.from_dict(json.loads(line))
    assert theirs.payload_type == PAYLOAD_TYPE
    key = SSlibKey.from_crypto(KEY.public_key(), keyid=approvals.key_id(KEY.public_key()))
    assert list(theirs.verify([key], 1)) == [key.keyid]
    made = Envelope(theirs.payload, PAYLOAD_TYPE, {})
    made.sign(CryptoSigner(KEY))
    back = approvals.verify(json.dumps(made.to_dict()).encode(), [KEY.public_key()])
    assert back.approver == "reviewer-7"


def test_an_approval_of_a_day_to_come_is_not_signed() -> None:
    key = Ed25519PrivateKey.generate()
    statement = {"clip": {"sha256": "ab" * 32}, "approver": "anna"}
    now = datetime(2026, 11, 28, 12, tzinfo=UTC)
    near = statement | {"approved_at": "2026-11-28T12:04:00Z"}
    assert approvals.verify(approvals.sign(near, key, now=now), [key.public_key()])
    with pytest.raises(UsageError, match="2026-11-28 12:06 UTC, which is still to come"):
        approvals.sign(statement | {"approved_at": "2026-11-28T12:06:00Z"}, key, now=now)


def test_a_review_tool_signs_by_the_command(run: Run, tmp_path: Path) -> None:
    assert run("approve", "--new-key", "anna.pem").code == 0
    key = approvals.load_reviewer_key(tmp_path / "anna.pem").public_key()
    asked = ("approve", "--statement", "-", "--key", "anna.pem")
    statement = json.dumps({"clip": {"sha256": "ab" * 32}, "approver": "anna"})
    done = run(*asked, input=statement)
    assert (done.code, done.err) == (0, "")
    assert approvals.verify(done.out.encode(), [key]).approver == "anna"
    assert run(*asked, "--out", "a.json", "--json", input=statement).row["approver"] == "anna"
    again = run(*asked, "--out", "a.json", input=statement)
    assert (again.code, "already" in again.err) == (2, True)
    for wrong in ("", "[]", '{"clip": 1}', '{"approver": "a", "approver": "b"}', "{" * 9999):
        refused = run(*asked, input=wrong)
        assert (refused.code, refused.out) == (2, "")
    assert run(*asked, "--approver", "x", input=statement).code == 2
    assert "--key FILE" in run("approve", "--statement", "-", input=statement).err
    assert os.path.getsize(tmp_path / "a.json") > 0
