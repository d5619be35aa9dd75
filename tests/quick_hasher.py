"""Hashing of passwords as in the product, with a work factor that lets tests be many."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class QuickHasher(PBKDF2PasswordHasher):
    iterations = 1
