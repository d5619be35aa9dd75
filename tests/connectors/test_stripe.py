"""The generated suite for the connector stripe, and what only Stripe does."""

from pathlib import Path
from urllib.parse import parse_qsl

from ipaas.sdk.requests import BuiltRequest
from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "stripe"


class TestStripe(ConnectorSuite):
    folder = FOLDER

    def built(self, name: str, **params: object) -> BuiltRequest:
        action = self.connector.action(name)
        return action.build(action.checked_params(params), {"account": "acct_1032D82eZvKYlo2C"}, "key-1")

    def test_a_payment_is_a_form_with_key_version_and_account(self) -> None:
        example = self.connector.manifest.actions["create_payment"].params_example
        request = self.built("create_payment", **example, metadata={"shop": "FH"})
        assert dict(parse_qsl(request.body.decode())) == {
            "amount": "2000",
            "currency": "eur",
            "payment_method": "pm_card_visa",
            "confirm": "true",
            "automatic_payment_methods[enabled]": "true",
            "automatic_payment_methods[allow_redirects]": "never",
            "metadata[shop]": "FH",
            "metadata[reference]": "FH-1-100001",
        }
        assert request.headers["idempotency-key"] == "key-1"
        assert request.headers["stripe-version"] == self.connector.manifest.api_version
        assert request.headers["stripe-account"] == "acct_1032D82eZvKYlo2C"

    def test_lists_go_into_brackets(self) -> None:
        request = self.built("create_webhook", url="https://hooks.example.com/x", events=["a.b", "c.d"])
        assert parse_qsl(request.body.decode())[1:3] == [("enabled_events[]", "a.b"), ("enabled_events[]", "c.d")]
        subscription = self.built("create_subscription", customer="cus_1", price="price_1", reference="S-1")
        items = dict(parse_qsl(subscription.body))
        assert items[b"items[0][price]"] == b"price_1"
        assert self.built("get_payment", payment_intent="pi_1", expand=["customer", "invoice"]).query == (
            ("expand[]", "customer"),
            ("expand[]", "invoice"),
        )
