"""What the interface takes and gives, under the names that its specification has for it."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from provenance.manifest.assertions import SPEC_VERSION
from provenance.results.payload import SOFT_BINDING_ALG, STAMP_ID_BYTES, StampId

MOST_VALUE: Final = 2048
"""Characters of a value that an address may hold."""


def _known(alg: str) -> str:
    if alg != SOFT_BINDING_ALG:
        raise ValueError(f"this service knows {SOFT_BINDING_ALG} only")
    return alg


def _strict(value: str) -> str:
    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("it is no base64") from error
    if len(raw) != STAMP_ID_BYTES or StampId(raw).base64 != value:
        raise ValueError(f"it is no base64 of {STAMP_ID_BYTES} bytes")
    return value


Algorithm = Annotated[
    str, AfterValidator(_known), Field(json_schema_extra={"enum": [SOFT_BINDING_ALG]})
]
Value = Annotated[
    str,
    StringConstraints(max_length=MOST_VALUE),
    AfterValidator(_strict),
    Field(json_schema_extra={"pattern": "^[A-Za-z0-9+/]{10}[AEIMQUYcgkosw048]=$", "maxLength": 12}),
]
MostResults = Annotated[int, Field(ge=1)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Binding(_Model):
    """A soft binding: the algorithm, and the stamp id in base64 as the manifest has it."""

    alg: Algorithm
    value: Value

    @property
    def stamp_id(self) -> StampId:
        """The stamp that it names."""
        return StampId(base64.b64decode(self.value))


class Limited(_Model):
    """How many matches are wanted at most."""

    maxResults: MostResults = 10


class BindingQuery(Binding, Limited):
    """A soft binding in an address."""


class ContentQuery(Limited):
    """What may stand in the address of a file that is sent; hints are not needed, nor looked at."""

    alg: Algorithm | None = None


class FetchQuery(_Model):
    """What of a manifest store is wanted."""

    returnActiveManifest: bool = False


class Match(_Model):
    """A manifest; it is to be had where the question was asked."""

    manifestId: str


class Matches(_Model):
    """Manifests of a soft binding or a file."""

    matches: list[Match]


class AlgorithmName(_Model):
    """One algorithm."""

    alg: str


class Algorithms(_Model):
    """Algorithms that this service looks up."""

    watermarks: list[AlgorithmName] = [AlgorithmName(alg=SOFT_BINDING_ALG)]
    fingerprints: list[AlgorithmName] = []


class Status(_Model):
    """Whether the service works, and when that was found out."""

    status: Literal["ok", "degraded", "down"]
    timestamp: str = Field(json_schema_extra={"format": "date-time"})


class Capabilities(_Model):
    """What of the interface's optional parts there is."""

    c2paSpecificationVersion: str = SPEC_VERSION
    supportedCapabilities: list[str]


class Discovery(_Model):
    """Where the interface is."""

    apiEndpoint: str
    c2paSpecificationVersion: str = SPEC_VERSION
    capabilitiesEndpoint: str
    statusEndpoint: str


class Problem(_Model):
    """What was wrong, in a sentence."""

    detail: str


def parameters(model: type[BaseModel]) -> list[dict[str, Any]]:
    """A model as parameters of an address, for the description."""
    shape = model.model_json_schema()
    needed = shape.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in needed, "schema": one}
        for name, one in shape["properties"].items()
    ]
