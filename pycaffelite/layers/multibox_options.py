"""The options of MultiBoxLoss, read and checked."""

from __future__ import annotations

from typing import Any

from pycaffelite.errors import FieldError
from pycaffelite.layers.detection import class_count
from pycaffelite.schema import messages


class MultiBoxOptions:
    """What a MultiBoxLossParameter says.

    Args:
        fields: The message.
    """

    def __init__(self, fields: Any) -> None:
        kinds = messages.MultiBoxLossParameter
        self.classes = class_count(fields)
        self.background: int = fields.background_label_id
        self.shared: bool = fields.share_location
        self.slots = 1 if self.shared else self.classes
        self.code: int = fields.code_type
        self.plain: bool = fields.encode_variance_in_target
        self.quadratic = fields.loc_loss_type == kinds.L2
        self.logistic = fields.conf_loss_type == kinds.LOGISTIC
        self.offset_weight: float = fields.loc_weight
        self.all_above = fields.match_type == kinds.PER_PREDICTION
        self.overlap: float = fields.overlap_threshold
        self.match_priors: bool = fields.use_prior_for_matching
        self.difficult: bool = fields.use_difficult_gt
        self.inside_only: bool = fields.ignore_cross_boundary_bbox
        self.train_inside: bool = fields.bp_inside
        self.agnostic: bool = fields.map_object_to_agnostic
        self.mining = _mining(fields)
        self.hard = self.mining == kinds.HARD_EXAMPLE
        self.ratio: float = fields.neg_pos_ratio
        self.far: float = fields.neg_overlap
        self.sample: int = fields.sample_size
        nms = fields.nms_param
        self.suppression: float = nms.nms_threshold if fields.HasField("nms_param") else 0.0
        self.most: int = nms.top_k if nms.HasField("top_k") else -1
        self.suppress_priors: bool = fields.use_prior_for_nms
        self._check()

    def _check(self) -> None:
        """Raise FieldError where options do not go together."""
        mines = self.mining != messages.MultiBoxLossParameter.NONE
        if mines and not self.shared:
            raise FieldError(
                "mining needs one box for all classes",
                expected="`mining_type: NONE`, or `share_location: true`",
                got="share_location: false with mining",
            )
        if self.mining == messages.MultiBoxLossParameter.MAX_NEGATIVE and not self.ratio > 0:
            raise FieldError("neg_pos_ratio is out of range", expected="a ratio above 0", got=f"{self.ratio:g}")
        if self.hard and self.sample < 1:
            raise FieldError("sample_size is out of range", expected="at least 1", got=str(self.sample))
        if self.agnostic and self.classes != 2:
            raise FieldError(
                "map_object_to_agnostic makes one class of all",
                expected="`num_classes: 2`, with that of background",
                got=str(self.classes),
            )
        if self.background >= self.classes and not self.logistic:
            raise FieldError(
                "background is no class",
                expected=f"background_label_id below num_classes {self.classes}",
                got=str(self.background),
            )


def _mining(fields: Any) -> int:
    """Return `mining_type`, or what the older `do_neg_mining` says."""
    none = messages.MultiBoxLossParameter.NONE
    if not fields.HasField("do_neg_mining"):
        return int(fields.mining_type)
    if fields.HasField("mining_type") and fields.do_neg_mining != (fields.mining_type != none):
        raise FieldError(
            "do_neg_mining and mining_type contradict each other",
            expected="mining_type alone",
            got=f"do_neg_mining: {str(fields.do_neg_mining).lower()} with "
            f"mining_type: {messages.MultiBoxLossParameter.MiningType.Name(fields.mining_type)}",
        )
    return int(fields.mining_type) if fields.do_neg_mining else int(none)
