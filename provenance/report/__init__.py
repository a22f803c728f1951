"""Results for people.  Programs read the results' own ``as_json``."""

from provenance.report.terminal import raised, show_stamp, show_unexamined, show_verification

__all__ = ["raised", "show_stamp", "show_unexamined", "show_verification"]
