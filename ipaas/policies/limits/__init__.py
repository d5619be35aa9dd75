"""Breaker, rate limit and concurrency cap, shared by all processes through Redis and nearly free in the usual case."""
