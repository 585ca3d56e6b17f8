"""Behind a proxy that ends TLS: the server itself sees plain HTTP."""

from pathlib import Path

from live import Response, start_live_server


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


def test_a_trusted_proxy_decides_address_and_scheme(tmp_path: Path) -> None:
    server = start_live_server(tmp_path / "data")
    server.stop()
    server.environment["KANAME_SERVER_TRUSTED_PROXIES"] = "127.0.0.0/8, ::1"
    server.restart()
    try:
        right = {"email": server.email, "password": server.password}

        def log_in(body: dict[str, str], client: str) -> Response:
            headers = {"x-forwarded-for": client, "x-forwarded-proto": "https", "cookie": ""}
            return server.call("POST", "/api/v1/auth/login", body, headers=headers)

        assert "secure" in log_in(right, "203.0.113.1").headers["set-cookie"].lower().split("; ")
        wrong = [log_in({"email": f"n{i}@example.com", "password": "x" * 12}, "203.0.113.2") for i in range(25)]
        assert (wrong[0].status, wrong[-1].status) == (401, 429), "guesses from one address are slowed down"
        assert log_in(right, "203.0.113.2").status == 429
        assert log_in(right, "203.0.113.3").status == 200, "others behind the same proxy aren't"
    finally:
        server.stop()
