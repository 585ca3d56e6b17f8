"""The example assistant as it is run: its folder first on the path."""

import sys
from pathlib import Path

ASSISTANT = Path(__file__).parents[3] / "examples" / "assistant"
if str(ASSISTANT) not in sys.path:
    sys.path.insert(0, str(ASSISTANT))
