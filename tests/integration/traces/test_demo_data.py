"""Demo data through the whole pipeline: it arrives complete, and loading it again adds nothing."""

import json
import time

from live import LiveServer

DEMO = json.dumps([{"field": "environment", "op": "eq", "value": "demo"}])


def test_loading_twice_adds_nothing(live_server: LiveServer) -> None:
    organization = f"/api/v1/organizations/{live_server.organization_id}/projects"
    project = live_server.call("POST", organization, {"name": "Demo data"}).json()["id"]
    base = f"/api/v1/projects/{project}"
    first = live_server.call("POST", f"{base}/demo-data")
    assert first.status == 201, first.body
    loaded = first.json()
    assert loaded["is_first"]
    again = live_server.call("POST", f"{base}/demo-data").json()
    assert again == {**loaded, "is_first": False}

    assert _wait(live_server, base, loaded["span_count"]) == loaded["span_count"]
    _wait_for_scores(live_server, base, loaded["score_count"])
    # A third time, with everything in the store and in a new batch; a marker behind it tells when it has been read.
    assert live_server.call("POST", f"{base}/demo-data").status == 201
    marker = {"name": "marker", "value": 1, "target": {"session_id": "after"}, "source": "api"}
    assert live_server.call("POST", f"{base}/scores", marker).status == 201
    _wait_for_scores(live_server, base, loaded["score_count"] + 1)
    assert _total(live_server, base) == loaded["span_count"]
    roots = live_server.call("GET", f"{base}/traces?limit=200").json()["items"]
    assert len(roots) == 56
    found = live_server.call("GET", f"{base}/spans?limit=1").json()["items"][0]
    assert found["environment"] == "demo"


def _total(server: LiveServer, base: str) -> int:
    return server.call("GET", f"{base}/spans/facets?fields=kind").json()["total"]


def _wait(server: LiveServer, base: str, count: int) -> int:
    deadline = time.monotonic() + 30
    while (found := _total(server, base)) < count:
        assert time.monotonic() < deadline, f"{found} of {count} spans"
        time.sleep(0.1)
    return found


def _wait_for_scores(server: LiveServer, base: str, count: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        names = server.call("GET", f"{base}/scores/summary").json()["items"]
        found = sum(name["n"] for name in names)
        if found >= count:
            assert found == count
            return
        assert time.monotonic() < deadline, f"{found} of {count} scores: {names}"
        time.sleep(0.1)
