"""Results for people.  Programs read the results' own ``as_json``."""

from provenance.report.terminal import named, show_stamp, show_unexamined, show_verification

__all__ = ["named", "show_stamp", "show_unexamined", "show_verification"]
