"""Alembic's scripts; run by :mod:`provenance.registry.database` when a registry is opened."""
