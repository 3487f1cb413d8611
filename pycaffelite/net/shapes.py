"""Run the shapes through a graph: every layer made and checked, no memory taken."""

from __future__ import annotations

from dataclasses import replace

from pycaffelite.blob import Shape
from pycaffelite.errors import WiringError
from pycaffelite.graph.graph import Graph, Node
from pycaffelite.layers.base import Context, DataOptions, Layer
from pycaffelite.layers.registry import layer_class
from pycaffelite.net.net import AUTOMATIC, LayerShapes, located
from pycaffelite.schema import messages
from pycaffelite.schema.problems import Report, raise_problem


def infer_shapes(graph: Graph, *, seed: int = 0, data: DataOptions | None = None) -> list[LayerShapes]:
    """Make every layer and run the shapes through them; takes no memory for blobs.

    Raises:
        PycaffeliteError: With the line of the layer that refused its fields, its bottoms or their shapes.
    """
    flow = ShapeFlow(graph.phase, seed=seed, data=data)
    return [flow.through(node) for node in graph.nodes]


class ShapeFlow:
    """Shapes on their way through a graph, one layer after another.

    Args:
        phase, seed, data: As of a net.
        report: Takes a layer that works in place and cannot; raises it, or returns to tell its shapes all the same.

    Attributes:
        shapes: The shape of each blob made so far, by name; whoever knows that of another may add it.
    """

    def __init__(
        self, phase: str, *, seed: int = 0, data: DataOptions | None = None, report: Report = raise_problem
    ) -> None:
        self.context = Context(phase, seed, data or DataOptions())  # type: ignore[arg-type]
        self.report = report
        self.shapes: dict[str, Shape] = {}

    def through(self, node: Node) -> LayerShapes:
        """Make the layer of the next node, whose bottoms are known, and infer its shapes; raises as `infer_shapes`."""
        with located(node):
            made_by = layer_class(node.type)
            _check_arity(made_by, node)
            if (problem := _misplaced(made_by, node)) is not None:
                self.report(problem.within(node.subject, node.where))
            layer = made_by(node.message, _own_context(node, self.context))
            bottoms = tuple(self.shapes[name] for name in node.bottoms)
            layout = layer.layout(bottoms)
        missing = len(layout.tops) - len(node.tops) if made_by.automatic_tops else 0
        top_names = node.tops + (AUTOMATIC,) * max(0, missing)
        self.shapes.update(zip(top_names, layout.tops, strict=True))
        return LayerShapes(node, layer, top_names, bottoms, layout)


def _own_context(node: Node, context: Context) -> Context:
    """Return the context of a layer: one that states a phase runs in it, whatever the phase of its net."""
    if not node.message.HasField("phase"):
        return context
    return replace(context, phase="TRAIN" if node.message.phase == messages.TRAIN else "TEST")


def _check_arity(made_by: type[Layer], node: Node) -> None:
    arity = made_by.arity
    for kind, names, (least, most) in (("bottom", node.bottoms, arity.bottoms), ("top", node.tops, arity.tops)):
        low = 0 if kind == "top" and made_by.automatic_tops else least
        if len(names) < low or (most is not None and len(names) > most):
            raise WiringError(
                f"wrong number of {kind}s",
                expected=f"{_range_text(least, most)} {kind}{'s' if most != 1 else ''}",
                got=f"{len(names)}" + (f": {', '.join(f'`{name}`' for name in names)}" if names else ""),
                hint=f"`pycaffelite layers {made_by.type}` shows what its {kind}s mean",
            )
    if arity.pairs and len(node.bottoms) != len(node.tops):
        raise WiringError(
            "each bottom needs its own top",
            expected="as many tops as bottoms",
            got=f"{len(node.bottoms)} bottoms and {len(node.tops)} tops",
        )
    stated = node.message.propagate_down
    if stated and len(stated) != len(node.bottoms):
        raise WiringError(
            "propagate_down does not match the bottoms",
            expected=f"no propagate_down, or one for each of the {len(node.bottoms)} bottoms",
            got=f"{len(stated)}",
        )


def _misplaced(made_by: type[Layer], node: Node) -> WiringError | None:
    """Return what is wrong where a layer works in place and cannot."""
    shared = [name for name in node.tops if name in node.bottoms]
    if not shared or made_by.arity.in_place:
        return None
    return WiringError(
        "this layer cannot work in place",
        expected="a top of another name than every bottom",
        got=f"`{shared[0]}` as bottom and as top",
        hint=f"rename the top, and the bottoms below that read `{shared[0]}`",
    )


def _range_text(least: int, most: int | None) -> str:
    if most is None:
        return f"at least {least}"
    return str(least) if least == most else f"{least} to {most}"
