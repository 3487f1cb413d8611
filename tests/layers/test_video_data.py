from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pycaffelite.errors import DataError
from pycaffelite.schema import messages
from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text

FRAMES = 9


def planes(video, frame):
    """Frame k of video v is plain, but for a left half that is 100 brighter: JPEG keeps that nearly."""
    picture = np.full((3, 8, 16), 10.0 * frame + video)
    picture[..., :8] += 100
    return picture


def clip(video, first, length=3, rate=1):
    return np.stack([planes(video, first + rate * n) for n in range(length)], 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("videos")
    for video in range(2):
        (path / f"v{video}").mkdir()
        for frame in range(1, FRAMES + 1):
            pixels = planes(video, frame).transpose(1, 2, 0).astype(np.uint8)
            Image.fromarray(pixels).save(path / f"v{video}" / f"{frame:06d}.jpg", quality=100, subsampling=0)
    (path / "clips.txt").write_text("v0 1 5\nv1 3 6\n", encoding="utf-8")
    (path / "lengths.txt").write_text(f"v0 {FRAMES} 5\nv1 {FRAMES} 0,2\n", encoding="utf-8")
    (path / "many.txt").write_text("v0 1 1\nv1 3 0,2\n", encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _here(folder, monkeypatch):
    monkeypatch.chdir(folder)


def fields(more="", source="clips.txt", batch=2, transform=""):
    own = f'source: "{source}" batch_size: {batch} new_length: 3 use_image: true {more}'
    return f"video_data_param {{ {own} }} transform_param {{ {transform} }}"


class TestVideoData(LayerContract):
    type_name = "VideoData"
    cases = {
        "plain": Case(fields(), [], tops=2, gradients=False),
        "random": Case(
            fields(
                "use_temporal_jitter: true shuffle: true use_sampling_rate_jitter: true max_sampling_rate: 2",
                "lengths.txt",
                transform="crop_size: 5 mirror: true mean_value: 7",
            ),
            [],
            tops=2,
            gradients=False,
        ),
        "labels": Case(
            fields("use_multiple_label: true num_of_labels: 3", "many.txt"),
            [],
            tops=2,
            oracle=lambda b, p: [None, np.array([[0.0, 1, 0], [1, 0, 1]])],
            gradients=False,
        ),
    }
    errors = {
        "no_images": ErrorCase(
            'video_data_param { source: "clips.txt" new_length: 3 }',
            [],
            message="""
            error: video files are not read
              expected: use_image: true, and a folder of frames for each video
              got:      use_image: false

            hint: `ffmpeg -i VIDEO FOLDER/%06d.jpg` makes such a folder
            """,
        ),
        "no_length": ErrorCase(
            'video_data_param { source: "clips.txt" use_image: true }',
            [],
            message="""
            error: `new_length` is missing or 0
              expected: new_length of at least 1
              got:      0 or none
            """,
        ),
    }


def runner(*arguments, phase="TRAIN", **more):
    text = layer_text("VideoData", fields(*arguments, **more), bottoms=0, tops=2)
    return LayerRunner(text, [], phase)


def near(actual, expected):
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() <= 2


def test_clips_and_their_classes():
    data, labels = runner().forward()
    near(data, np.stack([clip(0, 1), clip(1, 3)]))
    assert labels.tolist() == [5, 6]


def test_every_other_frame():
    near(runner("sampling_rate: 2").forward()[0], np.stack([clip(0, 1, rate=2), clip(1, 3, rate=2)]))


def test_frames_are_resized():
    data, _ = runner("new_height: 4 new_width: 8").forward()
    near(data[:, :, :, :, :3], np.stack([clip(0, 1), clip(1, 3)])[:, :, :, :4, :3])


def test_jitter_begins_anywhere_in_training_and_at_the_start_in_test():
    arguments = "use_temporal_jitter: true", "lengths.txt"
    starts = {int(c[0, 0, 0, 15] // 10) for _ in range(8) for c in runner(*arguments, batch=4).forward()[0]}
    assert len(starts) > 3
    assert max(starts) <= FRAMES - 2
    near(runner(*arguments, phase="TEST").forward()[0], np.stack([clip(0, 1), clip(1, 1)]))


def test_all_frames_are_flipped_and_cropped_alike():
    data, _ = runner(
        batch=12, transform="crop_size: 8 mirror: true mean_value: 0 mean_value: 0 mean_value: 0"
    ).forward()
    kinds = set()
    for n, sample in enumerate(data):
        bright = sample - (clip(n % 2, 1 + 2 * (n % 2))[:, :, :1, 8:9])
        assert np.abs(bright - bright[:1, :1]).max() <= 2
        kinds.add(tuple(np.rint(bright[0, 0, 0] / 100).astype(int)))
    assert len(kinds) > 3


def test_the_older_form_and_a_mean_clip():
    mean = messages.BlobProto(shape={"dim": [1, 3, 3, 8, 16]}, data=clip(0, 1).ravel())
    Path("mean.binaryproto").write_bytes(mean.SerializeToString())
    data, _ = runner('mean_file: "mean.binaryproto" scale: 0.5 crop_size: 4', phase="TEST").forward()
    near(data[0], np.zeros((3, 3, 4, 4)))
    near(data[1], np.full((3, 3, 4, 4), 10.5))


def test_one_mean_for_all_channels():
    near(runner("mean_value: 3").forward()[0], np.stack([clip(0, 1), clip(1, 3)]) - 3)


def test_a_video_that_is_too_short():
    with pytest.raises(DataError, match="the video `v0` is too short") as caught:
        runner("use_temporal_jitter: true sampling_rate: 4", "lengths.txt")
    assert caught.value.expected == "at least 12 frames (new_length times the sampling rate)"


@pytest.mark.parametrize("line", ["v0 5", "v0 a 5", "v0"])
def test_a_line_that_is_not_understood(tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clips.txt").write_text(line)
    with pytest.raises(DataError, match="a line of the list is not understood"):
        runner()


def test_a_class_beyond_the_number():
    with pytest.raises(DataError, match="a class is beyond num_of_labels"):
        runner("use_multiple_label: true num_of_labels: 2", "many.txt")


def test_a_missing_frame():
    with pytest.raises(DataError, match="an image does not exist"):
        runner("sampling_rate: 5").forward()
