from decimal import Decimal

from ipaas.sdk.functions import Rejected

SERVED = {"DE", "NO", "US"}


def order_risk(given):
    if given["country"] not in SERVED:
        raise Rejected(f"we do not deliver to {given['country']}", "country")
    points = 40 if Decimal(given["total"]) > 500 else 0
    points += 30 if given["first_order"] else 0
    return {"points": points, "verdict": "review" if points >= 50 else "accept"}
