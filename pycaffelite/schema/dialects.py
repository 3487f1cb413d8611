"""What public forks of Caffe add to its schema, and what of it matters to a net that runs on a CPU."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import NamedTuple

from pycaffelite.schema.fields import text_name


class ForkRow(NamedTuple):
    """A field, or a value of an enum, as some forks have it.

    Attributes:
        message: The message, or the enum; enums inside messages are named with them.
        name: The field or value.
        number: Its number in those forks.
        label: "optional", "repeated", or "value" for a value of an enum.
        own: Whether the name is new; else it is another form of one of Caffe's own fields.
        type: A scalar kind, or the name of a message or enum.
        default: As the schema writes it; "" for none.
        forks: The repositories; empty for what people write although no schema has it.
    """

    message: str
    name: str
    number: int
    label: str
    own: bool
    type: str
    default: str
    forks: tuple[str, ...]


@cache
def table() -> tuple[ForkRow, ...]:
    """Read forks.tsv."""
    text = resources.files("pycaffelite.schema").joinpath("forks.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    return tuple(
        ForkRow(
            *(message, name, int(number), label.removeprefix("~"), not label.startswith("~"), kind, default),
            tuple(forks.split(",")) if forks else (),
        )
        for message, name, number, label, kind, default, forks in rows[1:]
    )


@cache
def _origins() -> dict[tuple[str, str], tuple[str, ...]]:
    forks: dict[tuple[str, str], dict[str, None]] = {}
    for row in table():
        name = row.name if row.own else f"{row.name}__"
        forks.setdefault((row.message, name), {}).update(dict.fromkeys(row.forks))
    return {key: tuple(names) for key, names in forks.items()}


def origin(message: str, name: str) -> tuple[str, ...]:
    """Return the forks that a field, or a value of an enum, comes from; empty for what Caffe 1.0 has itself.

    Enums inside messages are named with them: `origin("PoolingParameter.Engine", "MKL2017")`. The stored name of
    another form of one of Caffe's own fields, `pad__2`, has the forks of that form.
    """
    bare = text_name(name)
    found = _origins().get((message, bare), ())
    return found if found or bare == name else _origins().get((message, f"{bare}__"), ())


def is_idle(name: str) -> bool:
    """Tell whether a field of a fork makes no difference to what a net computes on a CPU."""
    return name in _IDLE


def is_upgraded(message: str, name: str) -> bool:
    """Tell whether the reader brings a field or value of a fork to the current form, so that it has its effect."""
    return (message, text_name(name)) in _UPGRADED or message == "V1LayerParameter.LayerType"


_OF_C3D = {  # fields of its first form, which shared the messages of the 2-D layers
    "ConvolutionParameter": ("kernel_depth", "temporal_stride", "temporal_pad"),
    "PoolingParameter": ("kernel_depth", "temporal_stride", "temporal_pad"),
    "ImageDataParameter": (
        *("new_length", "show_data", "use_image", "use_temporal_jitter", "sampling_rate", "max_sampling_rate"),
        *("use_sampling_rate_jitter", "use_multiple_label", "num_of_labels"),
    ),
}
_UPGRADED = {
    ("V0LayerParameter", "blobs_lr_policy"),
    ("V0LayerParameter", "mean_on_test"),
    ("V0LayerParameter", "mean_on_train"),
    *((message, name) for message, names in _OF_C3D.items() for name in names),
}

# Reviewed by hand: what these say changes speed, memory, printing or which device computes, never what is computed from
# the same samples. (`larc` is here because it only guards against overflow in half precision.)
_IDLE = {
    "backward_math", "backward_type", "block_size", "bn_stats_batch_size", "cache", "compile_net_state",
    "conv_algorithm", "conv_algos_override", "conv_mode", "cudnn_convolution_algo_seeker",
    "cudnn_math_override", "dataset_share_per_node", "debug", "debug_display", "debug_params", "device_id",
    "default_backward_math", "default_backward_type", "default_conv_algos_override",
    "default_cudnn_math_override", "default_forward_math", "default_forward_type", "disk_reader_threads",
    "display", "dump_activation", "dump_parameter", "eltwise_mem_sharing", "engine", "forward_math",
    "forward_packing", "forward_type", "fusion_type", "gemm_mode", "global_grad_scale",
    "global_grad_scale_adaptive", "group_id", "huge_video_dataset", "larc", "larc_eta", "larc_policy",
    "larc_turbo", "mem_param", "multinode", "num_conv_partition", "parameter_sparsity_pattern_histogram",
    "parser_threads", "precache", "random_seed", "reduce_buckets", "reshape_every_iter", "richness",
    "show_per_class_result",
    "shuffle", "snapshot_mode", "solver_data_type", "spmdm_transpose_in", "spmdm_transpose_out",
    "stats_batch_size", "store_blobs_in_old_format", "test_and_snapshot_last_epochs", "threads",
    "use_gpu_transform", "verbose", "winograd_adjust_threshold",
}  # fmt: skip
