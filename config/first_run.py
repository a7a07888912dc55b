"""What `make run` does before it serves: settings file, tables, demo bot, staff login."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

from cryptography.fernet import Fernet
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command

from bots import environment
from conversations.seed import seed_demo


def write_env_file() -> None:
    """A `.env` with fresh keys where there is none; then this process begins anew, so that settings see it."""
    if not settings.ENV_FILE or Path(settings.ENV_FILE).exists() or settings.ENVIRONMENT.given("SECRET_KEY"):
        return
    lines = [
        "# Made by `make run`. See .env.example for everything that can be set here.",
        f"SECRET_KEY={secrets.token_urlsafe(50)}",
        f"FIELD_ENCRYPTION_KEYS={Fernet.generate_key().decode()}",
    ]
    with open(os.open(settings.ENV_FILE, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606  this very program


def prepare() -> str:
    """Tables, rows, login. Returns the login's password when it was made now, else ""."""
    call_command("migrate", verbosity=0)
    environment.sync()
    seed_demo()
    users = get_user_model().objects
    return "" if users.filter(is_superuser=True).exists() else new_login()


def new_login() -> str:
    """A new password for the staff login `admin`, which is made where there is none."""
    password = secrets.token_urlsafe(12)
    user, _made = get_user_model().objects.get_or_create(
        username="admin", defaults={"is_staff": True, "is_superuser": True}
    )
    user.is_staff = user.is_superuser = user.is_active = True
    user.set_password(password)
    user.save()
    return password
