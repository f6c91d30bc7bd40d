"""The innermost loops of a function.

A loop is a set of instructions each of which can be reached from each: a strongly connected
component of the graph of what may follow what. The loops within it are those that remain without
the jumps to where it is entered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from bench.assembly.listing import Function, Instruction

Graph = Mapping[int, frozenset[int]]  # from each address to those that may follow


def innermost_loops(function: Function) -> list[tuple[Instruction, ...]]:
    """The loops without a loop within, in the order of their first instructions, each in the order
    of its addresses.

    Raises:
        ValueError: if the function jumps to a computed address, so that loops may be hidden.
    """
    by_address = {each.address: each for each in function.instructions}
    loops = _innermost(_graph(function))
    bodies = [tuple(by_address[address] for address in sorted(loop)) for loop in loops]
    return sorted(bodies, key=lambda body: body[0].address)


def _graph(function: Function) -> Graph:
    instructions = function.instructions
    own = {each.address for each in instructions}
    graph = {}
    for index, each in enumerate(instructions):
        if each.mnemonic == "br":
            raise ValueError(
                f"{function.name} jumps to a computed address at {each.address:#x}; "
                "its loops cannot be told."
            )
        following = {each.target} & own
        if each.falls_through and index + 1 < len(instructions):
            following.add(instructions[index + 1].address)
        graph[each.address] = frozenset(address for address in following if address is not None)
    return graph


def _innermost(graph: Graph) -> Iterator[frozenset[int]]:
    for loop in _components(graph):
        entries = _entries(graph, loop)
        inside = {node: (graph[node] & loop) - entries for node in loop}
        inner = list(_innermost(inside))
        if inner:
            yield from inner
        else:
            yield loop


def _entries(graph: Graph, loop: frozenset[int]) -> frozenset[int]:
    """Where a loop is entered from outside; its first instruction if it is the whole graph's."""
    entered = {target for node in graph.keys() - loop for target in graph[node] & loop}
    return frozenset(entered or {min(loop)})


def _components(graph: Graph) -> list[frozenset[int]]:
    """The strongly connected components that have a cycle (Kosaraju's algorithm)."""
    backwards: dict[int, set[int]] = {node: set() for node in graph}
    for node, following in graph.items():
        for target in following:
            backwards[target].add(node)
    components = []
    seen: set[int] = set()
    for root in reversed(_postorder(graph, graph, set())):
        if root in seen:
            continue
        component = frozenset(_postorder(backwards, [root], seen))
        if len(component) > 1 or root in graph[root]:
            components.append(component)
    return components


def _postorder(
    graph: Mapping[int, Iterable[int]], roots: Iterable[int], seen: set[int]
) -> list[int]:
    """What can be reached from the roots and is not in `seen`, which is brought up to date; each
    behind what it leads to, depth first."""
    order = []
    for root in roots:
        if root in seen:
            continue
        seen.add(root)
        path = [(root, iter(graph[root]))]
        while path:
            node, following = path[-1]
            target = next((each for each in following if each not in seen), None)
            if target is None:
                order.append(node)
                path.pop()
            else:
                seen.add(target)
                path.append((target, iter(graph[target])))
    return order
