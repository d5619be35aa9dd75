"""Start a run for each order of a file, wait until it has ended, and say how.

    python3 phone_orders.py ORDERS.jsonl

The address is in IPAAS_SERVER, the API key in the file that IPAAS_KEY_FILE names. Nothing but Python is needed.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request

SERVER = os.environ.get("IPAAS_SERVER", "http://127.0.0.1:8000")
ENDED = {"succeeded", "dead", "compensated", "cancelled", "discarded", "failed"}


def ask(method, path, body=None, **headers):
    """One request to the API; ends the program with what an error says."""
    with open(os.environ["IPAAS_KEY_FILE"], encoding="utf-8") as file:
        headers["Authorization"] = "Bearer " + file.read().strip()
    request = urllib.request.Request(SERVER + "/api/v1/" + path, method=method, headers=headers)  # noqa: S310
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.load(answer)
    except urllib.error.HTTPError as error:
        problem = json.load(error)
        sys.exit(f"{error.code} {problem['code']}: {problem['detail']}")


def place(order):
    """The order's id is the key: however often this script runs, an order is placed once."""
    start = {"environment": "production", "body": order}
    run = ask("POST", "flows/phone-order/trigger", start, **{"Idempotency-Key": order["order_id"]})
    while run["status"] not in ENDED:
        time.sleep(0.5)
        run = ask("GET", "runs/" + run["id"])
    return run


def main():
    with open(sys.argv[1], encoding="utf-8") as orders:
        for line in orders:
            order = json.loads(line)
            run = place(order)
            print(order["order_id"], run["status"], run["id"])


if __name__ == "__main__":
    main()
