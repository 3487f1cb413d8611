"""Python: a layer that a class of the user's makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from pycaffelite import blob as core
from pycaffelite import faces
from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import FieldError, UnsupportedError
from pycaffelite.layers.base import Arity, Context, Layer, Layout, ParamLayout
from pycaffelite.layers.registry import register
from pycaffelite.layers.user_code import find_class, told_with_its_line


@register("Python")
class Python(Layer):
    """Run a Python class of the user's as a layer.

    The formulas are the class's own: a subclass of `caffe.Layer` with `setup`, `reshape`, `forward` and `backward`.

    Bottoms: any.
    Tops: any, of the shapes that `reshape` (before each pass) or `forward` gives them.
    Params: those that `setup` adds by `self.blobs.add_blob(...)`, with what it writes into them.
    Fields: `python_param`: module, a file in the prototxt's folder, the working folder or on Python's path; layer, the
        class in it; param_str, which the class reads as `self.param_str`; share_in_parallel, without effect.
    Backward: the class's.
    Errors: UnsupportedError unless Python layers are allowed: the file names code that may do anything. FieldError for
    a module or class that does not exist. What the code raises is told with its file and line.
    Source: Caffe's PythonLayer. While shapes are inferred, `setup` and `reshape` see blobs of zeros; a diff that the
    class does not write keeps what it held. A class with a state of its own can make resuming exact, by
    `state_to_resume` and `resume`.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(0, None), tops=(0, None), in_place=True)
    measures: ClassVar[bool] = True

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.fields = message.python_param
        for field in ("module", "layer"):
            if not getattr(self.fields, field):
                raise FieldError(
                    f"a Python layer needs its {field}",
                    expected='`python_param { module: "losses" layer: "MyLoss" }`, for a class in losses.py',
                    got=f"no `{field}`",
                )
        if not context.data.python_layers:
            raise UnsupportedError(
                "this layer runs Python code, which has not been allowed",
                expected="--allow-python-layers on the command line, allow_python_layers=True for `load_net` and "
                "`load_solver`, or `caffe.allow_python_layers()`",
                got=f"class `{self.fields.layer}` of module `{self.fields.module}`",
                hint="such code may do whatever you may do: read it before you allow it",
            )
        self.user: Any = self._make()
        self._ready = False  # whether `setup` has run
        self._bottom = [faces.Blob(core.Blob(())) for _ in message.bottom]
        self._top = [faces.Blob(core.Blob(())) for _ in message.top]
        self._stand_ins = [core.Blob((0,)) for _ in message.top]
        self._initial: list[Array] = []

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the shapes that the class gives tops and parameters, for bottoms of zeros."""
        self._reshape([core.Blob(shape) for shape in bottom_shapes])
        params = [ParamLayout(initial.shape, initial=initial) for initial in self._initial]
        return Layout([blob.shape for blob in self._stand_ins], params)

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Show the class its parameters."""
        self._show(self.user.blobs, self.params)

    def measure(self, bottom: Sequence[Blob]) -> Sequence[Shape]:
        """Let the class reshape its tops for these bottoms."""
        self._reshape(bottom)
        return [blob.shape for blob in self._stand_ins]

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Let the class write the tops."""
        for stand_in, blob in zip(self._stand_ins, top, strict=True):
            if stand_in.data is not blob.data:
                np.copyto(blob.data, stand_in.data)  # whatever `reshape` has written
        self._show(self._bottom, bottom)
        self._show(self._top, top)
        with told_with_its_line(self._doing("forward")):
            self.user.forward(self._bottom, self._top)
        # From now on `reshape` works on the arrays of the net, until it needs others.
        self._stand_ins = [core.Blob(blob.shape, data=blob.data, diff=blob.diff) for blob in top]

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Let the class write the diffs of the bottoms, where anything is wanted: a source may have no `backward`."""
        if not (any(wanted) or any(self.wanted_params)):
            return
        self._show(self._bottom, bottom)
        self._show(self._top, top)
        with told_with_its_line(self._doing("backward"), f"layer `{self.name}` (Python)"):
            self.user.backward(self._top, list(wanted), self._bottom)

    def state(self) -> dict[str, Any]:
        """Return what the class has to say."""
        with told_with_its_line(self._doing("state_to_resume")):
            state = self.user.state_to_resume()
        return {} if state is None else {"user": state}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Let the class take up what it said."""
        if "user" in state:
            with told_with_its_line(self._doing("resume")):
                self.user.resume(state["user"])

    def forgets(self) -> bool:
        """Return whether the class is a source that does not tell where it is."""
        return not self.message.bottom and type(self.user).state_to_resume is faces.Layer.state_to_resume

    def _make(self) -> Any:
        """Import the module and make the object."""
        made_by = find_class(self.fields.module, self.fields.layer, self.context.data.folder)
        if not issubclass(made_by, faces.Layer):
            raise FieldError(
                f"class `{self.fields.layer}` is no layer",
                expected="a class that is derived from `caffe.Layer`, `caffe` being pycaffelite's own",
                got=f"one that is derived from {', '.join(base.__name__ for base in made_by.__bases__)}",
            )
        with told_with_its_line(self._doing("__init__")):
            user = made_by(self.message)
        user.param_str = user.param_str_ = self.fields.param_str
        user.phase = 0 if self.context.phase == "TRAIN" else 1
        return user

    def _reshape(self, bottom: Sequence[Blob]) -> None:
        """Run `reshape`, and before the first time `setup`, with stand-ins for tops that are not bottoms, too."""
        below = dict(zip(self.message.bottom, bottom, strict=True))
        self._stand_ins = [below.get(*pair) for pair in zip(self.message.top, self._stand_ins, strict=True)]
        self._show(self._bottom, bottom)
        self._show(self._top, self._stand_ins)
        if not self._ready:
            with told_with_its_line(self._doing("setup")):
                self.user.setup(self._bottom, self._top)
            self._initial = [blob.data.copy() for blob in self.user.blobs]
            self._ready = True
        with told_with_its_line(self._doing("reshape")):
            self.user.reshape(self._bottom, self._top)

    def _doing(self, method: str) -> str:
        return f"`{method}` of class `{self.fields.layer}`"

    @staticmethod
    def _show(views: Sequence[faces.Blob], blobs: Sequence[Blob]) -> None:
        for view, blob in zip(views, blobs, strict=True):
            view.show(blob)
