"""The environment tests run in, whatever the machine's own says. A pytest plugin (`-p`): settings are read after it.

DATABASE_URL and REDIS_URL stay as they are: `run.py` sets them. Without them the tests run on an SQLite file and an
in-process cache, as `make run` does.
"""

from __future__ import annotations

import base64
import os
import secrets

from config.env import VARIABLES

LONG = bool(os.environ.get("CHAOS"))  # `make chaos`: the whole figures
STORES = {"DATABASE_URL", "REDIS_URL"}  # a test that wants a broker starts its processes with one
# No test may reach a real account, or depend on what the machine happens to have set.
REMOVED = {variable.name for variable in VARIABLES} - STORES | {"GITHUB_TOKEN", "CRASH_AT"}
SET = {
    "SWITCHBOARD_ENV_FILE": "",  # .env is never read
    "SECRET_KEY": secrets.token_urlsafe(48),
    "FIELD_ENCRYPTION_KEYS": base64.urlsafe_b64encode(os.urandom(32)).decode(),  # a Fernet key
    "LOG_LEVEL": "WARNING",
    "LOG_FORMAT": "console",
    "RATE_LIMIT_PER_MINUTE": "0",
    "PRIVATE_NETWORKS": "127.0.0.0/8,::1",  # where the fakes are
}

for name in REMOVED:
    os.environ.pop(name, None)
os.environ.update(SET)
