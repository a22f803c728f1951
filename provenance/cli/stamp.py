"""``provenance stamp``: mark and sign one clip."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from provenance.cli import config
from provenance.cli.lazy import examples
from provenance.cli.opening import open_keyring, opened_registry, settings
from provenance.cli.options import (
    ENCODING,
    MODEL,
    again_option,
    consent_option,
    json_option,
    keys_option,
    quiet_option,
    registry_option,
    restamp_option,
    signer_options,
    stamp_options,
)
from provenance.cli.output import complain, print_json, stdout
from provenance.cli.progress import StampBar
from provenance.errors import UsageError
from provenance.manifest import (
    DEFAULT_DIGITAL_SOURCE_TYPE,
    given_prompt_hash,
    hash_prompt,
    trace_prompt,
)
from provenance.report import show_stamp
from provenance.results import PromptHash
from provenance.stamping.cards import model_of
from provenance.stamping.claims import Claims, How, hashes_of
from provenance.stamping.making import prompt_from_tags as read_tags
from provenance.stamping.stamp import Stamper
from provenance.video import EncoderOptions
from provenance.watermark.embed.profiles import DEFAULT_PROFILE

_MAX_PROMPT = 10_000_000


@click.command(
    epilog=examples(
        "provenance stamp clip.mp4 stamped.mp4 --model-name ExampleVideoModel \\\n"
        '    --model-version 3.2.1 --prompt "a walk through a gallery"',
        "provenance stamp clip.mov stamped.mov --model-card model/README.md \\\n"
        "    --prompt-file prompt.txt --codec prores --consent C-17",
        "provenance stamp comfyui.mp4 stamped.mkv --model-name ExampleVideoModel \\\n"
        "    --model-version 3.2.1 --prompt-from-tags --profile strong --json",
    )
)
@click.argument("source", metavar="INPUT", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUTPUT", type=click.Path(path_type=Path))
@stamp_options(*MODEL)
@click.option(
    "--prompt",
    metavar="TEXT",
    help="The prompt; only its keyed hash is kept.  Other users of this machine can see a "
    "command's arguments while it runs: --prompt-file avoids that.",
)
@click.option(
    "--prompt-file",
    metavar="FILE",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Read the prompt from this UTF-8 file, - for standard input.",
)
@stamp_options("--prompt-hash", "--prompt-from-tags")
@click.option(
    "--plain-prompt-hash",
    is_flag=True,
    help="Keep a plain SHA-256 instead of a keyed one.  Anybody can then test guesses of a short "
    "prompt.",
)
@keys_option
@stamp_options("--profile", "--provider", "--title", "--digital-source-type", *ENCODING)
@click.option(
    "--encoder-option",
    "encoder_options",
    metavar="KEY=VALUE",
    multiple=True,
    help="Any further option of the encoder, by its own name; repeatable.",
)
@stamp_options("--keep-tags", "--tsa", "--min-margin")
@click.option(
    "--approval", metavar="REF", help="Opaque reference to the approval; it is shown to verifiers."
)
@consent_option
@click.option("--overwrite", is_flag=True, help="Replace OUTPUT if it exists.")
@restamp_option
@again_option
@registry_option
@signer_options
@json_option
@quiet_option
def stamp(  # noqa: PLR0917 - click passes every parameter by name
    source: Path,
    target: Path,
    model_name: str | None,
    model_version: str | None,
    model_card: Path | None,
    prompt: str | None,
    prompt_file: Path | None,
    prompt_hash: str | None,
    prompt_from_tags: bool,
    plain_prompt_hash: bool,
    title: str | None,
    approval: str | None,
    consents: tuple[str, ...],
    overwrite: bool,
    restamp: bool,
    again: str | None,
    registry_url: str | None,
    as_json: bool,
    quiet: bool,
    encoder_options: tuple[str, ...],
    keep_tags: str | None,
    **flags: Any,
) -> None:
    """Mark every frame of INPUT, sign what it says about itself, and write OUTPUT.

    OUTPUT (mp4, mov, m4v, mkv or webm) appears only once it has been read back: the watermark
    decodes, the manifest is intact, and both name the same stamp.  For mkv and webm, which cannot
    hold a manifest, OUTPUT.c2pa is written beside it.  The stamp is recorded in the registry before
    OUTPUT gets its name.  A clip is stamped once: what the registry has as stamped with the same
    claims is refused (exit code 5), and so is a clip that carries a stamp already.  Give the prompt
    one way: --prompt, --prompt-file, --prompt-hash or --prompt-from-tags; it may stand in nothing
    that is published.
    """
    if model_card is None and None in (model_name, model_version):
        raise UsageError(
            "Say which model made it: --model-name and --model-version, or --model-card."
        )
    given = [value for value in (prompt, prompt_file, prompt_hash) if value is not None]
    if len(given) + prompt_from_tags != 1:
        raise UsageError(
            "Give the prompt one way: --prompt TEXT, --prompt-file FILE, --prompt-hash HEX or "
            "--prompt-from-tags."
        )
    if plain_prompt_hash and prompt_hash is not None:
        raise UsageError("--plain-prompt-hash goes with the prompt itself, not with --prompt-hash.")
    options = tuple(config.parse_option(text) for text in encoder_options)
    flags |= {"encoder_options": options, "registry": registry_url}
    flags["keep_tags"] = None if keep_tags is None else config.parse_names(keep_tags)
    chosen = settings(flags, quiet=quiet)
    keyring = open_keyring(chosen, quiet=quiet)
    if prompt_hash is not None:  # then there is nothing that could be looked for
        hashed, trace = given_prompt_hash(prompt_hash), None
        known: tuple[PromptHash, ...] = ()
    else:
        if prompt_from_tags:
            prompt = read_tags(source)
        text = prompt if prompt is not None else _read_prompt(prompt_file or Path("-"))
        hashed = hash_prompt(text, None if plain_prompt_hash else keyring.prompt_key)
        trace, known = trace_prompt(text, keyring.prompt_key), hashes_of(text, keyring)
    name, version, card_sha256 = model_of(model_card, model_name, model_version)
    claims = Claims(
        name,
        version,
        hashed,
        provider=chosen.provider,
        title=title,
        digital_source_type=chosen.digital_source_type or DEFAULT_DIGITAL_SOURCE_TYPE,
        approval=approval,
        consents=consents,
        prompt_trace=trace,
        prompt_hashes=known,
        model_card_sha256=card_sha256,
    )
    encoder = EncoderOptions(
        codec=chosen.codec,  # type: ignore[arg-type]  # checked where codecs are known
        crf=chosen.crf,
        bitrate=chosen.bitrate,
        preset=chosen.preset,
        extra=chosen.encoder_options,
    )
    how = How(
        chosen.profile or DEFAULT_PROFILE,
        encoder,
        chosen.tsa,
        chosen.min_margin,
        tuple(chosen.keep_tags),
    )
    with opened_registry(chosen, keyring) as registry, StampBar(quiet=quiet) as bar:
        stamper = Stamper(keyring, registry=registry, how=how)
        result = stamper.stamp(
            source,
            target,
            claims,
            overwrite=overwrite,
            restamp=restamp,
            again=again,
            progress=bar,
        )
    if as_json:
        print_json(result.as_json())
        for warning in () if quiet else result.warnings:
            complain(warning, label="Note: ")
    else:
        show_stamp(result, stdout())


def _read_prompt(path: Path) -> str:
    try:
        if str(path) == "-":
            raw = sys.stdin.buffer.read(_MAX_PROMPT + 1)
        else:
            with path.open("rb") as handle:
                raw = handle.read(_MAX_PROMPT + 1)
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise UsageError(f"The prompt file {path} cannot be read: {reason}.") from error
    if len(raw) > _MAX_PROMPT:
        raise UsageError(f"The prompt file {path} is larger than 10 MB; is it the right file?")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"The prompt file {path} is not UTF-8 text; save it as UTF-8.") from error
