"""Signed statements that travel without their registry: lists of withdrawals, bundles of stamps.

:mod:`provenance.documents.seal` is their envelope, :mod:`provenance.documents.seen` remembers which
were seen, so that an older one is not taken for the newest.
"""
