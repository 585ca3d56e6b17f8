"""Size budgets of the house: a file fits the head, a function fits a screen, broad excepts stand only at borders."""

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

from devtools.steps import ROOT, StepError, say

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60
MAX_MEDIAN_LINES = 150
MAX_BROAD_EXCEPTS_PER_KLOC = 0.4
_BANNED_NAMES = {"utils", "helpers", "common", "misc", "base", "manager"}


def check() -> None:
    """Raises StepError with every fault."""
    faults: list[str] = []
    sizes: list[int] = []
    broad = 0
    for path in _python_files():
        text = path.read_text(encoding="utf-8")
        lines = text.count("\n")
        sizes.append(lines)
        name = path.relative_to(ROOT)
        if lines > MAX_FILE_LINES:
            faults.append(f"{name}: {lines} lines, at most {MAX_FILE_LINES}")
        if path.stem in _BANNED_NAMES:
            faults.append(f"{name}: name a module for what it knows")
        tree = ast.parse(text)
        faults += [f"{name}: {f}" for f in _long_functions(tree)]
        if name.parts[0] == "src":  # the SDK forwards what is thrown into generators: not the same thing
            broad += sum(_is_broad(node) for node in ast.walk(tree))
    if not sizes:
        return
    median, kloc = statistics.median(sizes), sum(sizes) / 1000
    if median > MAX_MEDIAN_LINES:
        faults.append(f"the median file has {median:.0f} lines, at most {MAX_MEDIAN_LINES}")
    if broad / kloc > MAX_BROAD_EXCEPTS_PER_KLOC:
        faults.append(f"{broad} broad excepts in {kloc:.1f} kLOC, at most {MAX_BROAD_EXCEPTS_PER_KLOC} per kLOC")
    if faults:
        raise StepError("size budgets:\n" + "\n".join(faults))
    say(f"✓ size budgets: {len(sizes)} files, {kloc:.1f} kLOC, median {median:.0f} lines, {broad} broad excepts")


def _python_files() -> list[Path]:
    return [
        p for folder in ("src", "sdk/src") for p in sorted((ROOT / folder).rglob("*.py")) if "static" not in p.parts
    ]


def _long_functions(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno is not None:
            length = node.end_lineno - node.lineno + 1
            if length > MAX_FUNCTION_LINES:
                yield f"{node.name}() has {length} lines, at most {MAX_FUNCTION_LINES}"


def _is_broad(node: ast.AST) -> bool:
    """A handler that swallows anything. One that ends in a bare `raise` only cleans up and isn't counted."""
    if not isinstance(node, ast.ExceptHandler):
        return False
    last = node.body[-1]
    if isinstance(last, ast.Raise) and last.exc is None:
        return False
    return node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"}
