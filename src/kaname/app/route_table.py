"""What every route of the management API demands: one table, and a route without a rule is refused.

Paths are written exactly as the routers declare them. The start-up check (`access.http.check_routes`) and a test
compare the table with the routers in both directions.
"""

from kaname.access.rules import AUTHENTICATED, PUBLIC, SESSION, RouteRule, RouteTable

_ORGANIZATION = "/api/v1/organizations/{organization_id}"
_PROJECT = "/api/v1/projects/{project_id}"

ROUTES: RouteTable = {
    # app
    ("GET", "/api/openapi.json"): RouteRule(PUBLIC),
    ("GET", "/api/v1/system/status"): RouteRule("system:read"),
    ("GET", "/api/v1/models"): RouteRule("models:read"),
    # access
    ("GET", "/api/v1/auth/state"): RouteRule(PUBLIC),
    ("POST", "/api/v1/auth/setup"): RouteRule(PUBLIC),
    ("POST", "/api/v1/auth/login"): RouteRule(PUBLIC),
    ("POST", "/api/v1/auth/token"): RouteRule(PUBLIC),
    ("POST", "/api/v1/auth/accept-invite"): RouteRule(PUBLIC),
    ("POST", "/api/v1/auth/logout"): RouteRule(SESSION),
    ("GET", "/api/v1/me"): RouteRule(AUTHENTICATED),
    ("PATCH", "/api/v1/me"): RouteRule(SESSION),
    ("GET", "/api/v1/me/tokens"): RouteRule(SESSION),
    ("POST", "/api/v1/me/tokens"): RouteRule(SESSION),
    ("PATCH", "/api/v1/me/tokens/{token_id}"): RouteRule(SESSION),
    ("DELETE", "/api/v1/me/tokens/{token_id}"): RouteRule(SESSION),
    ("PATCH", _ORGANIZATION): RouteRule("organization:manage"),
    ("GET", f"{_ORGANIZATION}/projects"): RouteRule("organization:read"),
    ("POST", f"{_ORGANIZATION}/projects"): RouteRule("project:manage"),
    ("PATCH", f"{_ORGANIZATION}/projects/{{project_id}}"): RouteRule("project:manage"),
    ("DELETE", f"{_ORGANIZATION}/projects/{{project_id}}"): RouteRule("project:manage"),
    ("GET", f"{_ORGANIZATION}/projects/{{project_id}}/contents"): RouteRule("project:manage"),
    ("PUT", f"{_ORGANIZATION}/projects/{{project_id}}/roles/{{user_id}}"): RouteRule("members:manage"),
    ("DELETE", f"{_ORGANIZATION}/projects/{{project_id}}/roles/{{user_id}}"): RouteRule("members:manage"),
    ("GET", f"{_ORGANIZATION}/users"): RouteRule("members:read"),
    ("POST", f"{_ORGANIZATION}/users"): RouteRule("members:manage"),
    ("PATCH", f"{_ORGANIZATION}/users/{{user_id}}"): RouteRule("members:manage"),
    ("DELETE", f"{_ORGANIZATION}/users/{{user_id}}"): RouteRule("members:manage"),
    ("GET", f"{_ORGANIZATION}/invites"): RouteRule("members:read"),
    ("DELETE", f"{_ORGANIZATION}/invites/{{invite_id}}"): RouteRule("members:manage"),
    ("GET", f"{_ORGANIZATION}/audit"): RouteRule("audit:read"),
    ("GET", f"{_ORGANIZATION}/audit/verify"): RouteRule("audit:read"),
    ("GET", f"{_PROJECT}/keys"): RouteRule("keys:read"),
    ("POST", f"{_PROJECT}/keys"): RouteRule("keys:manage"),
    ("PATCH", f"{_PROJECT}/keys/{{key_id}}"): RouteRule("keys:manage"),
    ("DELETE", f"{_PROJECT}/keys/{{key_id}}"): RouteRule("keys:manage"),
    # traces
    ("GET", f"{_PROJECT}/spans"): RouteRule("traces:read"),
    ("GET", f"{_PROJECT}/spans/facets"): RouteRule("traces:read"),
    ("GET", f"{_PROJECT}/spans/histogram"): RouteRule("traces:read"),
    ("GET", f"{_PROJECT}/spans/fields"): RouteRule("traces:read"),
    ("GET", f"{_PROJECT}/traces"): RouteRule("traces:read"),
    ("GET", f"{_PROJECT}/traces/{{trace_id}}"): RouteRule("traces:read"),
    ("GET", f"{_PROJECT}/traces/{{trace_id}}/transcript"): RouteRule("traces:read"),
    ("GET", f"{_PROJECT}/traces/{{trace_id}}/spans/{{span_id}}"): RouteRule("traces:read"),
    ("GET", f"{_PROJECT}/traces/{{trace_id}}/spans/{{span_id}}/payload/{{field}}"): RouteRule("traces:read"),
    ("GET", f"{_PROJECT}/traces/{{trace_id}}/spans/{{span_id}}/blobs/{{digest}}"): RouteRule("traces:read"),
    ("GET", f"{_PROJECT}/sessions"): RouteRule("traces:read"),
    ("GET", f"{_PROJECT}/sessions/{{session_id}}"): RouteRule("traces:read"),
    ("GET", f"{_PROJECT}/users"): RouteRule("traces:read"),
    ("GET", f"{_PROJECT}/users/{{user_id}}"): RouteRule("traces:read"),
    ("GET", f"{_PROJECT}/scores"): RouteRule("scores:read"),
    ("POST", f"{_PROJECT}/scores"): RouteRule("scores:write"),
    ("GET", f"{_PROJECT}/scores/summary"): RouteRule("scores:read"),
    ("DELETE", f"{_PROJECT}/scores/{{score_id}}"): RouteRule("scores:delete"),
    ("GET", f"{_PROJECT}/export/spans"): RouteRule("traces:export"),
    ("GET", f"{_PROJECT}/live"): RouteRule("traces:read"),
    ("GET", f"{_PROJECT}/ingest/notices"): RouteRule("traces:read"),
    ("GET", f"{_PROJECT}/views"): RouteRule("traces:read"),
    # Sharing takes more, and changing another's view too: `traces/views/service.py`.
    ("POST", f"{_PROJECT}/views"): RouteRule("traces:read"),
    ("PATCH", f"{_PROJECT}/views/{{view_id}}"): RouteRule("traces:read"),
    ("DELETE", f"{_PROJECT}/views/{{view_id}}"): RouteRule("traces:read"),
    ("POST", f"{_PROJECT}/demo-data"): RouteRule("traces:write"),
    # prices
    ("GET", f"{_PROJECT}/prices"): RouteRule("prices:read"),
    ("POST", f"{_PROJECT}/prices"): RouteRule("prices:manage"),
    ("PATCH", f"{_PROJECT}/prices/{{price_id}}"): RouteRule("prices:manage"),
    ("DELETE", f"{_PROJECT}/prices/{{price_id}}"): RouteRule("prices:manage"),
    ("GET", "/api/v1/prices/snapshot"): RouteRule("prices:read"),
    # langfuse
    ("GET", "/api/public/health"): RouteRule(PUBLIC),
    ("GET", "/api/public/projects"): RouteRule("project:read"),
    ("POST", "/api/public/scores"): RouteRule("scores:write"),
}
