"""Keys and secrets: known vendors' by their shape, JSON web tokens, private keys, and `password = …` by entropy.

Each vendor's literal beginning is looked for first, which is nearly free. Sources: the vendors' documentation of their
key formats; GitHub's tokens end with a CRC-32 in base 62 (github.blog, "Behind GitHub's new authentication token
formats"), which is checked. Placeholders (`sk-xxxx`, `<key>`) aren't secrets.
"""

import base64
import binascii
import math
import re
import zlib
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import orjson

from kaname.privacy.model import Finding, View

MIN_ENTROPY_BITS = 3.0
"""A character of a secret carries more than this; words and repeated characters carry less."""
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_EDGE = r"(?<![0-9A-Za-z_-])"


class _Rule(NamedTuple):
    """A vendor's key. `anchor`: text that every one of them contains."""

    name: str
    anchor: str
    pattern: re.Pattern[str]
    accepts: Callable[[str], bool]


def entropy_bits(text: str) -> float:
    """Shannon entropy of the characters, bits a character.

    >>> entropy_bits("aaaa"), entropy_bits("abcd")
    (0.0, 2.0)
    """
    size = len(text)
    return sum(n / size * math.log2(size / n) for n in Counter(text).values()) if size else 0.0


def _is_random(token: str) -> bool:
    return entropy_bits(token) >= MIN_ENTROPY_BITS


def _passes_github_crc(token: str) -> bool:
    body, check = token.partition("_")[2][:-6], token[-6:]
    value, expected = zlib.crc32(body.encode()), ""
    for _ in range(6):
        value, digit = divmod(value, 62)
        expected = _BASE62[digit] + expected
    # Tokens of other issuers that copied the prefix have no check; a random one counts all the same.
    return expected == check or _is_random(body)


def _is_jwt(token: str) -> bool:
    head = token.split(".", 1)[0]
    try:
        document: object = orjson.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (binascii.Error, ValueError):
        return False
    return isinstance(document, dict) and ("alg" in document or "typ" in document)


def _always(_: str) -> bool:
    return True


def _rule(name: str, anchor: str, pattern: str, accepts: Callable[[str], bool] = _is_random) -> _Rule:
    return _Rule(name, anchor, re.compile(pattern), accepts)


_RULES = (
    _rule("kaname", "kn-", _EDGE + r"kn-(?:sk|pt)-[0-9A-Za-z]{8,}(?:-[0-9A-Za-z]{16,})?"),
    _rule("anthropic", "sk-ant-", _EDGE + r"sk-ant-[0-9A-Za-z_-]{20,}"),
    _rule("openai", "sk-", _EDGE + r"sk-(?:proj-|svcacct-|admin-|or-v1-)?[0-9A-Za-z_-]{20,}"),
    _rule("aws", "A", _EDGE + r"(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z])"),
    _rule("github", "gh", _EDGE + r"gh[pousr]_[0-9A-Za-z]{36,}(?![0-9A-Za-z])", _passes_github_crc),
    _rule("github", "github_pat_", _EDGE + r"github_pat_[0-9A-Za-z_]{40,}"),
    _rule("gitlab", "glpat-", _EDGE + r"glpat-[0-9A-Za-z_-]{20,}"),
    _rule("slack", "xox", _EDGE + r"xox[abeoprs]-[0-9A-Za-z-]{10,}"),
    _rule("stripe", "_live_", _EDGE + r"[rs]k_live_[0-9A-Za-z]{16,}"),
    _rule("google", "AIza", _EDGE + r"AIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])"),
    _rule("hugging_face", "hf_", _EDGE + r"hf_[0-9A-Za-z]{30,}"),
    _rule("groq", "gsk_", _EDGE + r"gsk_[0-9A-Za-z]{40,}"),
    _rule("sendgrid", "SG.", _EDGE + r"SG\.[0-9A-Za-z_-]{16,32}\.[0-9A-Za-z_-]{32,64}"),
    _rule("npm", "npm_", _EDGE + r"npm_[0-9A-Za-z]{36}(?![0-9A-Za-z])"),
    _rule("pypi", "pypi-", _EDGE + r"pypi-[0-9A-Za-z_-]{50,}"),
    _rule("jwt", "eyJ", _EDGE + r"eyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]{16,}", _is_jwt),
    _rule(
        "private_key", "-----BEGIN",
        r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----[^-]{0,16000}(?:-----END [A-Z0-9 ]{0,60}-----)?",
        _always,
    ),
)  # fmt: skip
_ASSIGNED = re.compile(
    r"(?i)(?:password|passwd|pwd|secret|api[_-]?key|access[_-]?key|auth[_-]?token|access[_-]?token|パスワード)"
    r"[\"']?\s{0,3}[:=]\s{0,3}[\"']?([^\s\"'<>,;。、」]{8,200})"
)
_ASSIGNMENT_WORDS = (
    "asswo",
    "asswd",
    "pwd",
    "ecret",
    "key",
    "Key",
    "KEY",
    "oken",
    "OKEN",
    "ASSWO",
    "ECRET",
    "パスワード",
)
_PLACEHOLDER = re.compile(r"(?i)(?:x{4,}|\*{3,}|\.{3}|…|your|example|changeme|placeholder|dummy|\$\{|\{\{|<)")


class ApiSecretRecogniser:
    """See the module."""

    kinds = ("SECRET",)

    def applies(self, view: View) -> bool:
        return True

    def find(self, view: View) -> list[Finding]:
        text, found = view.text, list[Finding]()
        for rule in _RULES:
            if rule.anchor in text:
                for match in rule.pattern.finditer(text):
                    if not _PLACEHOLDER.search(match[0][:64]) and rule.accepts(match[0]):
                        found.append(view.finding("SECRET", match.start(), match.end(), 0.95, rule.name))
        if ("=" in text or ":" in text) and any(word in text for word in _ASSIGNMENT_WORDS):
            for match in _ASSIGNED.finditer(text):
                value = match[1]
                mixed = any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
                if mixed and entropy_bits(value) >= MIN_ENTROPY_BITS - 0.25 and not _PLACEHOLDER.search(value):
                    found.append(view.finding("SECRET", match.start(1), match.end(1), 0.6, "assigned"))
        return found


API_SECRET = ApiSecretRecogniser()
