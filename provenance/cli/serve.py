"""``provenance serve``: the verification desk, for people with a browser and for programs."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.believing import (
    check_vouched,
    credentials,
    limits_of,
    listed_at,
    seen_by,
    stamps_of,
)
from provenance.cli.config import Settings
from provenance.cli.lazy import examples
from provenance.cli.opening import desk_folder, open_keyring_if_any, settings, with_signer
from provenance.cli.options import (
    believing_options,
    desk_options,
    keys_option,
    limits_options,
    quiet_option,
    registry_option,
)
from provenance.cli.output import complain, warn
from provenance.errors import KeyringError, UsageError
from provenance.keyring import Keyring
from provenance.manifest import Signer
from provenance.system.guarded import Guarded
from provenance.system.processes import owner_name, usable_cores
from provenance.verifying.verifier import Policy, Verifier

if TYPE_CHECKING:
    from provenance.service.allowances import Allowances

_HOST = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:[0-9]{1,5})?")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@click.command(
    epilog=examples(
        "provenance serve",
        "provenance serve --port 9000 --workers 4 --max-upload 2000",
        "provenance serve --database postgresql://desk@db/desk --uploads /srv/desk/uploads",
        "provenance serve --host 0.0.0.0 --hostname desk.example.org --behind-proxy 10.0.0.2",
        more="Open the address that is printed.  Ctrl-C ends it: what is being examined is given "
        "up, and every upload is deleted.",
    ),
)
@click.option(
    "--host",
    metavar="ADDRESS",
    default="127.0.0.1",
    show_default=True,
    help="Address to be at; the default is reached from this machine alone.",
)
@click.option(
    "--port",
    metavar="N",
    type=click.IntRange(0, 65535),
    default=8720,
    show_default=True,
    help="Port to be at; 0: any that is free.",
)
@click.option(
    "--hostname",
    "hostnames",
    metavar="NAME",
    multiple=True,
    help="Name that browsers may call the desk by; repeatable.  [default: at a loopback address "
    "the names of that, elsewhere any]",
)
@click.option(
    "--behind-proxy",
    metavar="ADDRESS",
    help="Believe the reverse proxy at this address on who asks (X-Forwarded-For).",
)
@click.option(
    "--workers",
    metavar="N",
    type=click.IntRange(min=1),
    help="Files examined at a time.  [default: half the cores]",
)
@click.option(
    "--places",
    metavar="N",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    help="Files that wait or are examined at most; half of them for one address.",
)
@click.option(
    "--per-minute",
    metavar="N",
    type=click.IntRange(min=1),
    default=30,
    show_default=True,
    help="Files that one address may hand in within a minute.",
)
@click.option(
    "--max-upload",
    metavar="MIB",
    type=click.IntRange(min=1),
    default=512,
    show_default=True,
    help="Largest file, in MiB.",
)
@click.option(
    "--patience",
    metavar="SECONDS",
    type=click.FloatRange(min=0.1),
    default=20.0,
    show_default=True,
    help="Longest wait for a sender's next piece; then the upload is given up.",
)
@click.option(
    "--keep-minutes",
    metavar="N",
    type=click.FloatRange(min=0.1),
    default=60.0,
    show_default=True,
    help="How long a result can be fetched; the file itself goes once it is examined.",
)
@click.option(
    "--fetch-from",
    "fetch_from",
    metavar="HOST",
    multiple=True,
    help="Fetch files by address from this host, over https; HOST:PORT where that is not 443, "
    "repeatable.  [default: none is fetched]",
)
@click.option(
    "--tokens-only",
    is_flag=True,
    help="Take nothing from strangers: whoever asks needs a token (`provenance tokens`).",
)
@desk_options
@keys_option
@believing_options
@limits_options
@registry_option
@quiet_option
def serve(  # noqa: PLR0917 - click passes every parameter by name
    host: str,
    port: int,
    hostnames: tuple[str, ...],
    behind_proxy: str | None,
    workers: int | None,
    places: int,
    per_minute: int,
    max_upload: int,
    patience: float,
    keep_minutes: float,
    fetch_from: tuple[str, ...],
    tokens_only: bool,
    uploads: Path | None,
    database: str | None,
    keys: Path | None,
    trust: tuple[Path, ...],
    trust_tsa: tuple[Path, ...],
    revocations: tuple[str, ...],
    bundle: Path | None,
    require_registry: bool,
    registry_url: str | None,
    quiet: bool,
    **limits: float | None,
) -> None:
    """Verify files for whoever has a browser or a program: a page and an interface.

    It needs no set-up: keys and registry are those that `provenance verify` uses, if there are
    any.  A file is written to a folder of the desk's own, examined in a process with limits (a
    quick look first, then a normal one) and deleted; the result is kept for a while.  Signed lists
    are read once, at the start.
    """
    try:
        from provenance.report.filed import Circumstances  # noqa: PLC0415
        from provenance.service import server  # noqa: PLC0415 - an extra
        from provenance.service.access import Access  # noqa: PLC0415
        from provenance.service.allowances import Allowances  # noqa: PLC0415
        from provenance.service.app import application  # noqa: PLC0415
        from provenance.service.desk import Desk  # noqa: PLC0415
        from provenance.service.metrics import DeskMetrics  # noqa: PLC0415
        from provenance.service.state import DeskDatabase, Queue, Tokens  # noqa: PLC0415
        from provenance.service.uploads import Uploads  # noqa: PLC0415
    except ImportError as error:
        raise UsageError(
            "The desk needs more software; pip install 'provenance-stamp[serve]'."
        ) from error
    chosen = settings(
        {
            "keys": keys,
            "trust": trust,
            "trust_tsa": trust_tsa,
            "registry": registry_url,
            "require_registry": require_registry or None,
            "uploads": uploads,
            "database": database,
            **limits,
        },
        quiet=quiet,
    )
    keyring = open_keyring_if_any(chosen, quiet=quiet)
    watermark_keys = () if keyring is None else keyring.watermark_keys
    trusted, issuers = credentials(chosen, keyring, needed=False)
    signer = None if keyring is None else _signer(keyring, chosen, quiet=quiet)
    if not watermark_keys:
        warn("There are no keys, so no watermark is looked for; name your keys folder with --keys.")
    allowances = Allowances(
        most_bytes=max_upload * 1024**2,
        places=places,
        per_minute=per_minute,
        idle_seconds=patience,
        keep_seconds=60.0 * keep_minutes,
    )
    taken = Uploads(desk_folder(chosen))
    bound = server.listen(host, port)
    with (
        stamps_of(chosen, issuers, bundle) as stamps,
        contextlib.closing(DeskDatabase(chosen.database or str(taken.database))) as state,
    ):
        queue = Queue(state, owner_name(os.getpid()))
        queue.check_home(taken.id)
        check_vouched(chosen, stamps)
        if stamps is None and not quiet:
            complain("there is no registry, so no stamp is looked up", label="Note: ")
        verifier = Verifier(
            watermark_keys,
            trusted,
            registry=stamps,
            revocations=[listed_at(one, issuers, seen_by(chosen)) for one in revocations],
            policy=Policy(require_registry=chosen.require_registry),
            limits=limits_of(chosen),
            workers=workers or max(1, usable_cores() // 2),
        )
        known = Circumstances.of(
            () if keyring is None else keyring.watermark_key_ids, trusted.anchors_pem
        )
        metrics = DeskMetrics(allowances.places)
        desk = Desk(verifier, taken, queue, allowances, metrics, circumstances=known)
        access = Access(Tokens(state), closed=tokens_only)
        address = server.address_of(bound)
        own = stamps if bundle is None else None  # a bundle's manifests are its maker's to give out
        server.run(
            application(
                desk,
                access,
                hosts=hostnames or _own_names(host),
                registry=own,
                guarded=_guarded(fetch_from, allowances),
                signer=signer,
            ),
            bound,
            patience=patience,
            proxy=behind_proxy,
            opened=lambda: click.echo(f"The desk is open at {address}"),
            closing=desk.close,
        )
    if not quiet:
        left = "others look at what waits" if queue.is_shared else "no upload is left"
        complain(f"The desk is closed; {left}.", label="")


def _guarded(hosts: tuple[str, ...], allowances: Allowances) -> Guarded | None:
    """What fetches files from these hosts; None where there are none."""
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise UsageError(
                f"{host!r} is no host; write it as videos.example.org, without https://.",
                settings=("fetch_from",),
            )
    if not hosts:
        return None
    known = {host.lower().removesuffix(":443") for host in hosts}
    return Guarded(known, allowances.most_bytes, allowances.upload_seconds, allowances.idle_seconds)


def _signer(keyring: Keyring, chosen: Settings, *, quiet: bool) -> Signer | None:
    """Who signs reports; nobody where verifiers hold no key of a signer."""
    try:
        return with_signer(keyring, chosen).signer
    except KeyringError as error:
        if not quiet:
            complain(f"there are no reports, since nobody can sign them: {error}", label="Note: ")
        return None


def _own_names(host: str) -> tuple[str, ...]:
    """What a desk at this address is called by; none: by anything."""
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    return (*_LOOPBACK, host) if loopback else ()
