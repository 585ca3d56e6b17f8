"""Every error code that the UI may meet and the places its text may name: sources → `ui/src/api/error-codes.ts`.

Read from the syntax tree: where an error of `kernel/errors.py` is made with a literal `code` and `params`, either
directly or through a function of the same module that returns one. A code's places are those that all its sites give.
Left out are modules whose errors other surfaces render: the gateway, OTLP, the command line, child processes.
"""

import ast
import json
from collections.abc import Iterator
from pathlib import PurePath
from typing import NamedTuple

from devtools.steps import ROOT

SOURCES = ROOT / "src" / "kaname"
CODES = ROOT / "ui" / "src" / "api" / "error-codes.ts"
_ELSEWHERE = (
    "app/api_client.py", "app/data_dir.py", "app/demo.py", "app/doctor.py", "app/engine.py", "app/worker.py",
    "gateway/*.py", "gateway/batches/*.py", "gateway/cache/*.py", "gateway/dialects/*.py", "gateway/dialects/*/*.py",
    "gateway/providers/*.py", "gateway/routing/*.py", "gateway/limits/refusals.py", "gateway/limits/admission.py",
    "gateway/pricing/compile.py", "gateway/pricing/snapshot.py", "kernel/child.py",
    "kernel/registry.py", "kernel/settings.py", "serving/**/*.py", "serving/*.py", "storage/blobs/*.py",
    "storage/columns/engine/*.py", "storage/columns/local.py", "storage/columns/lock.py", "storage/crypto.py",
    "storage/journal/*.py", "storage/*/migrations.py", "testing/*.py", "traces/langfuse_api.py", "traces/otlp/*.py",
    "traces/receiver.py", "traces/writer.py", "cli.py",
)  # fmt: skip
_HTTP_ITSELF = {"method_not_allowed"}
"""What `app/problem.py` answers without an error of ours."""

_HEAD = """/**
 * Every error code that the server may answer with, and the places that its text may name.
 *
 * Written by `./dev client` from the server's sources: don't edit it, give the error another `code` or `params`.
 */
export const ERROR_CODES = {
"""


class Site(NamedTuple):
    """One place that makes an error."""

    code: str
    places: frozenset[str]


def render_codes() -> str:
    """The TypeScript module."""
    lines = [f"  {code}: {json.dumps(places)}," for code, places in find_codes().items()]
    return _HEAD + "\n".join(lines) + "\n} as const;\nexport type ErrorCode = keyof typeof ERROR_CODES;\n"


def find_codes() -> dict[str, tuple[str, ...]]:
    """Places by code, both in alphabetical order."""
    defaults = _default_codes()
    found: dict[str, frozenset[str]] = dict.fromkeys({*defaults.values(), *_HTTP_ITSELF}, frozenset())
    for path in sorted(SOURCES.rglob("*.py")):
        place = path.relative_to(SOURCES)
        if _is_shown_elsewhere(place):
            continue
        for site in _sites(ast.parse(path.read_text(encoding="utf-8")), set(defaults)):
            found[site.code] = found.get(site.code, site.places) & site.places
    return {code: tuple(sorted(places)) for code, places in sorted(found.items())}


def _is_shown_elsewhere(place: PurePath) -> bool:
    return not place.name.startswith("routes") and any(place.match(pattern) for pattern in _ELSEWHERE)


def _default_codes() -> dict[str, str]:
    """Default code by name of the error class."""
    codes: dict[str, str] = {}
    for node in ast.parse((SOURCES / "kernel" / "errors.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            for part in node.body:
                target = part.targets[0] if isinstance(part, ast.Assign) else getattr(part, "target", None)
                value = getattr(part, "value", None)
                if isinstance(target, ast.Name) and target.id == "default_code" and isinstance(value, ast.Constant):
                    codes[node.name] = str(value.value)
    return codes


def _sites(tree: ast.Module, classes: set[str]) -> Iterator[Site]:
    makers = {name: frozenset[str]() for name in classes}
    functions = [f for f in tree.body if isinstance(f, ast.FunctionDef) and _names(f.returns, classes)]
    # A maker may call another: the outer one's own places add to those of the calls.
    for function in functions:
        inner = [c for c in ast.walk(function) if isinstance(c, ast.Call) and _is_passed_on(c)]
        makers[function.name] = frozenset[str]().union(*(_places(c) for c in inner))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in makers:
            code = _keyword(node, "code")
            if isinstance(code, ast.Constant):
                yield Site(str(code.value), _places(node) | makers[node.func.id])


def _names(annotation: ast.expr | None, classes: set[str]) -> bool:
    return isinstance(annotation, ast.Name) and annotation.id in classes


def _is_passed_on(call: ast.Call) -> bool:
    code = _keyword(call, "code")
    return isinstance(code, ast.Name) and code.id == "code"


def _places(call: ast.Call) -> frozenset[str]:
    params = _keyword(call, "params")
    keys = params.keys if isinstance(params, ast.Dict) else []
    return frozenset(str(k.value) for k in keys if isinstance(k, ast.Constant))


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((k.value for k in call.keywords if k.arg == name), None)
