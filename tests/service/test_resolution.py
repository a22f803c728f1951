"""The C2PA Soft Binding Resolution API over a real registry: what it gives out, and what not."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jsonschema
import pytest
from c2pa import Reader
from fastapi import FastAPI
from fastapi.testclient import TestClient

from provenance import Keyring
from provenance.manifest import active_alone, active_label, read_recovered
from provenance.registry import Registry
from provenance.results.payload import SOFT_BINDING_ALG, StampId
from provenance.service.allowances import Allowances
from provenance.service.resolution import router
from tests.conftest import ROOT, stamp_clip
from tests.desk import Desk, encoded_again
from tests.service.conftest import serving
from tests.values import present

DESCRIPTION = json.loads((Path(__file__).parent / "resolution.json").read_text(encoding="utf-8"))
BY_BINDING, BY_CONTENT = "/v1/matches/byBinding", "/v1/matches/byContent"
FIRST_QUERY = {"alg": SOFT_BINDING_ALG}


def asked(stamp_id: StampId, **more: Any) -> dict[str, Any]:
    return {"alg": SOFT_BINDING_ALG, "value": stamp_id.base64, **more}


def manifest_ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [match["manifestId"] for match in answer.json()["matches"]]


def fetched(client: TestClient, manifest_id: str, **query: str) -> Any:
    return client.get(f"/v1/manifests/{quote(manifest_id)}", params=query)


def stamp_of(desk: Desk, which: int = 0) -> StampId:
    return present(desk.clips[which].stamp_id)


def test_a_copy_without_its_manifest_is_resolved_to_one_that_validates(
    client: TestClient, desk: Desk, tmp_path: Path, uploads: Path
) -> None:
    copy = encoded_again(desk, tmp_path / "copy.mp4")
    answer = client.post(BY_CONTENT, content=copy.read_bytes(), params=FIRST_QUERY)
    (found,) = manifest_ids(answer)
    assert found.startswith("urn:c2pa:")
    store = fetched(client, found)
    assert store.headers["content-type"] == "application/c2pa"
    assert store.content == desk.registry.manifest(stamp_of(desk))
    report = read_recovered(store.content, desk.trust)
    assert report.status == "trusted"
    assert present(report.soft_binding).stamp_id == stamp_of(desk)
    with Reader("application/c2pa", io.BytesIO(store.content)) as reader:
        assert json.loads(reader.json())["active_manifest"] == found
    assert not [one for one in uploads.iterdir() if len(one.name) == 32]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_soft_binding_is_resolved_to_the_manifest_of_its_stamp(
    client: TestClient, desk: Desk, method: str
) -> None:
    for which in (0, 1):
        stamp_id = stamp_of(desk, which)
        if method == "GET":
            answer = client.get(BY_BINDING, params=asked(stamp_id, maxResults=3))
        else:
            answer = client.post(BY_BINDING, json=asked(stamp_id), params={"maxResults": 3})
        (found,) = manifest_ids(answer)
        assert found == active_label(present(desk.registry.manifest(stamp_id)))
        assert fetched(client, found).content == desk.registry.manifest(stamp_id)


def test_an_unknown_stamp_has_no_match_and_an_unknown_manifest_is_not_there(
    client: TestClient,
) -> None:
    assert manifest_ids(client.get(BY_BINDING, params=asked(StampId.new()))) == []
    for name in ("urn:c2pa:unknown", "x" * 600, "a\0b", "\ud7ff", "a/b"):
        assert fetched(client, name).status_code == 404, name


def test_an_unmarked_file_has_no_match(client: TestClient, desk: Desk) -> None:
    answer = client.post(BY_CONTENT, content=desk.sources[0].read_bytes())
    assert manifest_ids(answer) == []


@pytest.mark.parametrize(
    "query",
    [
        {"alg": SOFT_BINDING_ALG},
        {"value": "AAECAwQFBgc="},
        {"alg": "com.example.other", "value": "AAECAwQFBgc="},
        {"alg": SOFT_BINDING_ALG, "value": "AAECAwQFBgc"},
        {"alg": SOFT_BINDING_ALG, "value": "AAECAwQFBgd="},
        {"alg": SOFT_BINDING_ALG, "value": "AAEC AwQFBgc="},
        {"alg": SOFT_BINDING_ALG, "value": "AAECAwQFBgcI"},
        {"alg": SOFT_BINDING_ALG, "value": "ÄÄÄÄ"},
        {"alg": SOFT_BINDING_ALG, "value": ""},
        {"alg": SOFT_BINDING_ALG, "value": "AAECAwQFBgc=", "maxResults": "0"},
        {"alg": SOFT_BINDING_ALG, "value": "AAECAwQFBgc=", "maxResults": "many"},
    ],
)
def test_what_is_no_soft_binding_of_ours_is_refused_in_one_sentence(
    client: TestClient, query: dict[str, str]
) -> None:
    answers = [client.get(BY_BINDING, params=query)]
    most = {"maxResults": query["maxResults"]} if "maxResults" in query else {}
    answers.append(client.post(BY_BINDING, json=query, params=most))
    for answer in answers:
        assert answer.status_code == 400
        assert answer.json()["detail"].count(".") >= 1


def test_values_and_bodies_have_limits(client: TestClient) -> None:
    long = asked(StampId.new()) | {"value": "A" * 3000}
    assert client.get(BY_BINDING, params=long).status_code == 414
    assert client.post(BY_BINDING, json=long).status_code == 400
    assert client.post(BY_BINDING, content=b"[" * 70_000).status_code == 413
    for body in (b"", b"[" * 60_000, b"null", b"\xff", b'{"alg": 1, "value": []}'):
        assert client.post(BY_BINDING, content=body).status_code == 400


def test_what_is_sent_has_a_limit_and_leaves_nothing_behind(
    client: TestClient, uploads: Path
) -> None:
    pieces = (b"x" * 100_000 for _ in range(30))
    assert client.post(BY_CONTENT, content=pieces).status_code == 413
    assert client.post(BY_CONTENT, content=b"x" * 2_000_001).status_code == 413
    assert client.post(BY_CONTENT, content=b"").status_code == 400
    for junk in (b"no media at all", b"%PDF-1.7 cut off"):
        answer = client.post(BY_CONTENT, content=junk, headers={"Content-Type": "video/mp4"})
        assert answer.status_code == 415
        assert str(uploads) not in answer.text
    assert not [one for one in uploads.iterdir() if len(one.name) == 32]


def test_more_files_at_a_time_than_there_are_places_for_are_refused(
    desk: Desk, tmp_path: Path
) -> None:
    with serving(desk, tmp_path, Allowances(places=0)) as client:
        answer = client.post(BY_CONTENT, content=b"x")
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


def test_nothing_of_a_record_but_its_manifest_is_given_out(
    client: TestClient, desk: Desk, tmp_path: Path
) -> None:
    record = present(desk.registry.find(stamp_of(desk)))
    assert present(record.approval) == "approval-1"
    copy = encoded_again(desk, tmp_path / "copy.mp4")
    answers = [
        client.get(BY_BINDING, params=asked(record.stamp_id)),
        client.post(BY_CONTENT, content=copy.read_bytes()),
        *(client.get(path) for path in GETS),
    ]
    for answer in answers:
        assert "approval-1" not in answer.text
        assert "consent-0" not in answer.text
        assert present(record.input_sha256) not in answer.text


def test_a_withdrawn_stamp_is_not_given_out_until_it_is_reinstated(
    client: TestClient, desk: Desk, tmp_path: Path
) -> None:
    stamp_id = stamp_of(desk)
    (found,) = manifest_ids(client.get(BY_BINDING, params=asked(stamp_id)))
    copy = encoded_again(desk, tmp_path / "copy.mp4").read_bytes()
    desk.registry.withdrawals.withdraw("consent", "consent-0", "asked for it")
    try:
        assert manifest_ids(client.get(BY_BINDING, params=asked(stamp_id))) == []
        assert manifest_ids(client.post(BY_CONTENT, content=copy)) == []
        assert fetched(client, found).status_code == 404
    finally:
        desk.registry.withdrawals.reinstate("consent", "consent-0", "a mistake")
    assert fetched(client, found).status_code == 200


def test_the_active_manifest_comes_alone_when_that_is_asked_for(
    client: TestClient, desk: Desk, tmp_path: Path
) -> None:
    again = stamp_clip(
        Path(desk.clips[0].output_path),
        tmp_path / "again.mp4",
        desk.keyring,
        registry=desk.registry,
        restamp=True,
    )
    stamp_id = present(again.stamp_id)
    (found,) = manifest_ids(client.get(BY_BINDING, params=asked(stamp_id)))
    whole = fetched(client, found).content
    alone = fetched(client, found, returnActiveManifest="true").content
    assert fetched(client, found, returnActiveManifest="false").content == whole
    assert len(alone) < len(whole)
    assert alone == active_alone(whole)
    assert active_label(alone) == found
    with Reader("application/c2pa", io.BytesIO(whole)) as reader:
        told = json.loads(reader.json())
    assert told["active_manifest"] == found
    assert len(told["manifests"]) == 2
    assert fetched(client, found, returnActiveManifest="perhaps").status_code == 400


def test_a_manifest_that_was_registered_after_the_service_began_is_found_by_its_id(
    desk: Desk, tmp_path: Path
) -> None:
    with Registry(str(tmp_path / "r.db"), create=True) as registry:
        app = FastAPI()
        app.include_router(router(registry))
        client = TestClient(app)
        assert fetched(client, "urn:c2pa:none").status_code == 404
        clip = stamp_clip(desk.sources[0], tmp_path / "a.mp4", desk.keyring, registry=registry)
        store = present(registry.manifest(present(clip.stamp_id)))
        assert fetched(client, present(active_label(store))).content == store
        assert client.post(BY_CONTENT, content=b"x").status_code == 404
        assert client.get("/v1/services/capabilities").json()["supportedCapabilities"] == []


def test_a_registry_that_is_gone_is_told_without_its_name(tmp_path: Path, keyring: Keyring) -> None:
    path = tmp_path / "r.db"
    with Registry(str(path), create=True) as registry:
        app = FastAPI()
        app.include_router(router(registry))
        client = TestClient(app)
        assert client.get("/v1/services/status").json()["status"] == "ok"
        registry.database.close()
        for one in tmp_path.glob("r.db*"):
            one.unlink()
        path.write_bytes(b"no database any more" * 100)
        assert client.get("/v1/services/status").json()["status"] == "down"
        answer = client.get(BY_BINDING, params=asked(StampId.new()))
    assert answer.status_code == 500
    assert str(tmp_path) not in answer.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/manifests"),
        ("DELETE", "/v1/manifests/urn:c2pa:x"),
        ("POST", "/v1/bindings"),
        ("PUT", "/v1/bindings"),
        ("POST", "/v1/matches/byReference"),
    ],
)
def test_storing_and_fetching_from_elsewhere_are_not_permitted_and_it_is_said_why(
    client: TestClient, method: str, path: str
) -> None:
    answer = client.request(method, path)
    assert answer.status_code == 403
    assert answer.json()["detail"].endswith(".")
    offered = client.get("/v1/services/capabilities").json()["supportedCapabilities"]
    assert offered == ["queryByContent"]


GETS = sorted(
    path
    for path, verbs in DESCRIPTION["answers"].items()
    if "get" in verbs and "{" not in path and "byBinding" not in path
)


@pytest.mark.parametrize("path", GETS)
def test_what_the_service_says_of_itself_has_the_published_shape(
    client: TestClient, path: str
) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    jsonschema.validate(answer.json(), DESCRIPTION["answers"][path]["get"])


def test_matches_have_the_published_shape(client: TestClient, desk: Desk) -> None:
    answer = client.get(BY_BINDING, params=asked(stamp_of(desk)))
    jsonschema.validate(answer.json(), DESCRIPTION["answers"][BY_BINDING]["get"])


def test_every_published_operation_is_described_with_its_parameters(app: FastAPI) -> None:
    described = app.openapi()["paths"]
    for path, verbs in DESCRIPTION["parameters"].items():
        for verb, names in verbs.items():
            own = {one["name"]: one["required"] for one in described[path][verb]["parameters"]}
            assert {name: own.get(name) for name in names} == names, (verb, path)


def test_the_discovery_document_leads_to_the_interface(client: TestClient) -> None:
    told = client.get("/.well-known/c2pa-soft-binding-resolution").json()
    for name in ("capabilitiesEndpoint", "statusEndpoint"):
        assert client.get(told[name]).status_code == 200
    version = client.get(told["capabilitiesEndpoint"]).json()["c2paSpecificationVersion"]
    assert version == told["c2paSpecificationVersion"] == DESCRIPTION["version"]
    assert client.get(f"{told['apiEndpoint']}/services/status").json()["status"] == "ok"


def test_the_entry_for_the_list_of_algorithms_names_the_algorithm_that_is_looked_up(
    client: TestClient,
) -> None:
    (entry,) = json.loads((ROOT / "docs" / "softbinding-algorithm.json").read_text("utf-8"))
    jsonschema.validate(entry, DESCRIPTION["algorithm"])
    told = client.get("/v1/services/supportedAlgorithms").json()
    assert told == {"watermarks": [{"alg": entry["alg"]}], "fingerprints": []}


def test_a_value_in_the_answer_of_the_manifest_is_the_one_that_is_asked_for(desk: Desk) -> None:
    """What a reader finds in the soft binding of a manifest can be sent as it is."""
    with Reader(
        "application/c2pa", io.BytesIO(present(desk.registry.manifest(stamp_of(desk))))
    ) as r:
        told = json.loads(r.json())
    assertions = told["manifests"][told["active_manifest"]]["assertions"]
    (binding,) = (one["data"] for one in assertions if one["label"] == "c2pa.soft-binding")
    assert base64.b64decode(binding["blocks"][0]["value"]) == stamp_of(desk).raw
    assert binding["blocks"][0]["value"] == stamp_of(desk).base64
