"""Passwords hashed as the product does, but once instead of a million times. Any process of the product takes them."""

from __future__ import annotations

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class Once(PBKDF2PasswordHasher):
    iterations = 1
