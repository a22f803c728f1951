"""What Alembic runs: bring the connection that it was handed to the version asked for."""

from __future__ import annotations

from alembic import context

from provenance.registry.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=False,
)
context.run_migrations()
