"""The user and password in `scheme://user:password@host` (RFC 3986 §3.2.1). The host isn't part of the finding."""

import re

from kaname.privacy.model import Finding, View

_AUTHORITY = re.compile(r"://([^\s/?#@:'\"<>]{0,128}:[^\s/?#@'\"<>]{1,256})@(?=[A-Za-z0-9\[])")
_PLACEHOLDER = re.compile(r"[^:]*:(?:\*+|x{3,}|<.*>|\$\{?.*|pass(?:word)?|secret|\.\.\.)\Z", re.IGNORECASE)


class UrlCredentialsRecogniser:
    """See the module."""

    kinds = ("URL_CREDENTIALS",)

    def applies(self, view: View) -> bool:
        return "://" in view.text and "@" in view.text

    def find(self, view: View) -> list[Finding]:
        return [
            view.finding("URL_CREDENTIALS", match.start(1), match.end(1), 0.95, "authority")
            for match in _AUTHORITY.finditer(view.text)
            if not _PLACEHOLDER.match(match[1])
        ]


URL_CREDENTIALS = UrlCredentialsRecogniser()
