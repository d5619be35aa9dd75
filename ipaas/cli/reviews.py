"""Commands of reviews and domains."""

from typing import Any

import click

from ipaas.cli.client import part
from ipaas.cli.shell import Shell, command, flag, limit, sure

COLUMNS = ["id", "kind", "slug", "state", "requested_by", "requested_at", "note"]


@click.group()
def reviews() -> None:
    """Changes that other eyes have to see before they are published."""


@click.group()
def domains() -> None:
    """Parts of the business, with those who answer for their integrations."""


def register(main: click.Group) -> None:
    """Add the commands to ``ipaas``."""
    main.add_command(reviews)
    main.add_command(domains)


@command(reviews, "list")
@flag("--waiting", help="Only those that you may decide now.")
@click.option("--state", help="Such as in_review, approved, returned or published.")
@click.option("--kind", help="Of the document, such as mapping.")
@limit
def list_reviews(shell: Shell, waiting: bool, state: str | None, kind: str | None, limit: int) -> None:
    """Reviews, newest first."""
    wanted = {"state": state, "kind": kind, "waiting": "true" if waiting else None}
    shell.table(shell.api.pages("reviews", most=limit, **wanted), COLUMNS)


@command(reviews, "show")
@click.argument("review")
def show_review(shell: Shell, review: str) -> None:
    """What changes, what was checked, who is asked and what was said."""
    found = shell.api.get(f"reviews/{part(review)}")
    lines = [
        f"{found['kind']} {found['slug']}: {found['title']} ({found['state']})",
        f"by {', '.join(found['authors'])}: {found['note'] or 'no note'}",
        f"asked: {', '.join(found['asked']) or 'nobody'} ({found['asked_as']}); {found['needed']} to approve",
    ]
    if found["outdated"]:
        lines.append("! the draft was changed since; it needs a new review")
    signs = {"added": "+", "removed": "-", "changed": "~"}
    lines += [f"{signs[one['kind']]} {one['path'] or '/'}" for one in found["changes"]]
    lines += [f"[{one['state']}] {one['title']}: {one['summary']}" for one in found["checks"]]
    lines += [f"{one['person']} {one['decision']}" for one in found["decisions"]]
    lines += [f"{one['person']}{' ' + one['path'] if one['path'] else ''}: {one['text']}" for one in found["comments"]]
    shell.give(found, "\n".join(lines))


@command(reviews, "request")
@click.argument("document", metavar="KIND/SLUG")
@click.option("--note", default="", help="What changes and why.")
def request_review(shell: Shell, document: str, note: str) -> None:
    """Send the draft of a document to review, such as mapping/order-row."""
    kind, slash, slug = document.partition("/")
    if not slash or not slug:
        message = "name the document as KIND/SLUG, such as mapping/order-row"
        raise click.UsageError(message)
    made = shell.api.post("reviews", {"kind": kind, "slug": slug, "note": note})
    shell.give(made, f"review {made['id']} waits for {', '.join(made['asked']) or 'nobody yet'}")


@command(reviews, "approve")
@click.argument("review")
@click.option("--comment", default="")
@flag("--publish", help="Publish with the last approval, and have the flows it names run it.")
@flag("--yes", help="Do not ask.")
def approve_review(shell: Shell, review: str, comment: str, publish: bool, yes: bool) -> None:
    """Say that the change, as it is now, may be published."""
    found = shell.api.get(f"reviews/{part(review)}")
    sure(f"Approve {found['kind']} {found['slug']}, {len(found['changes'])} changes?", yes=yes)
    body = {"sha256": found["sha256"], "comment": comment, "publish": publish}
    done = shell.api.post(f"reviews/{part(review)}/approve", body)
    _tell(shell, done)


@command(reviews, "return")
@click.argument("review")
@click.option("--comment", required=True, help="What is to be changed.")
def return_review(shell: Shell, review: str, comment: str) -> None:
    """Send the change back with what is to be done."""
    _tell(shell, shell.api.post(f"reviews/{part(review)}/return", {"comment": comment}))


@command(reviews, "withdraw")
@click.argument("review")
@click.option("--reason", default="")
def withdraw_review(shell: Shell, review: str, reason: str) -> None:
    """Take the request back; the draft stays."""
    _tell(shell, shell.api.post(f"reviews/{part(review)}/withdraw", {"reason": reason}))


@command(reviews, "comment")
@click.argument("review")
@click.argument("text")
@click.option("--path", default="", help="The place in the document, such as /fields/total.")
def comment_review(shell: Shell, review: str, text: str, path: str) -> None:
    """Say something about the change."""
    _tell(shell, shell.api.post(f"reviews/{part(review)}/comment", {"text": text, "path": path}))


@command(reviews, "publish")
@click.argument("review")
def publish_review(shell: Shell, review: str) -> None:
    """Publish what was approved."""
    _tell(shell, shell.api.post(f"reviews/{part(review)}/publish"))


@command(reviews, "policy")
@click.option("--rule", "rules", multiple=True, metavar="KIND=RULE", help="none, steward or four_eyes (repeatable).")
@click.option("--days", type=click.IntRange(1, 180), help="After how many days a review expires.")
@click.option("--bypass/--no-bypass", default=None, help="Whether administrators may publish past a review.")
def review_policy(shell: Shell, rules: tuple[str, ...], days: int | None, bypass: bool | None) -> None:
    """Say what the workspace asks for before a new version is published, or change it."""
    present = shell.api.get("workspace")["settings"]
    given = {"review_days": days, "review_bypass": bypass}
    body: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if rules:
        pairs = [one.partition("=") for one in rules]
        changed = {**present.get("review_policy", {}), **{kind: rule for kind, _, rule in pairs}}
        body["review_policy"] = {kind: rule for kind, rule in changed.items() if rule != "none"}
    if body:
        present = shell.api.patch("workspace", body)["settings"]
    found = {
        "rules": present.get("review_policy", {}),
        "days": present.get("review_days", 14),
        "bypass": present.get("review_bypass", True),
    }
    told = ", ".join(f"{kind} {rule}" for kind, rule in sorted(found["rules"].items())) or "no reviews"
    past = "administrators may publish past a review" if found["bypass"] else "no way past a review"
    shell.give(found, f"{told}; {found['days']} days; {past}")


def _tell(shell: Shell, review: Any) -> None:
    version = f", version {review['version']}" if review["version"] else ""
    shell.give(review, f"{review['kind']} {review['slug']} is {review['state'].replace('_', ' ')}{version}")


# -- domains -------------------------------------------------------------------------------------------------------


@command(domains, "list")
@limit
def list_domains(shell: Shell, limit: int) -> None:
    """All domains."""
    shell.table(shell.api.pages("domains", most=limit), ["slug", "title", "owner", "stewards"])


@command(domains, "create")
@click.argument("slug")
@click.option("--title", required=True, help="What people call it.")
@click.option("--description", default="")
@click.option("--owner", default="", help="The address of a member.")
@click.option("--steward", "stewards", multiple=True, help="The address of a member (repeatable).")
def create_domain(shell: Shell, slug: str, title: str, description: str, owner: str, stewards: tuple[str, ...]) -> None:
    """Make a domain; documents name it with `domain:`."""
    body = {"slug": slug, "title": title, "description": description, "owner": owner, "stewards": list(stewards)}
    shell.give(shell.api.post("domains", body), f"domain {slug} is made")


@command(domains, "change")
@click.argument("slug")
@click.option("--title")
@click.option("--description")
@click.option("--owner", help="The address of a member; empty for nobody.")
@click.option("--steward", "stewards", multiple=True, help="The address of a member (repeatable); they replace all.")
@flag("--no-stewards", help="Leave it to the stewards of the workspace.")
def change_domain(
    shell: Shell,
    slug: str,
    title: str | None,
    description: str | None,
    owner: str | None,
    stewards: tuple[str, ...],
    no_stewards: bool,
) -> None:
    """Change what is given of a domain."""
    given = {"title": title, "description": description, "owner": owner}
    body: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if stewards or no_stewards:
        body["stewards"] = list(stewards)
    if not body:
        message = "name what is to change"
        raise click.UsageError(message)
    shell.give(shell.api.patch(f"domains/{part(slug)}", body), f"domain {slug} is changed")


@command(domains, "delete")
@click.argument("slug")
@flag("--yes", help="Do not ask.")
def delete_domain(shell: Shell, slug: str, yes: bool) -> None:
    """Delete a domain that no document names."""
    sure(f"Delete the domain {slug}?", yes=yes)
    shell.api.delete(f"domains/{part(slug)}")
    shell.give({"slug": slug}, f"domain {slug} is deleted")
