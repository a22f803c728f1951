"""The published JSON Schemas, and what they say of a line that a command printed."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

FOLDER = Path(__file__).parent.parent / "docs" / "schemas"
NAMES = {
    "provenance.approval/1": "approve",
    "provenance.audit/1": "registry-audit",
    "provenance.job_elsewhere/1": "batch-elsewhere",
    "provenance.job_problem/1": "batch-problem",
    "provenance.job_result/1": "batch",
    "provenance.job_tags/1": "batch-tags",
    "provenance.key/1": "keys-list",
    "provenance.lead/1": "registry-search-like",
    "provenance.delivery/1": "registry-deliver",
    "provenance.notice/1": "registry-notice",
    "provenance.recalled/1": "registry-recall",
    "provenance.standing/1": "registry-withdrawals",
    "provenance.place/1": "registry-moved",
    "provenance.record/1": "registry-search",
    "provenance.report/1": "report",
    "provenance.report_check/1": "report-check",
    "provenance.stamp/1": "stamp",
    "provenance.sweep/1": "registry-sweep",
    "provenance.token/1": "tokens",
    "provenance.verification/1": "verify",
    "provenance.withdrawal/1": "registry-revoke",
}
SEEN: set[str] = set()
"""Files that a line was held against."""


@functools.cache
def validator(name: str) -> Draft202012Validator:
    """Of one file."""
    schema = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def held(row: dict[str, Any]) -> dict[str, Any]:
    """The same line, which its schema holds and which has no key that the schema does not name."""
    name = NAMES[row["schema"]]
    if name == "registry-search" and "revocation" in row:
        name = "registry-show"
    if name == "registry-moved" and "earlier" in row:
        name = "registry-locate"
    SEEN.add(name)
    schema = validator(name)
    schema.validate(row)
    unnamed(row, schema.schema, schema.schema)
    return row


def unnamed(value: Any, schema: Any, whole: Any) -> None:
    """Fail on a key that no schema names: every key that is printed is published."""
    if "$ref" in schema:
        schema = whole["$defs"][schema["$ref"].rsplit("/", 1)[-1]]
    for choice in schema.get("anyOf", ()):
        if Draft202012Validator({**choice, "$defs": whole.get("$defs", {})}).is_valid(value):
            unnamed(value, choice, whole)
    if isinstance(value, dict) and "properties" in schema:
        assert set(value) <= set(schema["properties"]), set(value) - set(schema["properties"])
        for key, one in value.items():
            unnamed(one, schema["properties"][key], whole)
    if isinstance(value, list) and "items" in schema:
        for one in value:
            unnamed(one, schema["items"], whole)
