"""Connect layers by the names of their blobs: from a net in current form to the graph of one phase."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence
from functools import cached_property
from itertools import islice

from pycaffelite.errors import FieldError, Location, WiringError
from pycaffelite.graph.graph import Graph, Node
from pycaffelite.graph.phase import State, belongs
from pycaffelite.graph.splits import Top, insert_splits
from pycaffelite.names import did_you_mean
from pycaffelite.schema import messages
from pycaffelite.schema.problems import Report, raise_problem
from pycaffelite.schema.reader import NetFile

UNKNOWN_BOTTOM = "unknown bottom"
WITHOUT_STATE = " without another stage or level"  # with which the same net may be whole
_MOST_SLIPS = 100  # where more bottoms are unknown they are no slips, and the search for similar names is slow


def build_graph(
    file: NetFile,
    phase: str = "TRAIN",
    level: int = 0,
    stages: Collection[str] = (),
    report: Report = raise_problem,
) -> Graph:
    """Choose the layers of a phase and wire them.

    Args:
        file: The net in current form, with the lines where things stand.
        phase: "TRAIN" or "TEST".
        level: Held against the rules' min_level and max_level.
        stages: Held against the rules' stage and not_stage.
        report: Takes each problem; raises it, or returns to wire what is left.

    Raises:
        WiringError: A bottom that no layer makes, a top that two layers make, a layer in place over a shared blob.
    """
    own = file.net.state
    state = State(phase.upper(), level or own.level, {*own.stage, *stages})
    nodes: list[Node] = []
    left_out: list[Node] = []
    for i, layer in enumerate(file.net.layer):
        where = file.source.where("layer", i)
        node = Node(layer.name, layer.type, layer, tuple(layer.bottom), tuple(layer.top), where)
        try:
            wanted = belongs(layer, state, where)
        except FieldError as problem:
            report(problem)
            wanted = True
        (nodes if wanted else left_out).append(node)
    if not nodes:
        raise WiringError(
            "the net has no layers" + (f" in phase {state.phase}" if left_out else ""),
            where=Location(file.path),
            expected="at least one `layer { ... }`",
            got=f"{len(left_out)} layers, all excluded by their rules" if left_out else "none",
        )
    wired = insert_splits(nodes, _connect(nodes, left_out, state.phase, report))
    message = messages.NetParameter()
    message.CopyFrom(file.net)
    del message.layer[:]
    message.layer.extend(node.message for node in nodes)
    return Graph(file.net.name, state.phase, tuple(wired), _unread(wired), message)


class _Makers:
    """Finds the layers that make a blob of a name: for errors, so it is put up when the first one asks."""

    def __init__(self, nodes: Sequence[Node], left_out: Sequence[Node]) -> None:
        self.nodes = nodes
        self.left_out = left_out
        self.asked = 0

    def later(self, index: int, name: str) -> Node | None:
        """Return the first layer from an index on that makes the blob."""
        places = self._places.get(name, [])
        at = bisect_left(places, index)
        return self.nodes[places[at]] if at < len(places) else None

    def excluded(self, name: str) -> Node | None:
        """Return the first layer outside of the phase that makes the blob."""
        return self._excluded.get(name)

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        places: dict[str, list[int]] = {}
        for i, node in enumerate(self.nodes):
            for name in node.tops:
                places.setdefault(name, []).append(i)
        return places

    @cached_property
    def _excluded(self) -> dict[str, Node]:
        return {name: node for node in reversed(self.left_out) for name in node.tops}


def _connect(nodes: Sequence[Node], left_out: Sequence[Node], phase: str, report: Report) -> dict[Top, Top]:
    """Find the top that every bottom reads: the last one of that name above it; none for a bottom that is wrong."""
    made: dict[str, Top] = {}
    sources: dict[Top, Top] = {}
    readers: dict[Top, list[Top]] = {}
    makers = _Makers(nodes, left_out)
    for i, node in enumerate(nodes):
        for j, name in enumerate(node.bottoms):
            if name in made:
                sources[i, j] = made[name]
                readers.setdefault(made[name], []).append((i, j))
            else:
                report(_unknown_bottom(makers, i, name, made, phase))
        for j, name in enumerate(node.tops):
            in_place = j < len(node.bottoms) and node.bottoms[j] == name
            if name in made and not in_place:
                report(_made_twice(nodes, i, name, made[name]))
            elif name in made and (problem := _shared_in_place(nodes, readers, (i, j), made[name])):
                report(problem)
            made[name] = (i, j)
    return sources


def _unread(nodes: Sequence[Node]) -> tuple[str, ...]:
    """Return the tops that no layer reads, in the order of their bytes, as Caffe's set of names gives them."""
    available: set[str] = set()
    for node in nodes:
        available.difference_update(node.bottoms)
        available.update(node.tops)
    return tuple(sorted(available, key=str.encode))


def _unknown_bottom(makers: _Makers, index: int, name: str, made: dict[str, Top], phase: str) -> WiringError:
    node = makers.nodes[index]
    makers.asked += 1
    expected = "the name of a top of a layer above"
    later, excluded = makers.later(index, name), makers.excluded(name)
    if later is not None:
        what = f"bottom `{name}` is used before it is made"
        line = f" (line {later.where.line})" if later.where and later.where.line else ""
        hint = (
            f"move {later.subject}{line} above this layer" if later is not node else "a layer cannot read its own top"
        )
    elif excluded is not None:
        what = f"bottom `{name}` is not made in phase {phase}"
        line = f" at line {excluded.where.line}" if excluded.where and excluded.where.line else ""
        hint = f"the rules of {excluded.subject}{line} leave it out of this phase; give this layer the same rules"
        if (stages := _stages(excluded)) is not None:
            what += WITHOUT_STATE
            hint = f"the rules of {excluded.subject}{line} ask for " + (stages or "another level")
    else:
        what = f"{UNKNOWN_BOTTOM} `{name}`"
        similar = did_you_mean(name, made) if makers.asked <= _MOST_SLIPS else None
        hint = similar or "no layer has a top of this name"
    known = ", ".join(f"`{top}`" for top in reversed([*islice(reversed(made), 6)]))
    return WiringError(
        what,
        subject=node.subject,
        where=node.where,
        expected=f"{expected}; the nearest are {known}" if known else expected,
        got=f"`{name}`",
        hint=hint,
    )


def _stages(node: Node) -> str | None:
    """Return the option that gives the stages which rules of a layer name; None where they ask for a phase alone."""
    rules = (*node.message.include, *node.message.exclude)
    stages = dict.fromkeys(stage for rule in rules for stage in rule.stage)
    if not stages and not any(rule.not_stage or rule.HasField("min_level") for rule in rules):
        return None
    return " or ".join(f"`--stage {stage}`" for stage in stages)


def _made_twice(nodes: Sequence[Node], index: int, name: str, first: Top) -> WiringError:
    node, maker = nodes[index], nodes[first[0]]
    place = f" at line {maker.where.line}" if maker.where and maker.where.line else ""
    return WiringError(
        f"top `{name}` is made twice",
        subject=node.subject,
        where=node.where,
        expected="a new name for each top, or the name of a bottom at the same position (in place)",
        got=f"`{name}`, which {maker.subject}{place} makes already",
        hint="rename this top, or restrict the two layers to different phases with `include { phase: ... }`",
    )


def _shared_in_place(
    nodes: Sequence[Node], readers: dict[Top, list[Top]], bottom: Top, source: Top
) -> WiringError | None:
    """Return what is wrong where an in-place layer is not the only reader of its bottom; a loss weight reads too."""
    node, maker = nodes[bottom[0]], nodes[source[0]]
    name = node.bottoms[bottom[1]]
    others = [reader[0] for reader in readers[source] if reader != bottom]
    weights = maker.message.loss_weight
    if others:
        reader = nodes[others[0]]
        place = f" at line {reader.where.line}" if reader.where and reader.where.line else ""
        got = f"`{name}` is also a bottom of {reader.subject}{place}"
    elif source[1] < len(weights) and weights[source[1]]:
        got = f"`{name}` carries the loss_weight of {maker.subject}"
    else:
        return None
    return WiringError(
        f"cannot compute `{name}` in place: something else reads it too",
        subject=node.subject,
        where=node.where,
        expected="an in-place layer to be the only reader of its bottom",
        got=got,
        hint="give this layer a top of its own, and let the layers below it read that",
    )
