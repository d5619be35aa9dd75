"""AWS Signature Version 4 against the vectors that AWS publishes."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ipaas.sdk.requests import BuiltRequest
from ipaas.sdk.sigv4 import AwsKeys, signed_headers

MOMENT = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
KEYS = AwsKeys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")


def signature(request: BuiltRequest, **more: Any) -> str:
    usual: dict[str, Any] = {
        "host": "example.amazonaws.com",
        "keys": KEYS,
        "service": "service",
        "region": "us-east-1",
        "now": MOMENT,
    }
    return signed_headers(request, **{**usual, **more})["authorization"].rpartition("Signature=")[2]


SUITE = [
    ("get-vanilla", ("GET", (), {}), "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    ("post-vanilla", ("POST", (), {}), "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    (
        "get-vanilla-query-order-key-case",
        ("GET", (("Param2", "value2"), ("Param1", "value1")), {}),
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
    (
        "get-vanilla-utf8-query",
        ("GET", (("ሴ", "bar"),), {}),
        "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
    ),
    (
        "post-header-key-sort",
        ("POST", (), {"My-Header1": "value1"}),
        "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
    ),
]


@pytest.mark.parametrize(("name", "request_parts", "expected"), SUITE, ids=[one[0] for one in SUITE])
def test_the_signing_test_suite(name: str, request_parts: tuple[Any, ...], expected: str) -> None:
    """The AWS Signature Version 4 Test Suite (also in awslabs/aws-c-auth, tests/aws-signing-test-suite/v4)."""
    method, query, headers = request_parts
    assert signature(BuiltRequest(method, "/", query, headers, b"")) == expected


def test_the_example_of_the_user_guide() -> None:
    """IAM ListUsers, from "Signing AWS requests" in the AWS General Reference."""
    request = BuiltRequest(
        "GET",
        "/",
        (("Action", "ListUsers"), ("Version", "2010-05-08")),
        {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
        b"",
    )
    found = signature(request, host="iam.amazonaws.com", service="iam")
    assert found == "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"


def test_the_example_of_amazon_s3() -> None:
    """GET Object, from "Signature Calculations for the Authorization Header" in the Amazon S3 API Reference."""
    found = signature(
        BuiltRequest("GET", "/test.txt", (), {"Range": "bytes=0-9"}, b""),
        host="examplebucket.s3.amazonaws.com",
        keys=AwsKeys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        service="s3",
        now=datetime(2013, 5, 24, tzinfo=UTC),
    )
    assert found == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"


def test_a_temporary_key_sends_its_session_token_signed() -> None:
    made = signed_headers(
        BuiltRequest("GET", "/", (), {}, b""),
        host="example.amazonaws.com",
        keys=AwsKeys("AKID", "secret", "token"),
        service="service",
        region="eu-west-1",
        now=MOMENT,
    )
    assert made["x-amz-security-token"] == "token"
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token" in made["authorization"]
    assert "secret" not in made["authorization"]
