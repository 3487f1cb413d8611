"""Compiling functions that only other compiled functions call: no machine code is made of what nobody runs by itself.

Numba optimises every function that it compiles and makes machine code of it, even of one whose code is copied into that
of its callers and optimised there once more. For the kernels of a LeNet that is a fifth of the first start. This uses
parts of Numba that are not documented; where a version lacks them, inner kernels are compiled as all others are.
"""

from __future__ import annotations

import itertools
from importlib import import_module
from typing import Any

_numbers = itertools.count()


def inner_options() -> dict[str, Any]:
    """Return the options of `numba.njit` for functions that only others call."""
    try:
        return {"pipeline_class": _make_compiler(_make_lowering(_make_library()))}
    except (ImportError, AttributeError):
        return {}


def _make_library() -> Any:
    """Return a class of libraries whose code is only ever linked into that of others."""
    base: Any = import_module("numba.core.codegen").JITCodeLibrary
    first, second = base._finalize_dynamic_globals, base._verify_declare_only_symbols

    class InnerLibrary(base):  # type: ignore[misc]
        def _optimize_final_module(self) -> None:
            """Leave that to the callers' libraries."""

        def _finalize_final_module(self) -> None:
            """Do what Numba does, but for handing the code to the compiler of machine code."""
            first(self)
            second(self)
            self._finalized = True

    return InnerLibrary


def _make_lowering(library: Any) -> Any:
    """Return Numba's pass from typed code to LLVM's, for such libraries."""
    base: Any = import_module("numba.core.typed_passes").NativeLowering
    register_pass: Any = import_module("numba.core.compiler_machinery").register_pass
    make_function: Any = import_module("numba._dynfunc").make_function

    @register_pass(mutates_CFG=True, analysis_only=False)
    class InnerLowering(base):  # type: ignore[misc]
        _name = "inner_lowering"

        def run_pass(self, state: Any) -> bool:
            """Write the code, and make it known to those who will call it."""
            context = state.targetctx
            state.library = library(context.codegen(), f"{state.func_id.func_qualname}-{next(_numbers)}")
            state.flags.no_compile = True
            super().run_pass(state)
            made = state["cr"]
            # Numba knows functions by an object of this kind; it is never called.
            module, name = made.fndesc.lookup_module(), made.fndesc.qualname
            known_by = make_function(module, name, "an inner kernel", 0, made.env, (state.library,))
            context.insert_user_function(known_by, made.fndesc, [state.library])
            state["cr"] = made._replace(cfunc=known_by)
            return True

    return InnerLowering


def _make_compiler(lowering: Any) -> Any:
    """Return Numba's compiler with that pass."""
    compiler: Any = import_module("numba.core.compiler")
    usual: Any = import_module("numba.core.typed_passes").NativeLowering
    base: Any = compiler.CompilerBase
    passes_of = compiler.DefaultPassBuilder.define_nopython_pipeline

    class InnerCompiler(base):  # type: ignore[misc]
        def define_pipelines(self) -> list[Any]:
            """Return the passes."""
            manager = passes_of(self.state)
            manager.passes = [(lowering if step is usual else step, why) for step, why in manager.passes]
            manager._finalized = False
            manager.finalize()
            return [manager]

    return InnerCompiler
