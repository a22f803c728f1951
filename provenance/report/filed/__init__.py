"""Reports of a verification that are filed or handed on: one HTML, PDF or JSON file, signed.

:class:`Filed` is the part for programs, the same in all three forms; :class:`.page.Page` is what
people see of it.  :mod:`.redaction` leaves out what outsiders don't get to read, :mod:`.figures`
makes the evidence, and :mod:`provenance.documents.filed` signs the file and checks it.
"""

from provenance.report.filed.document import Audience, Circumstances, Filed
from provenance.report.filed.figures import LONGEST, moments, sheet
from provenance.report.filed.making import check_software, filed_file

__all__ = [
    "LONGEST",
    "Audience",
    "Circumstances",
    "Filed",
    "check_software",
    "filed_file",
    "moments",
    "sheet",
]
