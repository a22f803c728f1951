"""Reports of examinations, to be filed or handed on: made and signed when they are asked for.

They are those of ``verify --report``, for outsiders (:mod:`provenance.report.filed`).
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from fastapi import HTTPException, Response

from provenance.documents.filed import FORMS, Form
from provenance.errors import ServiceError
from provenance.manifest import Signer
from provenance.report.filed import check_software, filed_file
from provenance.service.examinations import Examination

_LOG = logging.getLogger(__name__)
MEDIA_TYPES: Final[dict[Form, str]] = {
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "json": "application/json",
}


class Reports:
    """Makes reports, one at a time, so that they never take more than a processor.

    Args:
        signer: who signs; without one there are none.
    """

    def __init__(self, signer: Signer | None) -> None:
        self._signer = signer
        self._turn = asyncio.Lock()

    def forms(self, examination: Examination) -> tuple[Form, ...]:
        """The forms in which there is a report of it now: none before the last look has ended."""
        if self._signer is None or examination.state != "done" or examination.filed is None:
            return ()
        return tuple(form for form in FORMS if _can_make(form))

    async def of(self, examination: Examination, form: Form) -> Response:
        """The report of an examination that is done.

        Raises:
            HTTPException: there is none (404), or it could not be signed (503).
        """
        filed, signer = examination.filed, self._signer
        if filed is None or signer is None or form not in self.forms(examination):
            raise HTTPException(404, "There is no such report of it.")
        try:
            async with self._turn:
                content = await asyncio.to_thread(
                    filed_file, form, filed, examination.frames, signer
                )
        except ServiceError as error:
            _LOG.error("a report could not be signed (%s)", type(error).__name__)
            raise HTTPException(503, "The report could not be signed; try again later.") from error
        name = f"report-{(filed.report.file.sha256 or examination.id)[:12]}.{form}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(content, media_type=MEDIA_TYPES[form], headers=headers)


def _can_make(form: Form) -> bool:
    try:
        check_software(form)
    except ServiceError:
        return False
    return True
