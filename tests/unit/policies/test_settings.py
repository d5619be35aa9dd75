"""Merging of levels, and the policy object at its edges."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipaas.core.errors import InvalidInput
from ipaas.policies.schema import CONNECTION_SCHEMA, STEP_SCHEMA, check_policy
from ipaas.policies.settings import PLATFORM, RateSettings, merge

ROOT = Path(__file__).resolve().parents[3]


def test_later_levels_win_value_by_value_and_say_where_from() -> None:
    merged = merge(
        PLATFORM,
        {"retry": {"max_attempts": 3}, "timeout_s": 20, "rate": {"per_second": 10}},
        {"retry": {"base_s": 2.0}, "breaker": {"open_s": 60.0}},
        {"timeout_s": 5},
    )
    settings = merged.settings
    assert (settings.retry.max_attempts, settings.retry.base_s, settings.timeout_s) == (3, 2.0, 5)
    assert settings.rate == RateSettings(10, 10)
    assert settings.breaker is not None
    assert settings.breaker.open_s == 60
    origins = merged.origins
    assert origins["retry.max_attempts"] == "connector"
    assert origins["retry.base_s"] == "connection"
    assert origins["retry.cap_s"] == "platform"
    assert origins["timeout_s"] == "step"
    assert origins["breaker.open_s"] == "connection"


@pytest.mark.parametrize("name", ["rate", "breaker", "concurrency"])
def test_null_switches_a_policy_off(name: str) -> None:
    connector = {"rate": {"per_second": 10}, "concurrency": 5}
    merged = merge(PLATFORM, connector, {name: None}, {})
    assert getattr(merged.settings, name) is None
    assert merged.origins[name] == "connection"


def test_a_steps_rate_is_a_bucket_of_its_own() -> None:
    merged = merge(PLATFORM, {"rate": {"per_second": 10}}, {}, {"rate": {"per_second": 1, "burst": 2}})
    assert merged.settings.rate == RateSettings(10, 10)
    assert merged.settings.step_rate == RateSettings(1, 2)


def test_exact_decimals_of_documents_become_plain_numbers() -> None:
    merged = merge(PLATFORM, {}, {}, {"retry": {"base_s": Decimal("0.5")}, "timeout_s": Decimal("2.5")})
    assert type(merged.settings.retry.base_s) is float
    assert type(merged.settings.timeout_s) is float


def test_contradicting_levels_are_refused_with_their_place() -> None:
    with pytest.raises(InvalidInput) as caught:
        merge(PLATFORM, {}, {"retry": {"base_s": 600.0}}, {})
    assert caught.value.errors[0]["path"] == "retry.cap_s"


@pytest.mark.parametrize(
    ("policy", "path"),
    [
        ({"retry": {"max_attempts": 0}}, "retry/max_attempts"),
        ({"retry": {"attempts": 3}}, "retry"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"rate": {"burst": 3}}, "rate"),
        ({"breaker": {"failure_ratio": 1.5}}, "breaker/failure_ratio"),
        ({"unknown": 1}, ""),
        ([], ""),
        ("x", ""),
    ],
)
def test_a_faulty_policy_names_the_place(policy: Any, path: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_policy(policy)
    assert caught.value.errors[0]["path"] == path


@pytest.mark.parametrize("name", ["concurrency", "breaker"])
def test_a_step_can_not_change_what_all_steps_share(name: str) -> None:
    assert name not in STEP_SCHEMA["properties"]
    with pytest.raises(InvalidInput):
        check_policy({name: None}, "step")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*CONNECTION_SCHEMA["properties"], "per_second", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(json_values)
def test_whatever_passes_the_check_can_be_merged(policy: Any) -> None:
    try:
        check_policy(policy)
    except InvalidInput:
        return
    codes = set()
    try:
        merge(PLATFORM, {}, policy, {})
    except InvalidInput as error:
        codes = {found["code"] for found in error.errors}
    assert codes <= {"policy.cap_below_base"}
