"""Approvals: who may let a clip be stamped, and every way in which they did not."""

from __future__ import annotations

import base64
import json
import pickle
import stat
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from provenance import approvals
from provenance.approvals import Approval, ApprovalPolicy, Envelope, key_id
from provenance.approvals.envelope import pre_authentication, take_apart
from provenance.errors import ApprovalError, KeyringError, OutputError, UsageError

CLIP, OTHER = "a" * 64, "b" * 64
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ANNA, BEN, STRANGER = (Ed25519PrivateKey.generate() for _ in range(3))
STAMPING = generate_private_key(SECP256R1()).public_key()
TWO = ApprovalPolicy(needed=2)


def trusted(*keys: Ed25519PrivateKey) -> Mapping[str, Ed25519PublicKey]:
    return {key_id(key.public_key()): key.public_key() for key in keys}


def signed(
    key: Ed25519PrivateKey = ANNA,
    approver: str = "anna",
    clip: str = CLIP,
    policy: str = "default",
    age: timedelta = timedelta(),
) -> Envelope:
    _, line = approvals.approve(clip, key, approver, policy=policy, now=NOW - age)
    return take_apart(line)


def check(*envelopes: Envelope, policy: ApprovalPolicy | None = None) -> tuple[Approval, ...]:
    return approvals.check_approvals(envelopes, CLIP, trusted(ANNA, BEN), STAMPING, policy, now=NOW)


def refused(*envelopes: Envelope, policy: ApprovalPolicy | None = None) -> str:
    with pytest.raises(ApprovalError) as caught:
        check(*envelopes, policy=policy)
    assert str(caught.value).endswith(".")
    assert caught.value.exit_code == 3
    return caught.value.reason


def test_the_encoding_that_is_signed_is_that_of_the_protocol() -> None:
    """The example of the DSSE specification."""
    encoded = pre_authentication("http://example.com/HelloWorld", b"hello world")
    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_one_good_approval_is_enough_whatever_lies_beside_it() -> None:
    (found,) = check(signed(clip=OTHER), signed(STRANGER), signed(policy="press"), signed())
    assert (found.approver, found.clip_sha256, found.approved_at) == ("anna", CLIP, NOW)
    assert found.key_id == key_id(ANNA.public_key())


def test_two_reviewers_are_two_keys_and_two_ids() -> None:
    both = check(signed(), signed(BEN, "ben"), policy=TWO)
    assert [one.approver for one in both] == ["anna", "ben"]
    reference = approvals.reference_of(both)
    assert reference == approvals.reference_of(both[::-1])
    assert len(reference) < 256
    again = signed(age=timedelta(minutes=1))
    assert check(signed(), again, signed(BEN, "ben"), policy=TWO)[1].approver == "ben"


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        ((), "one_of_two"),
        ((signed(age=timedelta(minutes=1)),), "one_of_two"),
        ((signed(approver="ben"),), "one_of_two"),
        ((signed(BEN, "ANNA"),), "one_of_two"),
        ((signed(STRANGER, "ben"),), "one_of_two"),
        ((signed(BEN, "ben", clip=OTHER),), "one_of_two"),
    ],
)
def test_one_approval_is_not_two(second: tuple[Envelope, ...], reason: str) -> None:
    assert refused(signed(), *second, policy=TWO) == reason


def test_every_reason_has_its_word() -> None:
    good = signed()
    payload = good.payload.replace(CLIP.encode(), OTHER.encode())
    foreign = Envelope(good.payload, "application/vnd.in-toto+json", good.signatures)
    month = ApprovalPolicy(max_age=timedelta(days=30))
    assert refused() == "no_approval"
    assert refused(signed(clip=OTHER)) == "other_clip"
    assert refused(signed(STRANGER)) == "unknown_reviewer"
    assert refused(Envelope(payload, good.payload_type, good.signatures)) == "bad_signature"
    assert refused(foreign) == "unreadable"
    assert refused(signed(policy="press")) == "other_policy"
    assert refused(good, policy=ApprovalPolicy("press")) == "other_policy"
    assert refused(signed(age=timedelta(days=31)), policy=month) == "too_old"
    assert refused(signed(age=timedelta(minutes=-10))) == "from_the_future"
    assert check(signed(age=timedelta(minutes=-4)))
    assert check(signed(age=timedelta(days=29)), policy=month)


def test_a_signature_moved_to_another_type_of_document_does_not_hold() -> None:
    good = signed()
    line = ANNA.sign(pre_authentication("text/plain", good.payload))
    moved = Envelope(good.payload, good.payload_type, ((good.signatures[0][0], line),))
    assert refused(moved) == "bad_signature"


def test_the_hint_of_a_key_is_not_believed() -> None:
    good = signed()
    (_, signature), ben = good.signatures[0], key_id(BEN.public_key())
    assert check(Envelope(good.payload, good.payload_type, (("", signature),)))
    assert check(Envelope(good.payload, good.payload_type, ((ben, signature),)))[0].key_id != ben


def test_the_key_that_stamps_approves_nothing() -> None:
    """Not even beside a good approval, and not when somebody lists it as a reviewer's."""
    for reviewers in (trusted(ANNA, BEN), trusted(BEN)):
        with pytest.raises(ApprovalError, match="the key that stamps") as caught:
            approvals.check_approvals(
                [signed(BEN, "ben"), signed()], CLIP, reviewers, ANNA.public_key(), now=NOW
            )
        assert caught.value.reason == "own_key"


@pytest.mark.parametrize(
    "said",
    [
        b"{}",
        b"[]",
        b"not json",
        b"[" * 100_000,
        b'{"schema":"provenance.approval/2"}',
        json.dumps({"schema": "provenance.approval/1", "clip": {"sha256": 1}}).encode(),
        signed().payload.replace(b'"anna"', b'"an\\u0007na"'),
        signed().payload.replace(b"T12", b"T99"),
        signed().payload.replace(b'"sha256"', b'"md5"'),
        signed().payload.replace(b'"policy"', b'"rule"'),
    ],
)
def test_a_signed_statement_of_another_form_is_refused(said: bytes) -> None:
    envelope = Envelope(said, signed().payload_type, ())
    line = ANNA.sign(pre_authentication(envelope.payload_type, said))
    assert refused(Envelope(said, envelope.payload_type, (("", line),))) == "unreadable"


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"payload":"!","payloadType":"t","signatures":[{"sig":""}]}',
        b'{"payload":"","payloadType":"t","signatures":[]}',
        b'{"payload":"","payloadType":"t","signatures":["a"]}',
        b'{"payload":"","payloadType":1,"signatures":[{"sig":""}]}',
        b'{"payload":"","payloadType":"t","signatures":[{"sig":"\xc3\xa9"}]}',
        b"{}\n" * 33,
        b" " * 300_000,
    ],
)
def test_a_file_that_holds_no_approvals_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.mp4.approval.json"
    file.write_bytes(content)
    with pytest.raises(ApprovalError) as caught:
        approvals.read_approvals(file)
    assert caught.value.reason == "unreadable"


def test_no_file_and_an_empty_one_are_no_approval(tmp_path: Path) -> None:
    file = tmp_path / "a.mp4.approval.json"
    for content in (None, b"", b"\n\n"):
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(ApprovalError) as caught:
            approvals.read_approvals(file)
        assert caught.value.reason == "no_approval"
    with pytest.raises(ApprovalError, match="can't be read"):
        approvals.read_approvals(tmp_path)


def test_approvals_are_added_one_a_line_and_none_twice(tmp_path: Path) -> None:
    file = approvals.approval_path(tmp_path / "a.mp4")
    for key, who in ((ANNA, "anna"), (BEN, "ben")):
        approvals.add_approval(file, *approvals.approve(CLIP, key, who, now=NOW))
    assert file.name == "a.mp4.approval.json"
    assert len(check(*approvals.read_approvals(file), policy=TWO)) == 2
    before = file.read_bytes()
    with pytest.raises(UsageError, match="by this key already"):
        approvals.add_approval(file, *approvals.approve(CLIP, ANNA, "anna", now=NOW))
    assert file.read_bytes() == before
    approvals.add_approval(file, *approvals.approve(OTHER, ANNA, "anna", now=NOW))
    assert len(approvals.read_approvals(file)) == 3
    (tmp_path / "other.json").write_bytes(b"precious")
    with pytest.raises(UsageError, match="Nothing was added"):
        approvals.add_approval(tmp_path / "other.json", *approvals.approve(CLIP, ANNA, "anna"))
    assert (tmp_path / "other.json").read_bytes() == b"precious"


def test_a_full_disk_leaves_no_half_approval(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        approvals.add_approval(Path("/dev/full"), *approvals.approve(CLIP, ANNA, "anna"))
    with pytest.raises(OutputError, match="cannot be written"):
        approvals.add_approval(tmp_path / "none" / "a", *approvals.approve(CLIP, ANNA, "anna"))


@pytest.mark.parametrize("who", ["", " anna", "an\nna", "x" * 257])
def test_an_approver_is_an_opaque_id(who: str) -> None:
    with pytest.raises(UsageError):
        approvals.approve(CLIP, ANNA, who)


def test_a_reviewers_key_is_theirs_alone(tmp_path: Path) -> None:
    file = tmp_path / "anna.pem"
    public = approvals.new_reviewer_key(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    key = approvals.load_reviewer_key(file)
    assert approvals.load_reviewers([public]) == approvals.load_reviewers(
        [tmp_path / "anna.pem.pub"]
    )
    assert list(approvals.load_reviewers([public])) == [key_id(key.public_key())]
    with pytest.raises(UsageError, match="exists already"):
        approvals.new_reviewer_key(file)
    public.unlink()
    with pytest.raises(UsageError, match="exists already"):
        approvals.new_reviewer_key(file)
    file.chmod(0o644)
    with pytest.raises(KeyringError, match="chmod 600"):
        approvals.load_reviewer_key(file)


def test_reviewers_are_read_from_files_and_folders(tmp_path: Path) -> None:
    folder = tmp_path / "reviewers"
    folder.mkdir()
    made = [approvals.new_reviewer_key(tmp_path / f"{n}.pem") for n in range(3)]
    (folder / "two.pem").write_bytes(made[0].read_bytes() + made[1].read_bytes())
    (folder / "README.md").write_text("who may approve", "utf-8")
    assert len(approvals.load_reviewers([folder])) == 2
    assert len(approvals.load_reviewers([folder, made[2], made[0]])) == 3
    assert approvals.load_reviewers([]) == {}
    (folder / "oops.pem").write_bytes((tmp_path / "0.pem").read_bytes())
    with pytest.raises(KeyringError, match="holds a private key"):
        approvals.load_reviewers([folder])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"),
        (b"hello", "no public key"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "damaged"),
        (b"x" * 100_000, "too large"),
    ],
)
def test_what_is_no_key_is_refused(tmp_path: Path, content: bytes | None, words: str) -> None:
    file = tmp_path / "key.pub"
    if content is not None:
        file.write_bytes(content)
        file.chmod(0o600)
        with pytest.raises(KeyringError, match=r"no Ed25519 key|too large"):
            approvals.load_reviewer_key(file)
    with pytest.raises(KeyringError, match=words):
        approvals.load_reviewers([file])


def test_the_stored_form_is_an_envelope_that_other_tools_read(tmp_path: Path) -> None:
    file = tmp_path / "a.approval.json"
    approvals.add_approval(file, *approvals.approve(CLIP, ANNA, "anna", policy="press", now=NOW))
    whole = json.loads(file.read_bytes())
    assert set(whole) == {"payload", "payloadType", "signatures"}
    assert json.loads(base64.b64decode(whole["payload"])) == {
        "schema": "provenance.approval/1",
        "clip": {"sha256": CLIP},
        "approver": "anna",
        "policy": "press",
        "approved_at": "2026-11-23T12:00:00Z",
    }


def test_a_refusal_comes_back_whole_from_another_process() -> None:
    error = pickle.loads(pickle.dumps(ApprovalError("one_of_two", "Two.")))  # noqa: S301 - ours
    assert (error.reason, str(error)) == ("one_of_two", "Two.")


def test_a_policy_asks_for_one_or_two() -> None:
    with pytest.raises(UsageError):
        ApprovalPolicy(needed=3)
