"""Shapes that nothing tells, and what they are taken for."""

from __future__ import annotations

import pytest

from .conftest import NET, check, said


@pytest.mark.parametrize(
    ("fields", "asked", "shape", "why"),
    [
        ("transform_param { crop_size: 8 mean_value: 1 mean_value: 2 }", {}, (4, 2, 8, 8), "from mean_value"),
        ("transform_param { crop_size: 8 force_gray: true }", {}, (4, 1, 8, 8), "in grey"),
        ("", {}, (4, 1, 28, 28), "`mnist` in the name"),
        ("", {"data": (3, 9, 7)}, (4, 3, 9, 7), "--input-shape"),
        ("", {"data": (2, 3, 9, 7)}, (2, 3, 9, 7), "--input-shape"),
    ],
)
def test_where_assumed_shapes_come_from(fields: str, asked: dict, shape: tuple, why: str) -> None:
    text = 'layer { name: "d" type: "Data" top: "data" data_param { source: "a/mnist_db" batch_size: 4 } %s }'
    phase = check(text.replace("%s", fields), shapes=asked).phases["TRAIN"]
    assert phase.layers[0].tops == {"data": shape}
    assert why in phase.assumed["data"]


@pytest.mark.parametrize(
    ("layer", "shapes"),
    [
        (
            'type: "VideoData" top: "a" top: "b" '
            'video_data_param { source: "v" use_image: true new_length: 7 crop_size: 5 mean_value: 3 }',
            [(1, 3, 7, 5, 5), (1,)],
        ),
        (
            'type: "ImageSegData" top: "a" top: "b" top: "c" '
            'image_data_param { source: "s" new_height: 8 new_width: 9 }'
            " transform_param { crop_height: 5 crop_width: 6 }",
            [(1, 3, 5, 6), (1, 1, 5, 6), (1, 1, 1, 2)],
        ),
    ],
)
def test_assumed_shapes_of_clips_and_label_maps(layer: str, shapes: list) -> None:
    phase = check(f'layer {{ name: "d" {layer} }}').phases["TRAIN"]
    assert list(phase.layers[0].tops.values()) == shapes


def test_a_misfit_with_assumed_shapes_is_no_error_of_the_file() -> None:
    report = check(NET.replace("kernel_size: 3", "kernel_size: 9"))
    assert report.status == "warnings"
    (line, message), *_ = said(report, "warning")
    assert line == 6
    assert message.startswith("with the assumed shapes: layer `conv` (Convolution): ")
    assert report.problems[0].hint == "state the real ones: --input-shape data=... --input-shape label=..."


def test_data_of_an_unknown_type_with_a_crop_size():
    text = (
        'layer { name: "d" type: "ListData" top: "data" top: "label" transform_param { crop_size: 7 } list_param { } }'
        'layer { name: "a" type: "ReLU" bottom: "data" top: "a" }'
    )
    layers = check(text).phases["TRAIN"].layers
    assert [layer.tops for layer in layers] == [{"data": (1, 3, 7, 7), "label": (1,)}, {"a": (1, 3, 7, 7)}]
