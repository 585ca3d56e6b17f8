"""LiteLLM and Portkey as targets of the fault suite: each route in the peer's own configuration, retries off."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.faults.case import NotOfferedError
from bench.faults.routes import Combo, Route
from bench.faults.targets import KEYS, Pair, upstream_url
from bench.gateway.peers import MASTER_KEY, start_litellm, start_portkey
from kaname.gateway.model import GatewayRecord

TIMEOUT_S = 3


class _PeerTarget:
    """What both have in common."""

    port = 0
    pid = 0

    def records(self) -> Sequence[GatewayRecord]:
        """See `Target`."""
        return ()


class LiteLLM(_PeerTarget):
    """One deployment for each behaviour of each route; fallbacks by model group."""

    name = "litellm"

    def __init__(self, folder: Path, pairs: Iterable[Pair], upstream_port: int) -> None:
        models: list[dict[str, object]] = []
        fallbacks: list[dict[str, list[str]]] = []
        context: list[dict[str, list[str]]] = []
        content: list[dict[str, list[str]]] = []
        for route, combo in dict.fromkeys(pairs):
            tag = route.tag(combo)
            names = {mode: tag if i == 0 else f"{tag}-{i}" for i, mode in enumerate(dict.fromkeys(route.every_mode()))}
            for mode, name in names.items():
                keys = KEYS[: route.keys] if name == tag else KEYS[:1]
                models += [_deployment(name, mode, key, route, combo, upstream_port) for key in keys]
            if rest := [names[mode] for mode in route.modes[1:]]:
                fallbacks.append({tag: rest})
            if route.context:
                context.append({tag: [names[route.context]]})
            if route.content:
                content.append({tag: [names[route.content]]})
        config = {
            "model_list": models,
            "general_settings": {"master_key": MASTER_KEY},
            "litellm_settings": {"request_timeout": TIMEOUT_S, "num_retries": 0, "telemetry": False},
            "router_settings": {
                "num_retries": 0, "disable_cooldowns": True, "timeout": TIMEOUT_S, "stream_timeout": TIMEOUT_S,
                "fallbacks": fallbacks, "context_window_fallbacks": context, "content_policy_fallbacks": content,
            },
        }  # fmt: skip
        self._peer = start_litellm(folder, config)
        self.port, self.pid = self._peer.port, self._peer.pid

    def address(self, route: Route, combo: Combo) -> tuple[str, dict[str, str]]:
        """See `Target`."""
        return route.tag(combo), {"authorization": f"Bearer {MASTER_KEY}"}

    def stop(self) -> None:
        """See `Target`."""
        self._peer.stop()


def _deployment(name: str, mode: str, key: str, route: Route, combo: Combo, port: int) -> dict[str, object]:
    base = upstream_url(port, mode, route, combo)
    parameters: dict[str, object] = {
        "model": f"{combo.upstream}/mock-1",
        "api_base": base if combo.upstream == "anthropic" else f"{base}/v1",
        "api_key": key,
        "num_retries": route.retries,
        "max_retries": 0,
        "timeout": TIMEOUT_S,
        "stream_timeout": TIMEOUT_S,
    }
    return {"model_name": name, "litellm_params": parameters}


class Portkey(_PeerTarget):
    """Where a call goes stands in the header `x-portkey-config`."""

    name = "portkey"

    def __init__(self, folder: Path, pairs: Iterable[Pair], upstream_port: int) -> None:
        self._upstream_port = upstream_port
        self._peer = start_portkey(folder)
        self.port, self.pid = self._peer.port, self._peer.pid

    def address(self, route: Route, combo: Combo) -> tuple[str, dict[str, str]]:
        """See `Target`."""
        if route.context or route.content:
            raise NotOfferedError("has no such fallbacks")

        def one(mode: str, key: str) -> dict[str, object]:
            base = f"{upstream_url(self._upstream_port, mode, route, combo)}/v1"
            return {"provider": combo.upstream, "custom_host": base, "api_key": key}

        targets = [one(route.modes[0], key) for key in KEYS[: route.keys]]
        targets += [one(mode, KEYS[0]) for mode in route.modes[1:]]
        config: dict[str, object] = {"request_timeout": TIMEOUT_S * 1000}
        if route.retries:
            config["retry"] = {"attempts": route.retries, "use_retry_after_headers": True}
        config |= {"strategy": {"mode": "fallback"}, "targets": targets} if len(targets) > 1 else targets[0]
        return "mock-1", {"x-portkey-config": json.dumps(config)}

    def stop(self) -> None:
        """See `Target`."""
        self._peer.stop()
