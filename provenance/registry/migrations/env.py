"""What Alembic runs: bring the connection that it was handed to the version asked for.

Asked for SQL it is handed none, and writes PostgreSQL's statements down instead.
"""

from __future__ import annotations

from alembic import context

from provenance.registry.schema import metadata

if context.is_offline_mode():
    context.configure(
        dialect_name="postgresql",
        literal_binds=True,
        target_metadata=metadata,
        transactional_ddl=False,
        version_table=context.config.attributes["noted"],
    )
else:
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        transaction_per_migration=False,
        version_table=context.config.attributes["noted"],
    )
context.run_migrations()
