"""Settings of section `access`."""

from dataclasses import dataclass

from kaname.kernel.settings import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSettings:
    session_idle_hours: float = setting(72.0, "A browser session ends after this many hours without a request.")
    session_max_days: float = setting(30.0, "A browser session ends this many days after login, used or not.")
    secure_cookies: bool = setting(
        False, "Always mark cookies Secure. Without it they are marked when the request came by https."
    )
    invite_days: float = setting(7.0, "An invitation link can be used for this many days.")
