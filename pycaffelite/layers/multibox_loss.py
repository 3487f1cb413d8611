"""MultiBoxLoss: offsets and classes of boxes, compared with the true boxes of each image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import DataError, ShapeError
from pycaffelite.kernels import boxes, eltwise, multibox_loss, softmax
from pycaffelite.layers.base import Arity, Context, Layout, shape_text
from pycaffelite.layers.detection import best_first, check_predictions, split_priors
from pycaffelite.layers.loss import LossLayer, Normalization
from pycaffelite.layers.multibox_options import MultiBoxOptions
from pycaffelite.layers.registry import register
from pycaffelite.schema import messages

_COLUMNS = 8  # of a true box
_TINY = np.finfo(np.float32).tiny  # as in SoftmaxWithLoss


@register("MultiBoxLoss")
class MultiBoxLoss(LossLayer):
    """Match priors with true boxes, and compare offsets of the matched ones, and classes of them and of hard others.

    loss = (loc_weight sum over matched p of f(offsets[p] - encoded true box) + sum over chosen p of class loss) / D

    Matching, image by image: the pair that overlaps most is taken, again and again; then each other prior that
    overlaps a true box by overlap_threshold goes to the one that it overlaps most. Of equals the first prior, then the
    first true box. Chosen are by MAX_NEGATIVE the matched priors and, of others that overlap none by neg_overlap,
    neg_pos_ratio times as many with the largest class losses; by HARD_EXAMPLE the sample_size priors of the largest
    losses; by NONE all. Images without true boxes count by NONE alone.

    Bottoms: offsets, N x 4P, or N x 4PC with a box for each class; scores, N x PC; priors, 1 x 2 x 4P of PriorBox;
        true boxes, 1 x 1 x G x 8: image (-1: no box), class, number, left, top, right, bottom, difficult.
    Tops: loss (), weight 1 by default.
    Params: none.
    Fields: `multibox_loss_param`; `loss_param`: D is matched priors (VALID, the default), N (BATCH_SIZE), NP (FULL) or
        1 (NONE), at least 1. A `propagate_down: false` for offsets or scores takes their part out of the loss.
    Backward: doffsets, dscores as the losses say; matching and choice count as fixed. Priors and true boxes get none.
    Errors: no num_classes; options that do not go together; bottoms that do not fit; priors without extent or variance;
        a true box whose class is background or none.
    Source: Liu et al., SSD, 2016. There the gradient of offsets lacks 1 / variance with encode_variance_in_target, and
        LOGISTIC without mining puts the targets of all images but the first in wrong places.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(4, 4))
    no_gradient_to: ClassVar[frozenset[int]] = frozenset({2, 3})

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.options = MultiBoxOptions(message.multibox_loss_param)
        self.normalization = Normalization(message.loss_param, default="VALID")
        self.counted = [bool(flag) for flag in message.propagate_down[:2]] or [True, True]
        self.divisor = 1.0

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the scalar top, and room for probabilities and gradients."""
        options = self.options
        priors = check_predictions(bottom_shapes, options.slots, options.classes)
        images = bottom_shapes[0][0]
        truths = bottom_shapes[3]
        if len(truths) < 2 or truths[-1] != _COLUMNS or any(length != 1 for length in truths[:-2]):
            raise ShapeError("these are no true boxes", expected=f"1 x 1 x G x {_COLUMNS}", got=shape_text(truths))
        return Layout(
            [()],
            buffers={
                "probabilities": ((images * priors, options.classes, 1), None),
                "offset_slopes": ((images, priors, 4 * options.slots), None),
                "score_slopes": ((images, priors, options.classes), None),
                "boxes": ((priors, 4), None),
            },
        )

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write the loss, and keep its gradients."""
        slopes = self.buffers["score_slopes"]
        images, count, classes = slopes.shape
        priors, variances = split_priors(bottom[2].data, self.options.code)
        if not (variances > 0).all():
            raise DataError("a prior has no variance", expected="variances above 0", got=f"{variances.min():g}")
        offsets = bottom[0].data.reshape(self.buffers["offset_slopes"].shape)
        scores = bottom[1].data.reshape(images * count, classes, 1)
        if not self.options.logistic:
            probabilities = self.buffers["probabilities"].reshape(-1)
            softmax.forward(scores.reshape(-1), probabilities, scores.shape)
        slopes[...] = 0
        self.buffers["offset_slopes"][...] = 0
        truths = self._truths(bottom[3].data.reshape(-1, _COLUMNS))
        totals, matched = np.zeros(2), 0
        for n in range(images):
            own = truths[truths[:, 0] == n]
            image = _Image(self, n, offsets[n], scores.reshape(images, count, classes)[n], priors, variances, own)
            losses, pairs = image.run()
            totals += losses
            matched += pairs
        self.divisor = self.normalization.divisor(images, count, matched)
        totals *= (self.options.offset_weight * self.counted[0], self.counted[1])
        top[0].data[...] = totals.sum() / self.divisor

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write the diffs of offsets and scores."""
        scale = self.weight(top) / self.divisor
        factors = (scale * self.options.offset_weight * self.counted[0], scale * self.counted[1])
        for blob, want, factor, name in zip(bottom, wanted, factors, ("offset_slopes", "score_slopes"), strict=False):
            if want:
                eltwise.scale(self.buffers[name].reshape(-1), factor, blob.flat_diff)

    def _truths(self, rows: Array) -> Array:
        """Return the true boxes that count; DataError for one of no class."""
        options = self.options
        rows = rows[rows[:, 0] != -1]
        if not options.difficult:
            rows = rows[rows[:, 7] == 0]
        labels = rows[:, 1]
        wrong = labels == options.background
        if not options.agnostic:
            wrong |= ~((labels >= 0) & (labels < options.classes))
        if wrong.any():
            row = rows[np.argmax(wrong)]
            raise DataError(
                "the class of a true box is background or none",
                expected=f"classes from 0 to {options.classes - 1}, without background {options.background}",
                got=f"class {row[1]:g}, in image {row[0]:g}",
            )
        return rows


class _Image:
    """The loss of one image."""

    def __init__(
        self, layer: MultiBoxLoss, n: int, offsets: Array, scores: Array, priors: Array, variances: Array, truths: Array
    ) -> None:
        self.options = layer.options
        self.offsets, self.scores, self.priors, self.variances = offsets, scores, priors, variances
        self.decoded = layer.buffers["boxes"]
        self.offset_slopes = layer.buffers["offset_slopes"][n]
        self.score_slopes = layer.buffers["score_slopes"][n]
        self.probabilities = layer.buffers["probabilities"].reshape(layer.buffers["score_slopes"].shape)[n]
        self.truths = np.ascontiguousarray(truths[:, 3:7])
        classes = np.full(len(truths), self.options.background + 1) if self.options.agnostic else truths[:, 1]
        self.classes = classes.astype(np.int64)
        self.offset_losses = np.zeros(len(priors))

    def run(self) -> tuple[tuple[float, float], int]:
        """Write the slopes; return the losses of offsets and of scores, and how many priors are matched."""
        mines = self.options.mining != messages.MultiBoxLossParameter.NONE
        if mines and not len(self.truths):
            return (0.0, 0.0), 0
        labels = np.full(len(self.priors), self.options.background)
        targets = np.zeros(self.scores.shape if self.options.logistic else (0, 0), self.scores.dtype)
        matches, overlaps, pairs = np.zeros(0, np.int64), np.zeros(0), 0
        for slot, own_matches, own_overlaps in self._match():
            matches, overlaps = own_matches, own_overlaps
            self._compare_offsets(slot, matches)
            found = np.flatnonzero(matches >= 0)
            labels[found] = self.classes[matches[found]]
            pairs += len(found)
            if self.options.logistic:
                targets[found, labels[found]] = 1
        if self.options.logistic and mines and self.options.background < self.options.classes:
            others = labels == self.options.background
            targets[others, self.options.background] = 1
        losses = self._score_losses(labels, targets)
        chosen = np.arange(len(labels))
        if mines:
            chosen, pairs = self._choose(matches, overlaps, losses)
        self._compare_scores(chosen, labels, targets)
        return (float(self.offset_losses.sum()), float(losses[chosen].sum(dtype=np.float64))), pairs

    def _match(self) -> list[tuple[int, Array, Array]]:
        """Return for each box of a prior that is matched its slot, its matches, and its overlaps."""
        options = self.options
        if options.match_priors:
            matches, overlaps = self._match_with(self.priors, self.truths)
            if options.shared:
                return [(0, matches, overlaps)]
            labels = np.where(matches >= 0, np.append(self.classes, -1)[matches], -1)
            return [
                (slot, np.where(labels == slot, matches, boxes.UNMATCHED), overlaps)
                for slot in range(options.slots)
                if slot != options.background
            ]
        found = []
        for slot in range(options.slots):
            if not options.shared and slot == options.background:
                continue
            own = np.arange(len(self.truths)) if options.shared else np.flatnonzero(self.classes == slot)
            matches, overlaps = self._match_with(self._decode(slot), self.truths[own])
            found.append((slot, np.where(matches >= 0, np.append(own, -1)[matches], matches), overlaps))
        return found

    def _match_with(self, places: Array, truths: Array) -> tuple[Array, Array]:
        matches, overlaps = np.empty(len(places), np.int64), np.empty(len(places), places.dtype)
        best, best_overlaps = np.empty(len(truths), np.int64), np.empty(len(truths), places.dtype)
        options = self.options
        boxes.match(
            truths, places, options.overlap, options.all_above, options.inside_only, matches, overlaps, best,
            best_overlaps,
        )  # fmt: skip
        return matches, overlaps

    def _decode(self, slot: int) -> Array:
        boxes.decode(
            self.offsets, slot, self.priors, self.variances, self.options.code, self.options.plain, self.decoded
        )
        return self.decoded

    def _compare_offsets(self, slot: int, matches: Array) -> None:
        """Write the losses of the offsets of matched priors, and their slopes."""
        options = self.options
        inside = self.priors[:0]
        if options.train_inside:
            inside = self.priors if options.match_priors else self._decode(slot)
        numbers = np.array([options.code, options.plain, options.quadratic], np.int64)
        multibox_loss.offset_losses(
            self.offsets, slot, self.priors, self.variances, self.truths, matches, inside, numbers, self.offset_losses,
            self.offset_slopes,
        )  # fmt: skip

    def _score_losses(self, labels: Array, targets: Array) -> Array:
        """Return the class loss of each prior."""
        if self.options.logistic:
            x = self.scores
            with np.errstate(invalid="ignore"):
                logistic: Array = (np.maximum(x, 0) - x * targets + np.log1p(np.exp(-np.abs(x)))).sum(1)
            return logistic
        shares = np.take_along_axis(self.probabilities, labels[:, None], 1)[:, 0]
        softmax_losses: Array = -np.log(np.maximum(shares, _TINY))
        return softmax_losses

    def _choose(self, matches: Array, overlaps: Array, losses: Array) -> tuple[Array, int]:
        """Return the priors whose classes count, and how many matched ones are left."""
        options = self.options
        positive = matches >= 0
        if options.hard:
            losses = losses + self.offset_losses
            candidates, count = np.arange(len(matches)), options.sample
        else:
            candidates = np.flatnonzero((matches == boxes.UNMATCHED) & (overlaps < options.far))
            count = int(np.float32(positive.sum()) * np.float32(options.ratio))
        if options.suppression > 0:
            places = self.priors if options.suppress_priors else self._decode(0)
            order, kept = best_first(losses, candidates, options.most), np.empty(len(candidates), np.int64)
            best = kept[: boxes.suppress_all(places, order, options.suppression, options.most, kept)][:count]
        else:
            best = best_first(losses, candidates, count)
        if not options.hard:
            return np.concatenate((np.flatnonzero(positive), best)), int(positive.sum())
        dropped = positive.copy()
        dropped[best] = False
        self.offset_losses[dropped] = 0
        self.offset_slopes[dropped] = 0
        chosen = best[matches[best] != boxes.LEFT_OUT]
        return chosen, int(positive[best].sum())

    def _compare_scores(self, chosen: Array, labels: Array, targets: Array) -> None:
        """Write the slopes of the scores of the priors that count."""
        if self.options.logistic:
            with np.errstate(over="ignore"):
                self.score_slopes[chosen] = 1 / (1 + np.exp(-self.scores[chosen])) - targets[chosen]
            return
        self.score_slopes[chosen] = self.probabilities[chosen]
        self.score_slopes[chosen, labels[chosen]] -= 1
