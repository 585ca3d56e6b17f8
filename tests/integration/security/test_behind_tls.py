"""Behind a proxy that ends TLS: the server itself sees plain HTTP."""

from pathlib import Path

from live import start_live_server


def test_cookies_are_secure_when_the_public_url_is(tmp_path: Path) -> None:
    server = start_live_server(tmp_path / "data")
    server.stop()
    server.environment["KANAME_SERVER_PUBLIC_URL"] = "https://kaname.example"
    local = server.url
    server.restart()
    server.url = local
    try:
        credentials = {"email": server.email, "password": server.password}
        answer = server.call("POST", "/api/v1/auth/login", credentials)
        assert "secure" in answer.headers["set-cookie"].lower().split("; ")
    finally:
        server.stop()
