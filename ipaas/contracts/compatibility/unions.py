"""Proofs about anyOf, oneOf, not and if: where one of several is enough, or none may hold."""

from collections.abc import Iterator, Sequence

from ipaas.contracts.compatibility.alternatives import Alternative
from ipaas.contracts.compatibility.inclusion import Fault, Inclusion, handles, split, unsure
from ipaas.contracts.compatibility.nodes import Node, nodes_of, synthetic

TRUE = synthetic(True)


@handles("anyOf", "oneOf")
def _one_of(proof: Inclusion, given: Alternative, node: Node, keyword: str) -> Iterator[Fault]:
    if given.same_keyword(node, keyword):
        return
    branches = list(nodes_of(node.schema[keyword], node, keyword))
    for part in split(given):
        yield from _part(proof, part, node, branches, keyword)


def _part(proof: Inclusion, part: Alternative, node: Node, branches: Sequence[Node], keyword: str) -> Iterator[Fault]:
    near = [branch for branch in branches if not proof.disjoint(part, branch)]
    if not near:
        if not proof.disjoint(part, TRUE):
            yield Fault("no_branch", values={"keyword": keyword}, pointer=node.pointer)
        return
    if len(near) == 1:
        yield from proof.compare(part.nodes, near[0])
        return
    held = [branch for branch in near if not proof.compare(part.nodes, branch)]
    if keyword == "anyOf" and held:
        return
    if keyword == "oneOf" and len(held) > 1:
        yield Fault("several", values={"keyword": keyword}, pointer=node.pointer)
        return
    yield unsure(node, keyword, "branches")


@handles("not")
def _not(proof: Inclusion, given: Alternative, node: Node, keyword: str) -> Iterator[Fault]:
    if given.same_keyword(node, keyword) or proof.disjoint(given, node.child(keyword)):
        return
    inside = not proof.compare(given.nodes, node.child(keyword))
    yield Fault("excluded") if inside else unsure(node, keyword, "not_decided")


@handles("if", "then", "else")
def _if(proof: Inclusion, given: Alternative, node: Node, keyword: str) -> Iterator[Fault]:
    """Decided where both ways hold anyway, or where it is clear which one is gone."""
    if keyword != "if" or given.same_group(node, ("if", "then", "else")):
        return
    ways = [one for one in ("then", "else") if one in node.schema]
    if proof.disjoint(given, node.child("if")):
        ways = [one for one in ways if one == "else"]
    elif not proof.compare(given.nodes, node.child("if")):
        ways = [one for one in ways if one == "then"]
    else:
        if any(proof.compare(given.nodes, node.child(one)) for one in ways):
            yield unsure(node, keyword, "not_decided")
        return
    for one in ways:
        yield from proof.compare(given.nodes, node.child(one))
