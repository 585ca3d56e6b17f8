"""Every permission there is, and what each role may do. The only place where the two meet.

A role holds for an organization and may be replaced for one project. API keys have scopes, which are permissions of
their one project. A permission missing here doesn't exist; a role missing a permission is refused.
"""

from typing import Literal, cast, get_args

from kaname.kernel.errors import InvalidInputError

Permission = Literal[
    "traces:read",
    "traces:write",
    "traces:export",
    "scores:read",
    "scores:write",
    "scores:delete",
    "gateway:call",
    "gateway:read",
    "gateway:manage",
    "models:read",
    "models:manage",
    "prices:read",
    "prices:manage",
    "keys:read",
    "keys:manage",
    "project:read",
    "project:manage",
    "members:read",
    "members:manage",
    "audit:read",
    "organization:read",
    "organization:manage",
    "system:read",
    "metrics:read",
]
Role = Literal["owner", "admin", "member", "annotator", "viewer"]

PERMISSIONS: tuple[Permission, ...] = get_args(Permission)
ROLES: tuple[Role, ...] = get_args(Role)
"""From the most to the least powerful; each role has all permissions of the next."""

_VIEWER: frozenset[Permission] = frozenset(
    {"traces:read", "scores:read", "models:read", "prices:read", "project:read", "organization:read"}
)
_ANNOTATOR: frozenset[Permission] = frozenset({*_VIEWER, "scores:write"})
_MEMBER: frozenset[Permission] = frozenset(
    {
        *_ANNOTATOR,
        "traces:write",
        "traces:export",
        "scores:delete",
        "gateway:call",
        "gateway:read",
        "keys:read",
        "members:read",
        "system:read",
    }
)
_ADMIN: frozenset[Permission] = frozenset(
    {
        *_MEMBER,
        "gateway:manage",
        "models:manage",
        "prices:manage",
        "keys:manage",
        "project:manage",
        "members:manage",
        "audit:read",
        "metrics:read",
    }
)
_OWNER: frozenset[Permission] = frozenset({*_ADMIN, "organization:manage"})

ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    "owner": _OWNER,
    "admin": _ADMIN,
    "member": _MEMBER,
    "annotator": _ANNOTATOR,
    "viewer": _VIEWER,
}

PROJECT_PERMISSIONS: frozenset[Permission] = frozenset(PERMISSIONS) - {
    "members:read",
    "members:manage",
    "audit:read",
    "organization:read",
    "organization:manage",
    "gateway:read",
    "gateway:manage",
    "system:read",
}
"""Those that hold for one project: what a project role can change and what an API key can be given."""

DEFAULT_KEY_SCOPES: tuple[Permission, ...] = (
    "traces:write",
    "traces:read",
    "traces:export",
    "scores:write",
    "scores:read",
    "gateway:call",
    "models:read",
    "prices:read",
    "project:read",
)


def outranks(role: Role, other: Role) -> bool:
    """Whether the first role is strictly more powerful."""
    return ROLES.index(role) < ROLES.index(other)


def parse_role(text: str) -> Role:
    """Checks a role's name; raises InvalidInputError."""
    for role in ROLES:
        if text == role:
            return role
    raise InvalidInputError(
        f"role {text!r} doesn't exist",
        hint=f"Known: {', '.join(ROLES)}.",
        param="role",
        code="role_unknown",
        params={"value": text[:80], "known": ", ".join(ROLES)},
    )


def parse_scopes(texts: list[str]) -> tuple[Permission, ...]:
    """Checks the scopes of an API key, sorted and without repeats; raises InvalidInputError."""
    unknown = sorted(set(texts) - PROJECT_PERMISSIONS)
    known = ", ".join(sorted(PROJECT_PERMISSIONS))
    if unknown:
        raise InvalidInputError(
            f"scope {unknown[0]!r} doesn't exist",
            hint=f"Known: {known}.",
            param="scopes",
            code="scope_unknown",
            params={"value": unknown[0][:80], "known": known},
        )
    if not texts:
        raise InvalidInputError(
            "a key needs at least one scope", hint=f"Known: {known}.", param="scopes", code="scope_missing"
        )
    return tuple(sorted(cast("set[Permission]", set(texts))))
