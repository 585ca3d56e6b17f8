"""Benchmarks of the gateway. The live server is the tests' own, so their folder joins the path here."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests"))
