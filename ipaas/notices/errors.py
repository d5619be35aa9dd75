"""What can be wrong with deeds on webhooks."""

from ipaas.core.errors import Conflict


class WebhookState(Conflict):
    """The webhook {webhook} is {state} already."""

    code = "webhook_state"
    title = "Webhook in this state already"
    remedy = "Load the webhook again; somebody may have acted before you."


class DeliveryUnderWay(Conflict):
    """This delivery still waits for its next try."""

    code = "delivery_under_way"
    title = "Delivery under way"
    remedy = "Wait for its next try, or take the webhook up again if it is paused."
