"""What a route demands. `app/route_table.py` gives every route exactly one rule; one without is refused.

    ROUTES: RouteTable = {
        ("GET", "/api/v1/auth/state"): RouteRule(PUBLIC),
        ("GET", "/api/v1/projects/{project_id}/spans"): RouteRule("traces:read"),
    }

A permission is demanded in the organization (`{organization_id}` in the path), else in the project (`{project_id}`),
else in the API key's project, else in any place of the user.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from kaname.access.permissions import PERMISSIONS, Permission

Open = Literal["public", "session", "authenticated"]
PUBLIC: Final = "public"
"""Anyone. The route must defend itself."""
SESSION: Final = "session"
"""A signed-in user, by cookie or personal token; API keys are refused."""
AUTHENTICATED: Final = "authenticated"
"""Any valid principal."""


@dataclass(frozen=True, slots=True)
class RouteRule:
    """One demand: a permission, or one of PUBLIC, SESSION, AUTHENTICATED."""

    demand: Permission | Open

    @property
    def permission(self) -> Permission | None:
        """The permission, None for the three others."""
        return self.demand if self.demand in PERMISSIONS else None  # type: ignore[return-value]


RouteKey = tuple[str, str]
"""(HTTP method, path template exactly as the router declares it)."""
RouteTable = Mapping[RouteKey, RouteRule]
