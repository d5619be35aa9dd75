"""Where connections that are not HTTP may go."""

import pytest

from ipaas.sdk.targets import is_target, origin

CONFIG = {"host": "Kafka.shop.example", "port": 9092, "brokers": ["b1.example:9094", "*.kafka.shop.example:9092"]}


@pytest.mark.parametrize(
    ("host", "port", "known"),
    [
        ("kafka.SHOP.example", 9092, True),
        ("kafka.shop.example", 9093, False),
        ("b1.example", 9094, True),
        ("b1.example", 9092, False),
        ("x.b1.example", 9094, False),
        ("b7.kafka.shop.example", 9092, True),
        ("b7.kafka.shop.example", 22, False),
        ("evilkafka.shop.example", 9092, False),
        ("kafka.shop.example.evil.example", 9092, False),
        ("10.0.0.1", 9092, False),
    ],
)
def test_a_connection_goes_to_its_own_address_and_the_brokers_it_names(host: str, port: int, known: bool) -> None:
    assert is_target(CONFIG, host, port) is known


def test_the_origin_tells_other_brokers_apart_and_not_their_order() -> None:
    plain = {"host": "Kafka.shop.example", "port": 9092}
    assert origin("kafka", plain) == origin("kafka", {**plain, "brokers": []}) == "kafka://kafka.shop.example:9092"
    one, two = {**plain, "brokers": ["a:1", "B:2"]}, {**plain, "brokers": ["b:2", "a:1"]}
    assert origin("kafka", one) == origin("kafka", two) != origin("kafka", {**plain, "brokers": ["a:1"]})
