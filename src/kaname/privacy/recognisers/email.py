"""E-mail addresses: local part ≤ 64, whole ≤ 254, no double dots, a top-level domain of letters or `xn--`.

Source: RFC 5321 §4.5.3.1, RFC 6531 for domains in other scripts. Found from each `@` outwards, so a long text without
spaces costs no more than a short one. Not `git@host:path` (no dot, or a path follows) and not @handles.
"""

import re

from kaname.privacy.model import Finding, View

_LOCAL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,65}\Z")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(
    rf"(?:{_LABEL}\.){{1,8}}(?:[A-Za-z]{{2,24}}|xn--[A-Za-z0-9-]{{2,40}})(?![A-Za-z0-9@-]|\.[A-Za-z0-9])"
)
_OTHER_SCRIPT = re.compile(r"[^\W_]{1,63}\.(?:[A-Za-z]{2,24})(?![A-Za-z0-9@])")
_PATH = re.compile(r":[\w~.-]{0,64}/")
_EDGES = "'`{}|/=?!#$%&*^~-."
MAX_CHARS = 254


class EmailRecogniser:
    """See the module."""

    kinds = ("EMAIL",)

    def applies(self, view: View) -> bool:
        return "@" in view.text

    def find(self, view: View) -> list[Finding]:
        text, found = view.text, list[Finding]()
        at = text.find("@")
        while at >= 0:
            local = _LOCAL.search(text, max(0, at - 66), at)
            domain = _DOMAIN.match(text, at + 1) or _OTHER_SCRIPT.match(text, at + 1)
            if local is not None and domain is not None:
                name = local[0].lstrip(_EDGES)
                start = at - len(name)
                before = text[start - 1 : start]
                fits = 0 < len(name) <= 64 and not name.endswith(".") and ".." not in name and before != "@"
                if fits and domain.end() - start <= MAX_CHARS and not _PATH.match(text, domain.end()):
                    found.append(view.finding("EMAIL", start, domain.end(), 0.95, "format"))
            at = text.find("@", at + 1)
        return found


EMAIL = EmailRecogniser()
