"""Approvals: who may let a clip be stamped, and every way in which they did not."""

from __future__ import annotations

import base64
import json
import pickle
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from provenance import approvals
from provenance.approvals import (
    PERSONS_FILE,
    Approval,
    ApprovalPolicy,
    Envelope,
    Reviewers,
    key_id,
)
from provenance.approvals.envelope import pre_authentication, take_apart
from provenance.errors import ApprovalError, KeyringError, OutputError, UsageError
from provenance.registry import Withdrawal

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
    chosen = {"reviewers": trusted(ANNA, BEN), "signing_key": STAMPING, "terms": None} | options
    return approvals.check_approvals(envelopes, CLIP, policy=policy, now=NOW, **chosen)


def told(*envelopes: Envelope, **options: Any) -> tuple[str, str]:
    """Why they do not count, as a word and as a sentence."""
    with pytest.raises(ApprovalError) as caught:
        check(*envelopes, **options)
    assert str(caught.value).endswith(".")
    assert caught.value.exit_code == 3
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


def test_a_reviewers_key_is_theirs_alone(tmp_path: Path) -> None:
    file = tmp_path / "anna.pem"
    public = approvals.new_reviewer_key(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    key = approvals.load_reviewer_key(file)
    assert approvals.load_reviewers([public]) == approvals.load_reviewers(
        [tmp_path / "anna.pem.pub"]
    )
    assert list(approvals.load_reviewers([public]).keys) == [key_id(key.public_key())]
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
    assert len(approvals.load_reviewers([folder]).keys) == 2
    assert len(approvals.load_reviewers([folder, made[2], made[0]]).keys) == 3
    assert approvals.load_reviewers([]) == Reviewers()
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


# --- persons


def test_two_keys_of_one_person_are_one_approval_whatever_names_they_use() -> None:
    """One person who approves twice, with two keys, under two names."""
    twice = signed(), signed(BEN, "somebody else")
    assert len(check(*twice, policy=TWO)) == 2  # nobody said whose keys they are
    one = trusted(anna=(ANNA, BEN), carl=(STRANGER,))
    reason, sentence = told(*twice, policy=TWO, reviewers=one)
    assert reason == "one_of_two"
    assert "by different persons" in sentence
    second = signed(STRANGER, "carl")
    assert {a.approver for a in check(*twice, second, policy=TWO, reviewers=one)} == {
        "anna",
        "carl",
    }
    assert len(check(*twice, reviewers=one)) == 1


def test_two_spellings_of_a_person_are_one() -> None:
    keys = {key_id(key.public_key()): key.public_key() for key in (ANNA, BEN)}
    persons = dict(zip(keys, ("Anna", "ＡＮＮＡ"), strict=True))  # noqa: RUF001 - that is the point
    spelled = Reviewers(keys, persons)
    assert refused(signed(), signed(BEN, "b"), policy=TWO, reviewers=spelled) == "one_of_two"


def test_nobody_signs_in_the_name_of_another_person() -> None:
    listed = trusted(anna=(ANNA,), ben=(BEN,))
    assert refused(signed(ANNA, "Ben"), reviewers=listed) == "other_person"
    assert check(signed(ANNA, "ANNA"), reviewers=listed)
    assert check(signed(ANNA, "an id that the list does not know"), reviewers=listed)


def test_a_withdrawn_key_approves_nothing_and_others_still_do() -> None:
    gone = Withdrawal("reviewer", key_id(ANNA.public_key()), "laptop stolen", NOW)
    withdrawn = {gone.target: gone}
    reason, sentence = told(signed(), withdrawn=withdrawn)
    assert reason == "withdrawn_reviewer"
    assert "withdrawn on 2026-11-23 (laptop stolen)" in sentence
    (found,) = check(signed(), signed(BEN, "ben"), withdrawn=withdrawn)
    assert found.approver == "ben"
    reason, sentence = told(signed(), signed(BEN, "ben"), policy=TWO, withdrawn=withdrawn)
    assert reason == "one_of_two"
    assert sentence.endswith("have another reviewer approve the clip.")


def persons_file(folder: Path, text: str) -> Path:
    path = folder / PERSONS_FILE
    path.write_text(text, "utf-8")
    return path


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """A folder of three reviewers' public keys: 0.pub, 1.pub, 2.pub."""
    folder = tmp_path / "reviewers"
    folder.mkdir()
    for number in range(3):
        public = approvals.new_reviewer_key(tmp_path / f"{number}.pem")
        public.rename(folder / f"{number}.pub")
    return folder


def test_a_file_says_whose_keys_they_are(three: Path) -> None:
    named = persons_file(three, '[persons]\nanna = ["0.pub", "1.pub"]\nben = ["2.pub"]\n')
    found = approvals.load_reviewers([three])
    assert sorted(found.persons.values()) == ["anna", "anna", "ben"]
    assert len(found.keys) == 3
    assert not found.bound
    assert approvals.load_reviewers([named]) == found
    persons_file(three, 'bound = true\n[persons]\nanna = ["0.pub", "1.pub", "2.pub"]\n')
    assert approvals.load_reviewers([three]).bound


def test_without_such_a_file_each_key_is_a_person(three: Path) -> None:
    found = approvals.load_reviewers([three])
    assert found.persons == {}
    assert len({found.person_of(key) for key in found.keys}) == 3


def test_a_key_of_two_persons_is_an_error_however_it_is_written(three: Path) -> None:
    """As the same file, and as the same key in another file and with other line ends."""
    again = (three / "0.pub").read_bytes().replace(b"\n", b"\r\n")
    (three / "3.pub").write_bytes(b"a comment\n" + again)
    for other in ("0.pub", "3.pub"):
        persons_file(
            three, f'[persons]\nanna = ["0.pub", "1.pub"]\nben = ["2.pub", "{other}", "3.pub"]\n'
        )
        with pytest.raises(KeyringError, match="two persons, anna and ben"):
            approvals.load_reviewers([three])


def test_where_persons_are_named_every_key_has_to_be_somebodys(three: Path) -> None:
    """Else anna's third key, put beside her others, would be a second person."""
    persons_file(three, '[persons]\nanna = ["0.pub", "1.pub"]\n')
    with pytest.raises(KeyringError, match=r"2\.pub stands under no person"):
        approvals.load_reviewers([three])
    (three / "2.pub").rename(three.parent / "2.pub")
    assert len(approvals.load_reviewers([three]).keys) == 2
    with pytest.raises(KeyringError, match="under no person"):
        approvals.load_reviewers([three, three.parent / "2.pub"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[persons", "not valid TOML"),
        ("", "names no persons"),
        ("[persons]\n", "names no persons"),
        ('[person]\nanna = ["0.pub"]\n', "something else"),
        ('bound = 1\n[persons]\nanna = ["0.pub"]\n', "something else"),
        ('[persons]\nanna = "0.pub"\n', "a list of"),
        ("[persons]\nanna = []\n", "a list of"),
        ("[persons]\nanna = [7]\n", "a list of"),
        ('[persons]\n" " = ["0.pub"]\n', "A name in"),
        ('[persons]\nanna = ["none.pub"]\n', "cannot be read"),
    ],
)
def test_a_file_of_persons_that_can_t_be_used_is_refused(
    three: Path, text: str, words: str
) -> None:
    persons_file(three, text)
    with pytest.raises(KeyringError, match=words):
        approvals.load_reviewers([three])


@pytest.mark.parametrize(
    "point",
    [
        (1).to_bytes(32, "little"),
        bytes(32),
        (2**255 - 20).to_bytes(32, "little"),
        bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
        bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        (2**255 - 18).to_bytes(32, "little"),
        (2**255 - 18 + 2**255).to_bytes(32, "little"),
    ],
)
def test_a_key_under_which_anybody_can_sign_is_refused(tmp_path: Path, point: bytes) -> None:
    """The points of small order: identity, and others, and the identity in other spellings."""
    key = Ed25519PublicKey.from_public_bytes(point)
    file = tmp_path / "any.pub"
    file.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(KeyringError, match="anybody can sign"):
        approvals.load_reviewers([file])


def test_such_a_key_would_let_anybody_sign() -> None:
    """Why they are refused: under the identity, one signature made without a secret holds."""
    identity = Ed25519PublicKey.from_public_bytes((1).to_bytes(32, "little"))
    identity.verify((1).to_bytes(32, "little") + bytes(32), b"whatever is approved")
