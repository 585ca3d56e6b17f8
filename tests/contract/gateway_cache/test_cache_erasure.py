"""Answers that an end user caused are forgotten by every process, on both SQL engines."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from fixtures_access import Browser, access, clock, owner, scope_of, site
from kaname.access.model import ProjectScope
from kaname.access.service import AccessService
from kaname.gateway.cache.erasure import KEPT_S, SETTLE_S, ErasureFollower, UserErasure, digest_of
from kaname.gateway.cache.model import CachedAnswer
from kaname.gateway.cache.store import AnswerStore
from kaname.gateway.cache.tables import gateway_cache_erasures
from kaname.kernel.clock import ManualClock
from kaname.kernel.errors import InvalidInputError

__all__ = ["access", "clock", "owner", "scope_of", "site"]


def keep(store: AnswerStore, project_id: str, user_id: str, n: int = 1) -> bytes:
    now = time.time()
    key = f"{project_id}/{user_id}/{n}".encode()
    answer = CachedAnswer(
        project_id=project_id, user_id=user_id, surface="chat_completions", format="json", body=b"{}", span_id="s",
        created_s=now, expires_s=now + 3600,
    )  # fmt: skip
    assert store.put(key, answer)
    return key


def memory() -> AnswerStore:
    return AnswerStore(None, max_bytes=1 << 20, max_entries=100)


def test_a_user_s_answers_go_here_at_once_and_elsewhere_soon(
    access: AccessService, owner: Browser, scope_of: Callable[[Browser], ProjectScope], clock: ManualClock,
    tmp_path: Path,
) -> None:  # fmt: skip
    scope = scope_of(owner)
    here, there = AnswerStore(tmp_path, max_bytes=1 << 20, max_entries=100), memory()
    alice, bob = (keep(here, scope.project_id, name) for name in ("alice", "bob"))
    foreign = keep(here, "prj_other", "alice")
    for name in ("alice", "bob"):
        keep(there, scope.project_id, name)
    follower = ErasureFollower(access.database, there, clock)
    follower.step()
    assert UserErasure(access.database, access.audit, here, clock).erase(scope, "alice") == 1
    assert [here.get(key) is None for key in (alice, bob, foreign)] == [True, False, False]
    assert there.get(alice) is not None
    follower.step()
    assert [there.get(key) is None for key in (alice, bob)] == [True, False]
    again = AnswerStore(tmp_path, max_bytes=1 << 20, max_entries=100)
    again.load()
    assert [again.get(key) is None for key in (alice, bob)] == [True, False]
    for store in (here, again):
        store.close()


def test_what_a_running_call_kept_meanwhile_goes_too_and_later_answers_stay(
    access: AccessService, owner: Browser, scope_of: Callable[[Browser], ProjectScope], clock: ManualClock
) -> None:
    scope, here, there = scope_of(owner), memory(), memory()
    UserErasure(access.database, access.audit, here, clock).erase(scope, "alice")
    followers = [ErasureFollower(access.database, store, clock) for store in (here, there)]
    for follower in followers:
        follower.step()
    late = keep(here, scope.project_id, "alice")
    assert keep(there, scope.project_id, "alice") == late
    clock.advance(SETTLE_S - 1)
    for follower in followers:
        follower.step()
    assert here.get(late) is not None
    clock.advance(2)
    for follower in followers:
        follower.step()
    assert (here.get(late), there.get(late)) == (None, None)
    keep(here, scope.project_id, "alice")
    clock.advance(SETTLE_S)
    followers[0].step()
    ErasureFollower(access.database, here, clock).step()  # one that starts late erases what it hears of
    assert here.get(late) is None


def test_nothing_of_the_user_s_id_stays(
    access: AccessService, owner: Browser, scope_of: Callable[[Browser], ProjectScope], clock: ManualClock
) -> None:
    scope, erasure = scope_of(owner), UserErasure(access.database, access.audit, memory(), clock)
    erasure.erase(scope, "alice@example.com")
    clock.advance(KEPT_S + 1)
    erasure.erase(scope, "bob")
    with access.database.read() as connection:
        left = connection.execute(sa.select(gateway_cache_erasures.c.user_id)).scalars().all()
    assert left == ["bob"]
    entries = owner.client.get(f"{owner.organization}/audit").json()["items"]
    found = [entry for entry in entries if entry["action"] == "gateway_cache.erase"]
    assert [entry["target"] for entry in found] == [
        f"end_user/{digest_of('bob')}",
        f"end_user/{digest_of('alice@example.com')}",
    ]
    assert "alice@" not in str(entries)


@pytest.mark.parametrize("user_id", ["", "x" * 257, "a\x00b"])
def test_a_user_must_be_named(
    access: AccessService,
    owner: Browser,
    scope_of: Callable[[Browser], ProjectScope],
    clock: ManualClock,
    user_id: str,
) -> None:
    store = memory()
    kept = keep(store, scope_of(owner).project_id, "")
    with pytest.raises(InvalidInputError):
        UserErasure(access.database, access.audit, store, clock).erase(scope_of(owner), user_id)
    assert store.get(kept) is not None
