"""Options that several commands share: each is worded once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from provenance.cli.config import BRAND
from provenance.cli.opening import BRAND_GIVEN
from provenance.errors import UsageError

_Command = TypeVar("_Command", bound=Callable[..., Any])


def brand_option(command: _Command) -> _Command:
    """``--brand NAME``; whoever has settings from :func:`provenance.cli.opening.settings` heeds it.

    It comes with ``--keys`` and ``--registry``, once.
    """
    if any(one.name == BRAND for one in getattr(command, "__click_params__", ())):
        return command

    def note(ctx: click.Context, _parameter: click.Parameter, value: str | None) -> None:
        if value is not None:
            ctx.meta[BRAND_GIVEN] = value

    return click.option(
        "--brand",
        metavar="NAME",
        expose_value=False,
        callback=note,
        help="Whose settings to use: [brand.NAME] in provenance.toml.",
    )(command)


def keys_option(command: _Command) -> _Command:
    """``--keys DIR``."""
    command = brand_option(command)
    return click.option(
        "--keys",
        metavar="DIR",
        type=click.Path(path_type=Path),
        help="Keys folder.  [default: ./keys when it holds keys, else "
        "your user configuration folder]",
    )(command)


def registry_option(command: _Command) -> _Command:
    """``--registry URL``; a password in it would be seen by everybody on the machine."""
    command = brand_option(command)
    return click.option(
        "--registry",
        "registry_url",
        metavar="URL",
        callback=_no_password,
        help="Registry of stamps: a path, postgresql://user@host/name, or none.  [default: an "
        "SQLite file in your user data folder]",
    )(command)


def _no_password(_ctx: click.Context, asked: click.Parameter, value: str | None) -> str | None:
    if value is None or "://" not in value:
        return value  # a path
    from provenance.registry.address import has_password  # noqa: PLC0415 - slow to load

    if has_password(value):
        flag = asked.opts[0]
        raise UsageError(
            f"A password never goes into {flag}, where other users see it; put the whole URL into "
            f"PROVENANCE_{flag.strip('-').upper()}, or the password into ~/.pgpass."
        )
    return value


def desk_options(command: _Command) -> _Command:
    """``--uploads DIR`` and ``--database URL``: where a desk is."""
    command = click.option(
        "--database",
        metavar="URL",
        callback=_no_password,
        help="Database of the desk's queue, results and tokens; several desks share one on "
        "PostgreSQL, and the folder of uploads with it.  [default: an SQLite file in that folder]",
    )(brand_option(command))
    return click.option(
        "--uploads",
        metavar="DIR",
        type=click.Path(path_type=Path),
        help="Folder of the desk, with files while they are examined.  [default: one in your user "
        "data folder]",
    )(command)


def believing_options(command: _Command) -> _Command:
    """Whom and what a verifier believes: roots, signed lists, a bundle, whether one must vouch."""
    for option in reversed(_BELIEVING):
        command = option(command)
    return command


def limits_options(command: _Command) -> _Command:
    """What one file may cost: ``--max-seconds`` and ``--max-memory``."""
    for option in reversed(_LIMITS):
        command = option(command)
    return command


def signer_options(command: _Command) -> _Command:
    """``--signer URI`` and ``--signer-chain PEM``."""
    command = click.option(
        "--signer-chain",
        metavar="PEM",
        type=click.Path(path_type=Path),
        help="The certificates of --signer's key, its own first.",
    )(command)
    return click.option(
        "--signer",
        metavar="URI",
        help="Sign with this key instead of the keyring's: file:PATH, pkcs11:... or awskms:KEY.  A "
        "token's PIN comes from PROVENANCE_PKCS11_PIN or the address's pin-source.",
    )(command)


def json_option(command: _Command) -> _Command:
    """``--json``."""
    return click.option(
        "--json",
        "as_json",
        is_flag=True,
        help="Print one JSON object a line on standard output, and nothing else there.",
    )(command)


def quiet_option(command: _Command) -> _Command:
    """``--quiet``."""
    return click.option(
        "-q", "--quiet", is_flag=True, help="No progress bar, no notes; warnings stay."
    )(command)


def consent_option(command: _Command) -> _Command:
    """``--consent REF``, any number of them."""
    return click.option(
        "--consent",
        "consents",
        metavar="REF",
        multiple=True,
        help="Opaque reference to a consent that the clip needed; repeatable.  Withdrawing it "
        "later withdraws the stamp.",
    )(command)


def restamp_option(command: _Command) -> _Command:
    """``--restamp``."""
    return click.option(
        "--restamp",
        is_flag=True,
        help="Stamp a clip too that carries a stamp of yours; a second mark weakens both.",
    )(command)


def again_option(command: _Command) -> _Command:
    """``--again REASON``."""
    return click.option(
        "--again",
        metavar="REASON",
        help="Stamp a clip too that was stamped before, as the same; the registry keeps the "
        "reason.",
    )(command)


def defaults_option(command: _Command) -> _Command:
    """``--defaults TOML``."""
    return click.option(
        "--defaults",
        metavar="TOML",
        type=click.Path(path_type=Path),
        help="A file of values for jobs that do not give them; flags come before it.",
    )(command)


_FIELDS: Final[dict[str, dict[str, Any]]] = {
    "--model-name": {"metavar": "NAME", "help": "The model that made the clip."},
    "--model-version": {"metavar": "V", "help": "Its version."},
    "--model-card": {
        "metavar": "FILE",
        "type": click.Path(path_type=Path),
        "help": "Take both from this model card: Markdown or YAML as on Hugging Face, or JSON.  "
        "The manifest names it by its SHA-256.",
    },
    "--prompt-file": {
        "metavar": "FILE",
        "type": click.Path(path_type=Path),
        "help": "Read the prompt from this UTF-8 file.",
    },
    "--prompt-hash": {
        "metavar": "HEX",
        "help": "A SHA-256 of the prompt made elsewhere, 64 digits.",
    },
    "--prompt-from-tags": {
        "is_flag": True,
        "help": "Take the prompt from the tags that ComfyUI or Automatic1111 wrote into the clip.",
    },
    "--sidecar": {
        "metavar": "PATH",
        "help": "The JSON file beside each clip into which --prompt-at and its like lead: {clip}, "
        "{stem} and {name} in it stand for the clip's path, the same without suffix, and its name "
        "alone.",
    },
    "--prompt-at": {"metavar": "POINTER", "help": "Where in it the prompt is: /generation/prompt."},
    "--model-name-at": {"metavar": "POINTER", "help": "Where in it the model's name is."},
    "--model-version-at": {"metavar": "POINTER", "help": "Where in it the model's version is."},
    "--profile": {
        "metavar": "NAME",
        "help": "Strength: faint, standard or strong.  [default: standard]",
    },
    "--provider": {
        "metavar": "NAME",
        "help": "Who made the clip.  [default: the keys' organisation]",
    },
    "--title": {"metavar": "TEXT", "help": "Title.  [default: the output's file name]"},
    "--digital-source-type": {
        "metavar": "TYPE",
        "help": "How the clip came to be: trainedAlgorithmicMedia, "
        "compositeWithTrainedAlgorithmicMedia, compositeSynthetic, algorithmicallyEnhanced, "
        "algorithmicMedia.  [default: trainedAlgorithmicMedia]",
    },
    "--codec": {
        "metavar": "NAME",
        "help": "h264, hevc, av1, vp9, prores, or source for the input's own.  [default: h264; vp9 "
        "for webm]",
    },
    "--crf": {
        "metavar": "N",
        "type": float,
        "help": "Constant quality.  [default: 18 for h264]",
    },
    "--bitrate": {"metavar": "RATE", "help": "Bit rate instead of a CRF: 2M, 600k."},
    "--preset": {"metavar": "NAME", "help": "The encoder's preset.  [default: medium]"},
    "--keep-tags": {
        "metavar": "NAME,...",
        "help": "Tags of the input to carry over besides title, language, chapters, times and "
        "timecode; cover, data and attachment stand for whole tracks.  All others are left out, "
        "and named.",
    },
    "--tsa": {
        "metavar": "URL",
        "help": "Have this RFC 3161 authority timestamp the signature (it sees a hash only).",
    },
    "--min-margin": {
        "metavar": "DB",
        "type": float,
        "help": "Refuse a clip whose mark would keep less than this margin in a 360p CRF 30 copy, "
        "at any strength of the profile.",
    },
}
"""What a clip can be stamped with, and how: the same words in `stamp`, `batch` and `approve`."""


def stamp_options(*flags: str) -> Callable[[_Command], _Command]:
    """Those of the options by which a clip is stamped, in this order."""

    def decorate(command: _Command) -> _Command:
        for flag in reversed(flags):
            command = click.option(flag, **_FIELDS[flag])(command)
        return command

    return decorate


MODEL: Final = ("--model-name", "--model-version", "--model-card")
SIDECAR: Final = ("--sidecar", "--prompt-at", "--model-name-at", "--model-version-at")
ENCODING: Final = ("--codec", "--crf", "--bitrate", "--preset")
_BELIEVING: Final = (
    click.option(
        "--trust",
        metavar="PEM",
        multiple=True,
        type=click.Path(path_type=Path),
        help="Believe signers under these roots as well (a partner's, the public C2PA list): that "
        "a file is as they signed it.  Your stamps are confirmed by who stamps with your keys, "
        "never by these alone; repeatable.",
    ),
    click.option(
        "--trust-tsa",
        metavar="PEM",
        multiple=True,
        type=click.Path(path_type=Path),
        help="Trust these roots for timestamps, and for nothing else; repeatable.",
    ),
    click.option(
        "--revocations",
        metavar="FILE|URL",
        multiple=True,
        help="A signed list of withdrawals (`registry export --revocations`); repeatable.  One at "
        "https://, s3:// or gs:// is fetched, and kept for when its address is away.",
    ),
    click.option(
        "--bundle",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="A signed bundle (`registry export --bundle`) instead of a registry.",
    ),
    click.option(
        "--require-registry",
        is_flag=True,
        help="Confirm nothing that the registry or bundle has no record of; fail if there is none.",
    ),
)
_LIMITS: Final = (
    click.option(
        "--max-seconds",
        metavar="N",
        type=float,
        help="Longest time for one file.  [default: 600]",
    ),
    click.option(
        "--max-memory",
        metavar="MIB",
        type=int,
        help="Most memory for one file, in MiB of address space.  [default: 6144]",
    ),
)
