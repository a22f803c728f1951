"""The C2PA Soft Binding Resolution API: a registry's manifests, by what was read from a picture.

:func:`router` makes it of a registry.  What it is given decides what it can: without somebody to
examine files it looks up ids alone.
"""

from provenance.service.resolution.api import ROOT, WELL_KNOWN, Examine, router

__all__ = ["ROOT", "WELL_KNOWN", "Examine", "router"]
