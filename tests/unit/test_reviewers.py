"""Reviewers: their keys, whose keys they are, and what that does to approvals."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from provenance.batch import approvals
from provenance.batch.approvals import PERSONS_FILE, Reviewers, key_id
from provenance.errors import KeyringError, UsageError
from provenance.registry import Withdrawal
from tests.unit.test_approvals import (
    ANNA,
    BEN,
    NOW,
    STRANGER,
    TWO,
    check,
    refused,
    signed,
    told,
    trusted,
)


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
