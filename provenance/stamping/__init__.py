"""Stamping: checks, marking, rehearsal, signing, reading back, publishing; and restoring a copy.

:mod:`provenance.stamping.stamp` has the numbered steps.
"""
