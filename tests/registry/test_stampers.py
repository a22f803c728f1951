"""Whose keys stamp into a registry: its own, those that were let in, and any into an empty one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from provenance.errors import UsageError
from provenance.registry import Registry
from tests.registry.conftest import register

OWN, OTHER = ("a986830a",), ("0badcafe",)


def test_an_empty_registry_takes_any_keys(registry: Registry, tmp_path: Path) -> None:
    registry.reservations.reserve(OWN[0], tmp_path / "begun.mp4")
    registry.stampers.refuse_strangers(OTHER, "Beta")


def test_a_registry_with_stamps_refuses_keys_that_it_has_none_of(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path / "clip.mp4")
    with pytest.raises(UsageError) as caught:
        registry.stampers.refuse_strangers(OTHER, "Beta")
    assert "by watermark key a986830a of Example Studio, and none by the keys of Beta" in str(
        caught.value
    )
    assert caught.value.settings == ("keys", "registry", "brand")


def test_a_rotation_changes_nothing(registry: Registry, tmp_path: Path) -> None:
    register(registry, tmp_path / "clip.mp4")
    registry.stampers.refuse_strangers(("0000beef", *OWN), "Example Studio")


def test_a_reservation_alone_makes_no_keys_known(registry: Registry, tmp_path: Path) -> None:
    register(registry, tmp_path / "clip.mp4")
    registry.reservations.reserve(OTHER[0], tmp_path / "begun.mp4")
    with pytest.raises(UsageError, match="none by the keys of Beta"):
        registry.stampers.refuse_strangers(OTHER, "Beta")


def test_keys_are_let_in_once_and_the_log_says_so(registry: Registry, tmp_path: Path) -> None:
    register(registry, tmp_path / "clip.mp4")
    assert registry.stampers.admit(OTHER, by="operator-7")
    registry.stampers.refuse_strangers(("0000beef", *OTHER), "Beta")
    assert not registry.stampers.admit(OTHER)
    assert not registry.stampers.admit(OWN)
    head = registry.audit.head()
    assert head is not None
    assert (head.number, head.event) == (2, "admit")
    assert json.loads(head.details) == {"key_id": OTHER[0], "by": "operator-7"}
    assert registry.check().broken is None


def test_who_lets_them_in_is_an_opaque_id(registry: Registry) -> None:
    with pytest.raises(UsageError):
        registry.stampers.admit(OTHER, by="Jane Doe\n")
