"""``provenance stamp``: mark and sign one clip."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from provenance import config
from provenance.cli.options import (
    json_option,
    keys_option,
    open_keyring,
    opened_registry,
    quiet_option,
    registry_option,
    settings,
    signer_options,
)
from provenance.cli.output import complain, print_json, stdout
from provenance.cli.progress import StampBar
from provenance.errors import UsageError
from provenance.report import show_stamp

_MAX_PROMPT = 10_000_000


@click.command(short_help="Mark and sign a clip.")
@click.argument("source", metavar="INPUT", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUTPUT", type=click.Path(path_type=Path))
@click.option("--model-name", metavar="NAME", required=True, help="The model that made the clip.")
@click.option("--model-version", metavar="V", required=True, help="Its version.")
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
@click.option(
    "--prompt-hash", metavar="HEX", help="A SHA-256 of the prompt made elsewhere, 64 digits."
)
@click.option(
    "--prompt-from-tags",
    is_flag=True,
    help="Take the prompt from the tags that ComfyUI or Automatic1111 wrote into INPUT.",
)
@click.option(
    "--plain-prompt-hash",
    is_flag=True,
    help="Keep a plain SHA-256 instead of a keyed one.  Anybody can then test guesses of a short "
    "prompt.",
)
@keys_option
@click.option(
    "--profile", metavar="NAME", help="Strength: faint, standard or strong.  [default: standard]"
)
@click.option(
    "--provider", metavar="NAME", help="Who made the clip.  [default: the keys' organisation]"
)
@click.option("--title", metavar="TEXT", help="Title.  [default: OUTPUT's file name]")
@click.option(
    "--digital-source-type",
    metavar="TYPE",
    help="How the clip came to be: trainedAlgorithmicMedia, compositeWithTrainedAlgorithmicMedia, "
    "compositeSynthetic, algorithmicallyEnhanced, algorithmicMedia.  "
    "[default: trainedAlgorithmicMedia]",
)
@click.option(
    "--codec",
    metavar="NAME",
    help="h264, hevc, av1, vp9, prores, or source for the input's own.  [default: h264; vp9 for "
    "webm]",
)
@click.option("--crf", metavar="N", type=float, help="Constant quality.  [default: 18 for h264]")
@click.option("--bitrate", metavar="RATE", help="Bit rate instead of a CRF: 2M, 600k.")
@click.option("--preset", metavar="NAME", help="The encoder's preset.  [default: medium]")
@click.option(
    "--encoder-option",
    "encoder_options",
    metavar="KEY=VALUE",
    multiple=True,
    help="Any further option of the encoder, by its own name; repeatable.",
)
@click.option(
    "--keep-tags",
    metavar="NAME,...",
    help="Tags of INPUT to carry over besides title, language, chapters, times and timecode; "
    "cover, data and attachment stand for whole tracks.  All others are left out, and named.",
)
@click.option(
    "--tsa",
    metavar="URL",
    help="Have this RFC 3161 authority timestamp the signature (it sees a hash only).",
)
@click.option(
    "--min-margin",
    metavar="DB",
    type=float,
    help="Refuse a clip whose mark would keep less than this margin in a 360p CRF 30 copy, at any "
    "strength of the profile.",
)
@click.option(
    "--approval", metavar="REF", help="Opaque reference to the approval; it is shown to verifiers."
)
@click.option(
    "--consent",
    "consents",
    metavar="REF",
    multiple=True,
    help="Opaque reference to a consent that the clip needed; repeatable.  Withdrawing it later "
    "withdraws the stamp.",
)
@click.option("--overwrite", is_flag=True, help="Replace OUTPUT if it exists.")
@registry_option
@signer_options
@json_option
@quiet_option
def stamp(  # noqa: PLR0917 - click passes every parameter by name
    source: Path,
    target: Path,
    model_name: str,
    model_version: str,
    prompt: str | None,
    prompt_file: Path | None,
    prompt_hash: str | None,
    prompt_from_tags: bool,
    plain_prompt_hash: bool,
    title: str | None,
    approval: str | None,
    consents: tuple[str, ...],
    overwrite: bool,
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
    OUTPUT gets its name.  Give the prompt one way: --prompt, --prompt-file, --prompt-hash or
    --prompt-from-tags; it may stand in nothing that is published.
    """
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
    # All of these are slow to import.
    from provenance.manifest import (  # noqa: PLC0415
        DEFAULT_DIGITAL_SOURCE_TYPE,
        given_prompt_hash,
        hash_prompt,
        trace_prompt,
    )
    from provenance.stamping.claims import Claims, How  # noqa: PLC0415
    from provenance.stamping.making import prompt_from_tags as read_prompt  # noqa: PLC0415
    from provenance.stamping.stamp import Stamper  # noqa: PLC0415
    from provenance.video import EncoderOptions  # noqa: PLC0415
    from provenance.watermark.embed.profiles import DEFAULT_PROFILE  # noqa: PLC0415

    if prompt_hash is not None:  # then there is nothing that could be looked for
        hashed, trace = given_prompt_hash(prompt_hash), None
    else:
        if prompt_from_tags:
            prompt = read_prompt(source)
        text = prompt if prompt is not None else _read_prompt(prompt_file or Path("-"))
        hashed = hash_prompt(text, None if plain_prompt_hash else keyring.prompt_key)
        trace = trace_prompt(text, keyring.prompt_key)
    claims = Claims(
        model_name,
        model_version,
        hashed,
        provider=chosen.provider,
        title=title,
        digital_source_type=chosen.digital_source_type or DEFAULT_DIGITAL_SOURCE_TYPE,
        approval=approval,
        consents=consents,
        prompt_trace=trace,
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
    with opened_registry(chosen) as registry, StampBar(quiet=quiet) as bar:
        stamper = Stamper(keyring, registry=registry, how=how)
        result = stamper.stamp(source, target, claims, overwrite=overwrite, progress=bar)
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
