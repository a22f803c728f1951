"""What a withdrawal names: a stamp, a model, a key, a consent or a reviewer's key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from provenance.errors import UsageError
from provenance.registry import (
    WithdrawalKind,
    check_reference,
    check_reviewer_id,
    model_target,
    named,
)
from provenance.results.payload import StampId

_Command = TypeVar("_Command", bound=Callable[..., Any])


def target_options(command: _Command) -> _Command:
    """The options that name a target, ``--reason TEXT`` and ``--by ID``."""
    command = by_option("for `registry withdrawals`")(command)
    reason = click.option(
        "--reason", metavar="TEXT", required=True, help="Why; shown to verifiers."
    )
    return one_target(reason(command))


def by_option(use: str) -> Callable[[_Command], _Command]:
    """``--by ID``; ``use`` says what it is for."""
    return click.option(
        "--by", metavar="ID", help=f"Who does it: an opaque id, {use}; no verifier sees it."
    )


def one_target(command: _Command) -> _Command:
    """The options that name a target."""
    for option in (
        click.option(
            "--reviewer", metavar="KEY-ID", help="Everything that this reviewer's key approved."
        ),
        click.option("--consent", metavar="REF", help="Everything that needed this consent."),
        click.option("--key", metavar="ID", help="Everything of a watermark or signing key."),
        click.option("--model-version", metavar="V", help="One version of it.  [default: all]"),
        click.option("--model-name", metavar="NAME", help="Everything of a model."),
        click.option("--stamp", metavar="STAMP-ID", help="One stamp."),
    ):
        command = option(command)
    return command


def stamp_id_of(text: str) -> StampId:
    """The stamp id that somebody typed.

    Raises:
        UsageError: it is none.
    """

    try:
        return StampId.from_hex(text.strip())
    except ValueError as error:
        raise UsageError(f"{text!r} is no stamp id; it has 16 hexadecimal digits.") from error


def stamps_of(kind: WithdrawalKind, target: str) -> str:
    """What there may be none of: ``stamp 67140baa2d6342f5``, ``stamp of model NAME``."""
    return f"{'' if kind == 'stamp' else 'stamp of '}{named(kind, target)}"


def target_of(
    *,
    stamp: str | None,
    model_name: str | None,
    model_version: str | None,
    key: str | None,
    consent: str | None,
    reviewer: str | None,
) -> tuple[WithdrawalKind, str]:
    """The one kind of target that was given, and its name.

    Raises:
        UsageError: none was given, or several, or one that is no such thing.
    """

    if [stamp, model_name, key, consent, reviewer].count(None) != 4:
        raise UsageError("Say what: one of --stamp, --model-name, --key, --consent or --reviewer.")
    if stamp is not None:
        return "stamp", stamp_id_of(stamp).hex
    if model_name is not None:
        return "model", model_target(model_name, model_version)
    if model_version is not None:
        raise UsageError("--model-version goes with --model-name.")
    if key is not None:
        return "key", check_reference(key)
    if reviewer is not None:
        return "reviewer", check_reviewer_id(reviewer.strip().lower())
    return "consent", check_reference(consent)
