"""Settings of section `crypto`."""

from dataclasses import dataclass

from kaname.kernel.settings import setting

MASTER_KEY_FILE = "secrets/master.key"


@dataclass(frozen=True, slots=True, kw_only=True)
class CryptoSettings:
    keys: str = setting(
        "",
        "Master keys in base64, newest first, separated by commas. Empty: the key file, made at the first start.",
        secret=True,
    )
    key_file: str = setting("", f"The file of master keys; empty for {MASTER_KEY_FILE} in the data directory.")
