"""Where clips come from and results go: local paths, ``file://``, ``s3://`` and ``gs://``.

    clip = fetched(Place.of("s3://bucket/clip.mp4"), scratch)
    done = published(stamped, place_in("s3://bucket/stamped", "clip.mp4"))

The only importer of fsspec.  No connection is made until a URL asks for one.
"""

from provenance.system.storage.copying import Stored, fetched, listed, published, stored
from provenance.system.storage.places import Place, is_url, place_in
from provenance.system.storage.stores import Web

__all__ = [
    "Place",
    "Stored",
    "Web",
    "fetched",
    "is_url",
    "listed",
    "place_in",
    "published",
    "stored",
]
