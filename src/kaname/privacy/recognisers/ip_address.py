"""IP addresses: four octets up to 255 with no fifth, and the grammar of version 6 (RFC 4291, read by `ipaddress`).

Not version numbers (`v4.12.0.7`, バージョン 1.2.3.4), nor times of day.
"""

import ipaddress
import re

from kaname.privacy.context import weigh, words
from kaname.privacy.model import Finding, View

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_V4 = re.compile(rf"(?<![0-9A-Za-z])(?<![0-9A-Za-z][.])(?:{_OCTET}\.){{3}}{_OCTET}(?![0-9A-Za-z]|\.[0-9])")
_V6 = re.compile(r"(?<![0-9A-Za-z:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![0-9A-Za-z:])")
_WORDS = words(r"\bip\b|address|host|client|server|アドレス", re.compile(r"version|\bv\.?\n|バージョン|release|ver\."))


class IpAddressRecogniser:
    """See the module."""

    kinds = ("IP_ADDRESS",)

    def applies(self, view: View) -> bool:
        return ("::" in view.text or view.text.count(":") >= 7) or any(run.digits >= 4 for run in view.numbers)

    def find(self, view: View) -> list[Finding]:
        text, found = view.text, list[Finding]()
        for run in view.numbers:
            if run.digits < 4 or "." not in text[run.start : run.end]:
                continue
            for match in _V4.finditer(text, run.start, run.end + 1):
                extra, why = weigh(view, match.start(), match.end(), _WORDS)
                found.append(view.finding("IP_ADDRESS", match.start(), match.end(), 0.6 + extra, f"v4 {why}".strip()))
        if "::" in text or text.count(":") >= 7:
            for match in _V6.finditer(text):
                if len(match[0]) > 2 and _is_v6(match[0]):
                    found.append(view.finding("IP_ADDRESS", match.start(), match.end(), 0.75, "v6"))
        return found


def _is_v6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


IP_ADDRESS = IpAddressRecogniser()
