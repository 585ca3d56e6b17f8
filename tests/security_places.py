"""People and places of the security tests."""

from dataclasses import dataclass

from live import PASSWORD, LiveServer, Response, request


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A logged-in user of the attacked server."""

    server: LiveServer
    user_id: str
    cookie: str
    csrf_token: str

    def call(self, method: str, path: str, body: bytes | None = None) -> Response:
        headers = {"cookie": self.cookie, "x-csrf-token": self.csrf_token, "content-type": "application/json"}
        return request(method, f"{self.server.url}{path}", body=body, headers=headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherPlace:
    """An organization and a project of somebody else."""

    organization_id: str
    project_id: str


def join(server: LiveServer, role: str, name: str = "") -> Person:
    """Invites somebody and accepts in their name."""
    invite = {"email": f"{name or f'some-{role}'}@example.com", "role": role}
    made = server.call("POST", f"/api/v1/organizations/{server.organization_id}/users", invite).json()
    accept = {"token": made["token"], "name": role, "password": PASSWORD}
    answer = server.call("POST", "/api/v1/auth/accept-invite", accept, headers={"cookie": ""})
    assert answer.status == 201, answer.body
    me = answer.json()
    cookie = answer.headers["set-cookie"].partition(";")[0]
    return Person(server=server, user_id=me["user"]["id"], cookie=cookie, csrf_token=me["csrf_token"])
