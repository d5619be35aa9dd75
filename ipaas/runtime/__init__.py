"""Runs, steps, attempts, effects, sagas, dead letters and replay."""
