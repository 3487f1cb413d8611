from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels.boxes import CENTER_SIZE, CORNER, CORNER_SIZE
from pycaffelite.kernels.multibox_loss import offset_losses

PRIORS = np.array([[0.25, 0.25, 0.75, 0.5], [0.0, 0.0, 0.5, 0.5]])
TRUTHS = np.array([[0.0, 0.0, 0.25, 1.0], [0.5, 0.25, 0.75, 0.5]])
TARGETS = {  # of the first prior and the second true box, before variances
    CORNER: [0.25, 0, 0, 0],
    CENTER_SIZE: [0.25, 0, np.log(0.5), 0],
    CORNER_SIZE: [0.5, 0, 0, 0],
}


def run(offsets, code=CORNER, plain=0, quadratic=0, inside=None, dtype=np.float64):
    losses, slopes = np.zeros(2), np.full((2, 8), 7, dtype)
    variances, matches = np.full((2, 4), 0.5, dtype), np.array([1, -1])
    whole = np.zeros((2, 8), dtype)
    whole[0, 4:] = offsets
    inside = np.zeros((0, 4)) if inside is None else inside
    options = np.array([code, plain, quadratic])
    arrays = (array.astype(dtype) for array in (PRIORS, variances, TRUTHS))
    offset_losses(whole, 1, *arrays, matches, inside.astype(dtype), options, losses, slopes)
    assert losses[1] == 0
    assert (slopes[1] == 7).all()
    assert (slopes[0, :4] == 7).all()
    return losses[0], slopes[0, 4:]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("code", [CORNER, CENTER_SIZE, CORNER_SIZE])
def test_targets(code, dtype):
    right = np.array(TARGETS[code])
    for plain in (0, 1):
        away = np.array([0.25, 0.125, -0.25, 0]) * (0.5 if plain else 1)
        loss, slopes = run(right / (1 if plain else 0.5) + away, code, plain, dtype=dtype)
        assert loss == pytest.approx(0.5 * (2 * 0.25**2 + 0.125**2), rel=1e-5)
        np.testing.assert_allclose(slopes, np.array([0.25, 0.125, -0.25, 0]) * (2 if plain else 1), atol=1e-6)


def test_beyond_one_the_loss_is_absolute_unless_quadratic():
    assert run([3.5, -2, 0, 0])[0] == 2.5 + 1.5
    np.testing.assert_array_equal(run([3.5, -2, 0, 0])[1], [1, -1, 0, 0])
    assert run([3.5, -2, 0, 0], quadratic=1)[0] == 4.5 + 2
    np.testing.assert_array_equal(run([3.5, -2, 0, 0], quadratic=1)[1], [3, -2, 0, 0])


def test_coordinates_beyond_the_image_have_no_loss():
    inside = np.array([[-0.1, 0.2, 0.3, 1.1], [0, 0, 0, 0]])
    loss, slopes = run([3.5, -2, 0.5, 9], inside=inside)
    assert loss == 1.5 + 0.125
    np.testing.assert_array_equal(slopes, [0, -1, 0.5, 0])
