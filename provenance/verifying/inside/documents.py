"""PDF documents: the pictures of their pages, and videos and images attached to them.

pypdf reads them (the extra ``pdf``).  It is Python alone, with limits of its own on what unpacks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

from provenance.verifying.inside.limits import (
    MOST_ENTRIES,
    MOST_MEMBERS,
    PIECE,
    Member,
    Refused,
    ending,
    is_media,
)
from provenance.video import MAX_PIXELS

_EXPORT: Final = (
    "export its pictures (`pdfimages -all document.pdf picture`) and verify those; a video "
    "attached to it has to be saved from a viewer"
)


def in_document(path: Path) -> Iterator[Member]:
    """A PDF's pictures, page by page and each once, then what is attached.

    Raises:
        Refused: pypdf is not installed; it is encrypted or damaged, or holds too much or nothing.
    """
    try:
        import PIL.Image  # noqa: PLC0415 - extras
        import pypdf  # noqa: PLC0415
    except ImportError as error:
        raise Refused(
            f"{path.name} is a PDF document, which only pypdf opens",
            advice=f"run `pip install 'provenance-stamp[pdf]'`, or {_EXPORT}",
        ) from error
    PIL.Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # Pillow refuses twice as many
    reader = _made(path.name, lambda: pypdf.PdfReader(path))
    if reader.is_encrypted and not _made(path.name, lambda: reader.decrypt("")):
        raise Refused(
            f"{path.name} is an encrypted PDF document", advice=f"with its password, {_EXPORT}"
        )
    count = 0
    for member in _all(path.name, reader):
        count += 1
        if count > MOST_MEMBERS:
            raise Refused(
                f"{path.name} is a PDF document with more than {MOST_MEMBERS} pictures",
                advice=_EXPORT,
            )
        yield member
    if not count:
        raise Refused(
            f"{path.name} is a PDF document without a picture in it",
            advice="if its pages show one, save the page as a picture and verify that",
        )


def _all(name: str, reader: Any) -> Iterator[Member]:
    seen: set[object] = set()
    pages = _made(name, lambda: len(reader.pages))
    if pages > MOST_ENTRIES:
        raise Refused(f"{name} is a PDF document of {pages} pages", advice=_EXPORT)
    for number in range(pages):
        pictures = _made(name, partial(_pictures, reader, number))
        for key in _made(name, pictures.keys):
            inner = key if isinstance(key, str) else "".join(key)
            title = f"page {number + 1}, picture {inner.lstrip('/')}"
            yield from _once(title, partial(pictures.__getitem__, key), seen)
    for title, contents in _made(name, lambda: reader.attachments).items():
        if is_media(title):
            for content in contents:
                yield Member(title, _pieces(title, partial(bytes, content)))


def _pictures(reader: Any, number: int) -> Any:
    return reader.pages[number].images


def _once(name: str, take: Callable[[], Any], seen: set[object]) -> Iterator[Member]:
    """A picture, unless an earlier page showed the same object."""
    try:
        picture = take()
        reference = picture.indirect_reference
        known = None if reference is None else (reference.idnum, reference.generation)
        content: bytes = picture.data
    except Exception as error:
        said = f"{name} could not be decoded ({type(error).__name__})"
        yield Member(name, _pieces(name, lambda: _fail(said)))
        return
    if known is None or known not in seen:
        seen.add(known)
        yield Member(f"{name}{ending(picture.name)}", _pieces(name, lambda: content))


def _fail(sentence: str) -> bytes:
    raise Refused(sentence, advice=_EXPORT)


def _pieces(name: str, take: Callable[[], bytes]) -> Iterator[bytes]:
    content = _made(name, take)
    for start in range(0, len(content), PIECE):
        yield content[start : start + PIECE]


def _made(name: str, make: Callable[[], Any]) -> Any:
    """What pypdf makes of a stranger's document; it may raise anything."""
    try:
        return make()
    except Refused:
        raise
    except Exception as error:
        raise Refused(
            f"{name} is a PDF document that is damaged or cut off",
            advice=_EXPORT,
        ) from error
