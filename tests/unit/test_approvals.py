"""Approvals: who may let a clip be stamped, and every way in which they did not."""

from __future__ import annotations

import base64
import json
import pickle
import stat
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from provenance.batch import approvals
from provenance.batch.approvals import (
    Approval,
    ApprovalPolicy,
    Envelope,
    Reviewers,
    Terms,
    key_id,
)
from provenance.batch.approvals.envelope import pre_authentication, take_apart
from provenance.errors import ApprovalError, InputError, KeyringError, OutputError, UsageError
from provenance.manifest import given_prompt_hash, hash_prompt
from provenance.manifest.prompt import PromptKey

CLIP, OTHER = "a" * 64, "b" * 64
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ANNA, BEN, STRANGER = (Ed25519PrivateKey.generate() for _ in range(3))
STAMPING = generate_private_key(SECP256R1()).public_key()
TWO = ApprovalPolicy(needed=2)


def trusted(*keys: Ed25519PrivateKey, **persons: tuple[Ed25519PrivateKey, ...]) -> Reviewers:
    """Reviewers by their keys alone, or by name."""
    every = [*keys, *(key for own in persons.values() for key in own)]
    return Reviewers(
        {key_id(key.public_key()): key.public_key() for key in every},
        {key_id(key.public_key()): name for name, own in persons.items() for key in own},
    )


def signed(
    key: Ed25519PrivateKey = ANNA,
    approver: str = "anna",
    clip: str = CLIP,
    age: timedelta = timedelta(),
    **said: Any,
) -> Envelope:
    _, line = approvals.approve(clip, key, approver, now=NOW - age, **said)
    return take_apart(line)


def check(
    *envelopes: Envelope, policy: ApprovalPolicy | None = None, **options: Any
) -> tuple[Approval, ...]:
    chosen: dict[str, Any] = {
        "reviewers": trusted(ANNA, BEN),
        "signing_key": STAMPING,
        "terms": None,
    } | options
    return approvals.check_approvals(envelopes, CLIP, policy=policy, now=NOW, **chosen)


def told(*envelopes: Envelope, **options: Any) -> tuple[str, str]:
    """Why they do not count, as a word and as a sentence."""
    with pytest.raises(ApprovalError) as caught:
        check(*envelopes, **options)
    assert str(caught.value).endswith(".")
    assert isinstance(caught.value, InputError)
    return caught.value.reason, str(caught.value)


def refused(*envelopes: Envelope, **options: Any) -> str:
    return told(*envelopes, **options)[0]


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
            check(signed(BEN, "ben"), signed(), reviewers=reviewers, signing_key=ANNA.public_key())
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


# --- bound to a job

BINDING = PromptKey("b1", b"b" * 32)
TERMS = Terms(
    model_name="Model",
    model_version="1",
    prompts=(hash_prompt("a cat", BINDING),),
    consents=("actor-7",),
    digital_source_type="trainedAlgorithmicMedia",
    provider=None,
    profile="standard",
    title="a.mp4",
    keep_tags=(),
)
BOUND = ApprovalPolicy(bound=True)


def test_a_statement_with_a_job_comes_back_as_it_was_signed() -> None:
    (found,) = check(signed(terms=TERMS), terms=TERMS, policy=BOUND)
    assert found.terms == TERMS
    assert found.as_json()["job"] == TERMS.as_json()
    assert check(signed())[0].as_json()["job"] is None


def test_the_job_s_prompt_may_be_known_under_several_keys() -> None:
    """The prompt key was rotated since."""
    newer = PromptKey("b2", b"n" * 32)
    both = (hash_prompt("a cat", newer), hash_prompt("a cat", BINDING))
    assert check(signed(terms=TERMS), terms=replace(TERMS, prompts=both))
    _, sentence = told(signed(terms=TERMS), terms=replace(TERMS, prompts=both[:1]))
    assert "prompt (under binding key b1, which is not held here)" in sentence
    given = (given_prompt_hash("ab" * 32),)
    _, sentence = told(signed(terms=TERMS), terms=replace(TERMS, prompts=given))
    assert "job has: prompt; correct" in sentence


def test_every_value_that_differs_is_named() -> None:
    changes: dict[str, Any] = {
        "model_name": "M",
        "model_version": "2",
        "consents": (),
        "digital_source_type": "algorithmicMedia",
        "provider": "Other House",
        "profile": "strong",
        "title": "b.mp4",
        "keep_tags": ("comment",),
        "prompts": (hash_prompt("a dog", BINDING),),
    }
    assert set(changes) == {field.name for field in fields(Terms)}
    for name, value in changes.items():
        other = replace(TERMS, **{name: value})
        assert refused(signed(terms=TERMS), terms=other) == "other_job"
        assert len(other.differing(TERMS)) == 1
    _, sentence = told(signed(terms=TERMS), terms=replace(TERMS, **changes))
    assert (
        "job has: model name, model version, consents, digital source type, provider, profile, "
        "title, tags kept and prompt; correct" in sentence
    )


def test_where_it_is_demanded_an_approval_names_its_job() -> None:
    assert check(signed(), terms=TERMS)
    assert refused(signed(), terms=TERMS, policy=BOUND) == "unbound"
    demanding = replace(trusted(ANNA, BEN), bound=True)
    assert refused(signed(), terms=TERMS, reviewers=demanding) == "unbound"
    assert check(signed(terms=TERMS), terms=TERMS, reviewers=demanding)
    assert refused(signed(terms=TERMS)) == "other_job"  # nobody knows which job this is


def test_of_two_approvals_the_one_that_does_not_count_says_why() -> None:
    other = replace(TERMS, title="b.mp4")
    reason, sentence = told(
        signed(terms=TERMS), signed(BEN, "ben", terms=other), terms=TERMS, policy=TWO
    )
    assert reason == "one_of_two"
    assert "for other values than the job has: title;" in sentence
    both = check(signed(terms=TERMS), signed(BEN, "ben"), terms=TERMS, policy=TWO)
    assert len(both) == 2


def test_of_several_reasons_the_nearest_is_told() -> None:
    other = signed(terms=replace(TERMS, title="b.mp4"))
    for order in ((signed(clip=OTHER), other), (other, signed(STRANGER))):
        assert refused(*order, terms=TERMS) == "other_job"


@pytest.mark.parametrize(
    "change",
    [
        {"job": None},
        {"job": {}},
        {"job": TERMS.as_json() | {"crf": 18}},
        {"job": TERMS.as_json() | {"model": "Model 1"}},
        {"job": TERMS.as_json() | {"prompt": None}},
        {"job": TERMS.as_json() | {"prompt": {"alg": "sha256", "value": 7, "key_id": None}}},
        {"job": TERMS.as_json() | {"consents": "actor-7"}},
        {"job": TERMS.as_json() | {"consents": [""]}},
        {"job": TERMS.as_json() | {"title": None}},
        {"jobs": TERMS.as_json()},
    ],
)
def test_a_signed_job_of_another_form_is_refused(change: dict[str, Any]) -> None:
    """Never read as one that binds nothing."""
    said = json.dumps(json.loads(signed().payload) | change).encode()
    kind = signed().payload_type
    line = ANNA.sign(pre_authentication(kind, said))
    assert refused(Envelope(said, kind, (("", line),)), terms=TERMS) == "unreadable"


def test_a_clip_is_approved_once_for_each_job(tmp_path: Path) -> None:
    file = tmp_path / "a.mp4.approval.json"
    for terms in (None, TERMS, replace(TERMS, profile="strong")):
        made = approvals.approve(CLIP, ANNA, "anna", terms=terms, now=NOW)
        approvals.add_approval(file, *made)
        with pytest.raises(UsageError, match="by this key already"):
            approvals.add_approval(file, *made)
    assert check(*approvals.read_approvals(file), terms=TERMS, policy=BOUND)[0].terms == TERMS


def test_terms_that_no_file_of_approvals_holds_are_refused() -> None:
    many = replace(TERMS, consents=tuple(f"consent-{n:0200}" for n in range(200)))
    with pytest.raises(UsageError, match="too long"):
        approvals.approve(CLIP, ANNA, "anna", terms=many)


def test_a_binding_key_is_derived_one_way_and_kept_private(tmp_path: Path) -> None:
    prompt_key = PromptKey("p1", b"p" * 32)
    key = approvals.binding_key(prompt_key)
    assert key == approvals.binding_key(prompt_key)
    assert key.secret != prompt_key.secret
    assert approvals.binding_key(BINDING) != key
    file = tmp_path / "binding.key"
    approvals.write_binding_key(file, key)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert approvals.load_binding_key(file) == key
    with pytest.raises(UsageError, match="exists already"):
        approvals.write_binding_key(file, key)
    file.chmod(0o640)
    with pytest.raises(KeyringError, match="chmod 600"):
        approvals.load_binding_key(file)
    file.chmod(0o600)
    for content in (b"", b"provenance-prompt-secret:" + b"00" * 32, b"x" * 5000):
        file.write_bytes(content)
        with pytest.raises(KeyringError, match="holds no binding key"):
            approvals.load_binding_key(file)
    with pytest.raises(OutputError):
        approvals.write_binding_key(tmp_path / "none" / "key", key)
