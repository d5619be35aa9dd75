"""Addresses a person has signed in from: failures elsewhere do not lock the person out there."""

import hashlib

from django.core.cache import cache

KEPT_S = 30 * 24 * 3600


def note_place(email: str, ip: str) -> None:
    cache.set(_key(email, ip), 1, KEPT_S)


def is_known_place(email: str, ip: str) -> bool:
    return cache.get(_key(email, ip)) is not None


def _key(email: str, ip: str) -> str:
    return "signin-place:" + hashlib.sha256(f"{email.strip().lower()}|{ip}".encode()).hexdigest()
