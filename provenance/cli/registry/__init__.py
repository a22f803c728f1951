"""``provenance registry``: look stamps up, withdraw them, check the log, take copies of it all."""

from __future__ import annotations

from typing import Final

import click

from provenance.cli.lazy import Lazy, LazyGroup, examples

_HERE = "provenance.cli.registry"
_COMMANDS: Final = {
    "admit": Lazy(f"{_HERE}.admit:admit_command", "Let further keys stamp into it."),
    "audit": Lazy(f"{_HERE}.audit:audit_command", "Check the audit log and the registry by it."),
    "deliver": Lazy(f"{_HERE}.deliver:deliver_command", "Tell a webhook or program what happened."),
    "export": Lazy(f"{_HERE}.copies:export_command", "Copy it, or sign a bundle or a list."),
    "import": Lazy(f"{_HERE}.copies:import_command", "Take over stamps and withdrawals."),
    "locate": Lazy(f"{_HERE}.places:locate_command", "Print where an output is."),
    "moved": Lazy(f"{_HERE}.places:moved_command", "Tell where an output is now."),
    "recall": Lazy(f"{_HERE}.recall:recall_command", "List all that a withdrawal concerns."),
    "reinstate": Lazy(f"{_HERE}.withdraw:reinstate_command", "End a withdrawal."),
    "restore": Lazy(f"{_HERE}.copies:restore_command", "Give a copy its credential back."),
    "revoke": Lazy(f"{_HERE}.withdraw:revoke_command", "Withdraw a stamp, or all of a kind."),
    "roles": Lazy(f"{_HERE}.tables:roles_command", "Print or set who may do what (PostgreSQL)."),
    "search": Lazy(f"{_HERE}.look:search_command", "List stamps, also by their looks."),
    "show": Lazy(f"{_HERE}.look:show_command", "Show what a stamp id stands for."),
    "sweep": Lazy(f"{_HERE}.audit:sweep_command", "Settle what killed runs left."),
    "upgrade": Lazy(f"{_HERE}.tables:upgrade_command", "Bring its tables up to date."),
    "withdrawals": Lazy(f"{_HERE}.recall:withdrawals_command", "List what is withdrawn."),
}


@click.group(
    cls=LazyGroup,
    lazy=_COMMANDS,
    epilog=examples(
        "provenance registry show 67140baa2d6342f5",
        "provenance registry audit",
    ),
)
def registry() -> None:
    """Look stamps up, withdraw and recall them, tell others; audit, restore, export, import.

    The registry is an SQLite file in your data folder, or whatever --registry names.
    """
