"""The table at the end: per language n, exact match and F1 with their intervals, and what they don't mean."""

from collections.abc import Sequence

from assistant.progress import Answered
from assistant.scoring import Interval, bootstrap, wilson

_NAMES = {"en": "English", "ja": "Japanese"}


def format_report(answered: Sequence[Answered], model: str) -> str:
    """The table as text."""
    lines = [f"{'language':<10} {'n':>3}   {'exact match':<22} {'F1':<22}"]
    for language, name in _NAMES.items():
        rows = [a for a in answered if a.language == language]
        if not rows:  # nothing was measured, so there is no interval either
            lines.append(f"{name:<10} {0:>3}   {'–':<22} {'–':<22}")
            continue
        exact = wilson(sum(a.exact for a in rows), len(rows))
        lines.append(f"{name:<10} {len(rows):>3}   {_show(exact):<22} {_show(bootstrap([a.f1 for a in rows])):<22}")
    thumbs = [a.thumb for a in answered if a.thumb is not None]
    lines += [
        "(in brackets: 95 % interval; Wilson for exact match, bootstrap for F1)",
        f"{sum(thumbs)} of {len(thumbs)} thumbs up. The users are simulated: a thumb is up when F1 is at least 0.5.",
        f"{model} is tiny and speaks English only; it answers badly, Japanese above all. That is what Kaname is for.",
    ]
    return "\n".join(lines)


def _show(interval: Interval) -> str:
    return f"{interval.mean:.2f} [{interval.low:.2f}, {interval.high:.2f}]"
