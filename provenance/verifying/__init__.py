"""Verifying: which files, how they are looked at, what their layers say, the verdict in words.

:mod:`provenance.verifying.verify` has the steps for one file, :mod:`provenance.verifying.many` for
many.
"""
