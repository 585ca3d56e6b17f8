"""The fault suite: every promise about failures, checked against a running gateway. `python -m bench.faults`."""

import sys
from pathlib import Path

# The fault-injecting server is the tests'.
sys.path.append(str(Path(__file__).resolve().parents[2] / "tests"))
