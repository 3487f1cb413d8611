"""Generated from proto/caffe.proto by `python -m pycaffelite.schema.compiler`; do not edit."""
# ruff: noqa: N815  # the forks' spelling

from collections.abc import Iterable
from typing import Any

from google.protobuf.internal.containers import RepeatedCompositeFieldContainer, RepeatedScalarFieldContainer
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.message import Message

Phase: EnumTypeWrapper
TRAIN: int
TEST: int

class BlobShape(Message):
    DESCRIPTOR: Any
    dim: RepeatedScalarFieldContainer[int]
    def __init__(
        self,
        *,
        dim: Iterable[int] | None = ...,
    ) -> None: ...

class BlobProto(Message):
    DESCRIPTOR: Any
    num: int
    channels: int
    height: int
    width: int
    data: RepeatedScalarFieldContainer[float]
    diff: RepeatedScalarFieldContainer[float]
    shape: BlobShape
    double_data: RepeatedScalarFieldContainer[float]
    double_diff: RepeatedScalarFieldContainer[float]
    def __init__(
        self,
        *,
        num: int | None = ...,
        channels: int | None = ...,
        height: int | None = ...,
        width: int | None = ...,
        data: Iterable[float] | None = ...,
        diff: Iterable[float] | None = ...,
        shape: BlobShape | dict[str, Any] | None = ...,
        double_data: Iterable[float] | None = ...,
        double_diff: Iterable[float] | None = ...,
    ) -> None: ...

class BlobProtoVector(Message):
    DESCRIPTOR: Any
    blobs: RepeatedCompositeFieldContainer[BlobProto]
    def __init__(
        self,
        *,
        blobs: Iterable[BlobProto | dict[str, Any]] | None = ...,
    ) -> None: ...

class Datum(Message):
    DESCRIPTOR: Any
    channels: int
    height: int
    width: int
    data: bytes
    label: int
    float_data: RepeatedScalarFieldContainer[float]
    encoded: bool
    def __init__(
        self,
        *,
        channels: int | None = ...,
        height: int | None = ...,
        width: int | None = ...,
        data: bytes | None = ...,
        label: int | None = ...,
        float_data: Iterable[float] | None = ...,
        encoded: bool | None = ...,
    ) -> None: ...

class NormalizedBBox(Message):
    DESCRIPTOR: Any
    xmin: float
    ymin: float
    xmax: float
    ymax: float
    label: int
    difficult: bool
    score: float
    size: float
    def __init__(
        self,
        *,
        xmin: float | None = ...,
        ymin: float | None = ...,
        xmax: float | None = ...,
        ymax: float | None = ...,
        label: int | None = ...,
        difficult: bool | None = ...,
        score: float | None = ...,
        size: float | None = ...,
    ) -> None: ...

class Annotation(Message):
    DESCRIPTOR: Any
    instance_id: int
    bbox: NormalizedBBox
    def __init__(
        self,
        *,
        instance_id: int | None = ...,
        bbox: NormalizedBBox | dict[str, Any] | None = ...,
    ) -> None: ...

class AnnotationGroup(Message):
    DESCRIPTOR: Any
    group_label: int
    annotation: RepeatedCompositeFieldContainer[Annotation]
    def __init__(
        self,
        *,
        group_label: int | None = ...,
        annotation: Iterable[Annotation | dict[str, Any]] | None = ...,
    ) -> None: ...

class AnnotatedDatum(Message):
    DESCRIPTOR: Any
    AnnotationType: EnumTypeWrapper
    BBOX: int
    datum: Datum
    type: int
    annotation_group: RepeatedCompositeFieldContainer[AnnotationGroup]
    def __init__(
        self,
        *,
        datum: Datum | dict[str, Any] | None = ...,
        type: int | str | None = ...,
        annotation_group: Iterable[AnnotationGroup | dict[str, Any]] | None = ...,
    ) -> None: ...

class LabelMapItem(Message):
    DESCRIPTOR: Any
    name: str
    label: int
    display_name: str
    def __init__(
        self,
        *,
        name: str | None = ...,
        label: int | None = ...,
        display_name: str | None = ...,
    ) -> None: ...

class LabelMap(Message):
    DESCRIPTOR: Any
    item: RepeatedCompositeFieldContainer[LabelMapItem]
    def __init__(
        self,
        *,
        item: Iterable[LabelMapItem | dict[str, Any]] | None = ...,
    ) -> None: ...

class FillerParameter(Message):
    DESCRIPTOR: Any
    VarianceNorm: EnumTypeWrapper
    FAN_IN: int
    FAN_OUT: int
    AVERAGE: int
    type: str
    value: float
    min: float
    max: float
    mean: float
    std: float
    sparse: int
    variance_norm: int
    source_index: int
    binary: str
    snapshot: str
    layer: str
    def __init__(
        self,
        *,
        type: str | None = ...,
        value: float | None = ...,
        min: float | None = ...,
        max: float | None = ...,
        mean: float | None = ...,
        std: float | None = ...,
        sparse: int | None = ...,
        variance_norm: int | str | None = ...,
        source_index: int | None = ...,
        binary: str | None = ...,
        snapshot: str | None = ...,
        layer: str | None = ...,
    ) -> None: ...

class NetParameter(Message):
    DESCRIPTOR: Any
    name: str
    layers: RepeatedCompositeFieldContainer[V1LayerParameter]
    input: RepeatedScalarFieldContainer[str]
    input_dim: RepeatedScalarFieldContainer[int]
    force_backward: bool
    state: NetState
    debug_info: bool
    input_shape: RepeatedCompositeFieldContainer[BlobShape]
    layer: RepeatedCompositeFieldContainer[LayerParameter]
    def __init__(
        self,
        *,
        name: str | None = ...,
        layers: Iterable[V1LayerParameter | dict[str, Any]] | None = ...,
        input: Iterable[str] | None = ...,
        input_dim: Iterable[int] | None = ...,
        force_backward: bool | None = ...,
        state: NetState | dict[str, Any] | None = ...,
        debug_info: bool | None = ...,
        input_shape: Iterable[BlobShape | dict[str, Any]] | None = ...,
        layer: Iterable[LayerParameter | dict[str, Any]] | None = ...,
    ) -> None: ...

class NetState(Message):
    DESCRIPTOR: Any
    phase: int
    level: int
    stage: RepeatedScalarFieldContainer[str]
    def __init__(
        self,
        *,
        phase: int | str | None = ...,
        level: int | None = ...,
        stage: Iterable[str] | None = ...,
    ) -> None: ...

class NetStateRule(Message):
    DESCRIPTOR: Any
    phase: int
    min_level: int
    max_level: int
    stage: RepeatedScalarFieldContainer[str]
    not_stage: RepeatedScalarFieldContainer[str]
    def __init__(
        self,
        *,
        phase: int | str | None = ...,
        min_level: int | None = ...,
        max_level: int | None = ...,
        stage: Iterable[str] | None = ...,
        not_stage: Iterable[str] | None = ...,
    ) -> None: ...

class ParamSpec(Message):
    DESCRIPTOR: Any
    DimCheckMode: EnumTypeWrapper
    STRICT: int
    PERMISSIVE: int
    name: str
    share_mode: int
    lr_mult: float
    decay_mult: float
    lr_policy: str
    def __init__(
        self,
        *,
        name: str | None = ...,
        share_mode: int | str | None = ...,
        lr_mult: float | None = ...,
        decay_mult: float | None = ...,
        lr_policy: str | None = ...,
    ) -> None: ...

class LayerParameter(Message):
    DESCRIPTOR: Any
    name: str
    type: str
    bottom: RepeatedScalarFieldContainer[str]
    top: RepeatedScalarFieldContainer[str]
    loss_weight: RepeatedScalarFieldContainer[float]
    param: RepeatedCompositeFieldContainer[ParamSpec]
    blobs: RepeatedCompositeFieldContainer[BlobProto]
    include: RepeatedCompositeFieldContainer[NetStateRule]
    exclude: RepeatedCompositeFieldContainer[NetStateRule]
    phase: int
    propagate_down: RepeatedScalarFieldContainer[bool]
    transform_param: TransformationParameter
    loss_param: LossParameter
    accuracy_param: AccuracyParameter
    argmax_param: ArgMaxParameter
    concat_param: ConcatParameter
    contrastive_loss_param: ContrastiveLossParameter
    convolution_param: ConvolutionParameter
    data_param: DataParameter
    dropout_param: DropoutParameter
    dummy_data_param: DummyDataParameter
    eltwise_param: EltwiseParameter
    exp_param: ExpParameter
    hdf5_data_param: HDF5DataParameter
    hdf5_output_param: HDF5OutputParameter
    hinge_loss_param: HingeLossParameter
    image_data_param: ImageDataParameter
    infogain_loss_param: InfogainLossParameter
    inner_product_param: InnerProductParameter
    lrn_param: LRNParameter
    memory_data_param: MemoryDataParameter
    mvn_param: MVNParameter
    pooling_param: PoolingParameter
    power_param: PowerParameter
    relu_param: ReLUParameter
    sigmoid_param: SigmoidParameter
    softmax_param: SoftmaxParameter
    slice_param: SliceParameter
    tanh_param: TanHParameter
    threshold_param: ThresholdParameter
    window_data_param: WindowDataParameter
    python_param: PythonParameter
    prelu_param: PReLUParameter
    spp_param: SPPParameter
    reshape_param: ReshapeParameter
    log_param: LogParameter
    flatten_param: FlattenParameter
    reduction_param: ReductionParameter
    embed_param: EmbedParameter
    tile_param: TileParameter
    batch_norm_param: BatchNormParameter
    elu_param: ELUParameter
    bias_param: BiasParameter
    scale_param: ScaleParameter
    input_param: InputParameter
    crop_param: CropParameter
    parameter_param: ParameterParameter
    recurrent_param: RecurrentParameter
    swish_param: SwishParameter
    clip_param: ClipParameter
    psroi_pooling_param: PSROIPoolingParameter
    box_annotator_ohem_param: BoxAnnotatorOHEMParameter
    reorg_param: ReorgParameter
    annotated_data_param: AnnotatedDataParameter
    multibox_loss_param: MultiBoxLossParameter
    prior_box_param: PriorBoxParameter
    detection_output_param: DetectionOutputParameter
    detection_evaluate_param: DetectionEvaluateParameter
    eval_detection_param: EvalDetectionParameter
    region_loss_param: RegionLossParameter
    lstm_param: LSTMParameter
    permute_param: PermuteParameter
    norm_param: NormalizeParameter
    roi_pooling_param: ROIPoolingParameter
    smooth_l1_loss_param: SmoothL1LossParameter
    bn_param: BNParameter
    upsample_param: UpsampleParameter
    interp_param: InterpParameter
    bias_channel_param: BiasChannelParameter
    shuffle_channel_param: ShuffleChannelParameter
    center_loss_param: CenterLossParameter
    inner_distance_param: InnerDistanceParameter
    margin_inner_product_param: MarginInnerProductParameter
    crelu_param: CReLUParameter
    st_param: SpatialTransformerParameter
    dense_image_data_param: DenseImageDataParameter
    video_data_param: VideoDataParameter
    convolution3d_param: Convolution3DParameter
    pooling3d_param: Pooling3DParameter
    adaptive_bias_channel_param: AdaptiveBiasChannelParameter
    focal_loss_param: FocalLossParameter
    gradient_scaler_param: GradientScalerParameter
    l1_loss_param: L1LossParameter
    def __init__(
        self,
        *,
        name: str | None = ...,
        type: str | None = ...,
        bottom: Iterable[str] | None = ...,
        top: Iterable[str] | None = ...,
        loss_weight: Iterable[float] | None = ...,
        param: Iterable[ParamSpec | dict[str, Any]] | None = ...,
        blobs: Iterable[BlobProto | dict[str, Any]] | None = ...,
        include: Iterable[NetStateRule | dict[str, Any]] | None = ...,
        exclude: Iterable[NetStateRule | dict[str, Any]] | None = ...,
        phase: int | str | None = ...,
        propagate_down: Iterable[bool] | None = ...,
        transform_param: TransformationParameter | dict[str, Any] | None = ...,
        loss_param: LossParameter | dict[str, Any] | None = ...,
        accuracy_param: AccuracyParameter | dict[str, Any] | None = ...,
        argmax_param: ArgMaxParameter | dict[str, Any] | None = ...,
        concat_param: ConcatParameter | dict[str, Any] | None = ...,
        contrastive_loss_param: ContrastiveLossParameter | dict[str, Any] | None = ...,
        convolution_param: ConvolutionParameter | dict[str, Any] | None = ...,
        data_param: DataParameter | dict[str, Any] | None = ...,
        dropout_param: DropoutParameter | dict[str, Any] | None = ...,
        dummy_data_param: DummyDataParameter | dict[str, Any] | None = ...,
        eltwise_param: EltwiseParameter | dict[str, Any] | None = ...,
        exp_param: ExpParameter | dict[str, Any] | None = ...,
        hdf5_data_param: HDF5DataParameter | dict[str, Any] | None = ...,
        hdf5_output_param: HDF5OutputParameter | dict[str, Any] | None = ...,
        hinge_loss_param: HingeLossParameter | dict[str, Any] | None = ...,
        image_data_param: ImageDataParameter | dict[str, Any] | None = ...,
        infogain_loss_param: InfogainLossParameter | dict[str, Any] | None = ...,
        inner_product_param: InnerProductParameter | dict[str, Any] | None = ...,
        lrn_param: LRNParameter | dict[str, Any] | None = ...,
        memory_data_param: MemoryDataParameter | dict[str, Any] | None = ...,
        mvn_param: MVNParameter | dict[str, Any] | None = ...,
        pooling_param: PoolingParameter | dict[str, Any] | None = ...,
        power_param: PowerParameter | dict[str, Any] | None = ...,
        relu_param: ReLUParameter | dict[str, Any] | None = ...,
        sigmoid_param: SigmoidParameter | dict[str, Any] | None = ...,
        softmax_param: SoftmaxParameter | dict[str, Any] | None = ...,
        slice_param: SliceParameter | dict[str, Any] | None = ...,
        tanh_param: TanHParameter | dict[str, Any] | None = ...,
        threshold_param: ThresholdParameter | dict[str, Any] | None = ...,
        window_data_param: WindowDataParameter | dict[str, Any] | None = ...,
        python_param: PythonParameter | dict[str, Any] | None = ...,
        prelu_param: PReLUParameter | dict[str, Any] | None = ...,
        spp_param: SPPParameter | dict[str, Any] | None = ...,
        reshape_param: ReshapeParameter | dict[str, Any] | None = ...,
        log_param: LogParameter | dict[str, Any] | None = ...,
        flatten_param: FlattenParameter | dict[str, Any] | None = ...,
        reduction_param: ReductionParameter | dict[str, Any] | None = ...,
        embed_param: EmbedParameter | dict[str, Any] | None = ...,
        tile_param: TileParameter | dict[str, Any] | None = ...,
        batch_norm_param: BatchNormParameter | dict[str, Any] | None = ...,
        elu_param: ELUParameter | dict[str, Any] | None = ...,
        bias_param: BiasParameter | dict[str, Any] | None = ...,
        scale_param: ScaleParameter | dict[str, Any] | None = ...,
        input_param: InputParameter | dict[str, Any] | None = ...,
        crop_param: CropParameter | dict[str, Any] | None = ...,
        parameter_param: ParameterParameter | dict[str, Any] | None = ...,
        recurrent_param: RecurrentParameter | dict[str, Any] | None = ...,
        swish_param: SwishParameter | dict[str, Any] | None = ...,
        clip_param: ClipParameter | dict[str, Any] | None = ...,
        psroi_pooling_param: PSROIPoolingParameter | dict[str, Any] | None = ...,
        box_annotator_ohem_param: BoxAnnotatorOHEMParameter | dict[str, Any] | None = ...,
        reorg_param: ReorgParameter | dict[str, Any] | None = ...,
        annotated_data_param: AnnotatedDataParameter | dict[str, Any] | None = ...,
        multibox_loss_param: MultiBoxLossParameter | dict[str, Any] | None = ...,
        prior_box_param: PriorBoxParameter | dict[str, Any] | None = ...,
        detection_output_param: DetectionOutputParameter | dict[str, Any] | None = ...,
        detection_evaluate_param: DetectionEvaluateParameter | dict[str, Any] | None = ...,
        eval_detection_param: EvalDetectionParameter | dict[str, Any] | None = ...,
        region_loss_param: RegionLossParameter | dict[str, Any] | None = ...,
        lstm_param: LSTMParameter | dict[str, Any] | None = ...,
        permute_param: PermuteParameter | dict[str, Any] | None = ...,
        norm_param: NormalizeParameter | dict[str, Any] | None = ...,
        roi_pooling_param: ROIPoolingParameter | dict[str, Any] | None = ...,
        smooth_l1_loss_param: SmoothL1LossParameter | dict[str, Any] | None = ...,
        bn_param: BNParameter | dict[str, Any] | None = ...,
        upsample_param: UpsampleParameter | dict[str, Any] | None = ...,
        interp_param: InterpParameter | dict[str, Any] | None = ...,
        bias_channel_param: BiasChannelParameter | dict[str, Any] | None = ...,
        shuffle_channel_param: ShuffleChannelParameter | dict[str, Any] | None = ...,
        center_loss_param: CenterLossParameter | dict[str, Any] | None = ...,
        inner_distance_param: InnerDistanceParameter | dict[str, Any] | None = ...,
        margin_inner_product_param: MarginInnerProductParameter | dict[str, Any] | None = ...,
        crelu_param: CReLUParameter | dict[str, Any] | None = ...,
        st_param: SpatialTransformerParameter | dict[str, Any] | None = ...,
        dense_image_data_param: DenseImageDataParameter | dict[str, Any] | None = ...,
        video_data_param: VideoDataParameter | dict[str, Any] | None = ...,
        convolution3d_param: Convolution3DParameter | dict[str, Any] | None = ...,
        pooling3d_param: Pooling3DParameter | dict[str, Any] | None = ...,
        adaptive_bias_channel_param: AdaptiveBiasChannelParameter | dict[str, Any] | None = ...,
        focal_loss_param: FocalLossParameter | dict[str, Any] | None = ...,
        gradient_scaler_param: GradientScalerParameter | dict[str, Any] | None = ...,
        l1_loss_param: L1LossParameter | dict[str, Any] | None = ...,
    ) -> None: ...

class SolverParameter(Message):
    DESCRIPTOR: Any
    SnapshotFormat: EnumTypeWrapper
    HDF5: int
    BINARYPROTO: int
    SolverMode: EnumTypeWrapper
    CPU: int
    GPU: int
    SolverType: EnumTypeWrapper
    SGD: int
    NESTEROV: int
    ADAGRAD: int
    RMSPROP: int
    ADADELTA: int
    ADAM: int
    train_net: str
    test_net: RepeatedScalarFieldContainer[str]
    test_iter: RepeatedScalarFieldContainer[int]
    test_interval: int
    base_lr: float
    display: int
    max_iter: int
    lr_policy: str
    gamma: float
    power: float
    momentum: float
    weight_decay: float
    stepsize: int
    snapshot: int
    snapshot_prefix: str
    snapshot_diff: bool
    solver_mode: int
    device_id: int
    test_compute_loss: bool
    random_seed: int
    train_net_param: NetParameter
    test_net_param: RepeatedCompositeFieldContainer[NetParameter]
    debug_info: bool
    net: str
    net_param: NetParameter
    train_state: NetState
    test_state: RepeatedCompositeFieldContainer[NetState]
    snapshot_after_train: bool
    regularization_type: str
    solver_type: int
    delta: float
    test_initialization: bool
    average_loss: int
    stepvalue: RepeatedScalarFieldContainer[int]
    clip_gradients: float
    iter_size: int
    snapshot_format: int
    rms_decay: float
    momentum2: float
    type: str
    layer_wise_reduce: bool
    weights: RepeatedScalarFieldContainer[str]
    min_lr: float
    eval_type: str
    ap_version: str
    plateau_winsize: RepeatedScalarFieldContainer[int]
    warmup_iter: int
    warmup_start_lr: float
    localgamma: float
    localpower: float
    localstepsize: int
    epoch_size: int
    stagelr: RepeatedScalarFieldContainer[float]
    stageiter: RepeatedScalarFieldContainer[int]
    rampup_interval: int
    rampup_lr: float
    info: RepeatedCompositeFieldContainer[InfoParameter]
    first_iteration: int
    keep_best: str
    keep_best_mode: str
    patience: int
    on_nan: str
    def __init__(
        self,
        *,
        train_net: str | None = ...,
        test_net: Iterable[str] | None = ...,
        test_iter: Iterable[int] | None = ...,
        test_interval: int | None = ...,
        base_lr: float | None = ...,
        display: int | None = ...,
        max_iter: int | None = ...,
        lr_policy: str | None = ...,
        gamma: float | None = ...,
        power: float | None = ...,
        momentum: float | None = ...,
        weight_decay: float | None = ...,
        stepsize: int | None = ...,
        snapshot: int | None = ...,
        snapshot_prefix: str | None = ...,
        snapshot_diff: bool | None = ...,
        solver_mode: int | str | None = ...,
        device_id: int | None = ...,
        test_compute_loss: bool | None = ...,
        random_seed: int | None = ...,
        train_net_param: NetParameter | dict[str, Any] | None = ...,
        test_net_param: Iterable[NetParameter | dict[str, Any]] | None = ...,
        debug_info: bool | None = ...,
        net: str | None = ...,
        net_param: NetParameter | dict[str, Any] | None = ...,
        train_state: NetState | dict[str, Any] | None = ...,
        test_state: Iterable[NetState | dict[str, Any]] | None = ...,
        snapshot_after_train: bool | None = ...,
        regularization_type: str | None = ...,
        solver_type: int | str | None = ...,
        delta: float | None = ...,
        test_initialization: bool | None = ...,
        average_loss: int | None = ...,
        stepvalue: Iterable[int] | None = ...,
        clip_gradients: float | None = ...,
        iter_size: int | None = ...,
        snapshot_format: int | str | None = ...,
        rms_decay: float | None = ...,
        momentum2: float | None = ...,
        type: str | None = ...,
        layer_wise_reduce: bool | None = ...,
        weights: Iterable[str] | None = ...,
        min_lr: float | None = ...,
        eval_type: str | None = ...,
        ap_version: str | None = ...,
        plateau_winsize: Iterable[int] | None = ...,
        warmup_iter: int | None = ...,
        warmup_start_lr: float | None = ...,
        localgamma: float | None = ...,
        localpower: float | None = ...,
        localstepsize: int | None = ...,
        epoch_size: int | None = ...,
        stagelr: Iterable[float] | None = ...,
        stageiter: Iterable[int] | None = ...,
        rampup_interval: int | None = ...,
        rampup_lr: float | None = ...,
        info: Iterable[InfoParameter | dict[str, Any]] | None = ...,
        first_iteration: int | None = ...,
        keep_best: str | None = ...,
        keep_best_mode: str | None = ...,
        patience: int | None = ...,
        on_nan: str | None = ...,
    ) -> None: ...

class InfoParameter(Message):
    DESCRIPTOR: Any
    type: str
    interval: int
    def __init__(
        self,
        *,
        type: str | None = ...,
        interval: int | None = ...,
    ) -> None: ...

class SolverState(Message):
    DESCRIPTOR: Any
    iter: int
    learned_net: str
    history: RepeatedCompositeFieldContainer[BlobProto]
    current_step: int
    def __init__(
        self,
        *,
        iter: int | None = ...,
        learned_net: str | None = ...,
        history: Iterable[BlobProto | dict[str, Any]] | None = ...,
        current_step: int | None = ...,
    ) -> None: ...

class TransformationParameter(Message):
    DESCRIPTOR: Any
    scale: float
    mirror: bool
    crop_size: int
    mean_file: str
    mean_value: RepeatedScalarFieldContainer[float]
    force_color: bool
    force_gray: bool
    crop_h: int
    crop_w: int
    resize_param: ResizeParameter
    noise_param: NoiseParameter
    emit_constraint: EmitConstraint
    distort_param: DistortionParameter
    expand_param: ExpansionParameter
    crop_height: int
    crop_width: int
    scale_factors: RepeatedScalarFieldContainer[float]
    def __init__(
        self,
        *,
        scale: float | None = ...,
        mirror: bool | None = ...,
        crop_size: int | None = ...,
        mean_file: str | None = ...,
        mean_value: Iterable[float] | None = ...,
        force_color: bool | None = ...,
        force_gray: bool | None = ...,
        crop_h: int | None = ...,
        crop_w: int | None = ...,
        resize_param: ResizeParameter | dict[str, Any] | None = ...,
        noise_param: NoiseParameter | dict[str, Any] | None = ...,
        emit_constraint: EmitConstraint | dict[str, Any] | None = ...,
        distort_param: DistortionParameter | dict[str, Any] | None = ...,
        expand_param: ExpansionParameter | dict[str, Any] | None = ...,
        crop_height: int | None = ...,
        crop_width: int | None = ...,
        scale_factors: Iterable[float] | None = ...,
    ) -> None: ...

class DataParameter(Message):
    DESCRIPTOR: Any
    DB: EnumTypeWrapper
    LEVELDB: int
    LMDB: int
    source: str
    scale: float
    mean_file: str
    batch_size: int
    crop_size: int
    mirror: bool
    rand_skip: int
    backend: int
    force_encoded_color: bool
    prefetch: int
    def __init__(
        self,
        *,
        source: str | None = ...,
        scale: float | None = ...,
        mean_file: str | None = ...,
        batch_size: int | None = ...,
        crop_size: int | None = ...,
        mirror: bool | None = ...,
        rand_skip: int | None = ...,
        backend: int | str | None = ...,
        force_encoded_color: bool | None = ...,
        prefetch: int | None = ...,
    ) -> None: ...

class DummyDataParameter(Message):
    DESCRIPTOR: Any
    data_filler: RepeatedCompositeFieldContainer[FillerParameter]
    num: RepeatedScalarFieldContainer[int]
    channels: RepeatedScalarFieldContainer[int]
    height: RepeatedScalarFieldContainer[int]
    width: RepeatedScalarFieldContainer[int]
    shape: RepeatedCompositeFieldContainer[BlobShape]
    def __init__(
        self,
        *,
        data_filler: Iterable[FillerParameter | dict[str, Any]] | None = ...,
        num: Iterable[int] | None = ...,
        channels: Iterable[int] | None = ...,
        height: Iterable[int] | None = ...,
        width: Iterable[int] | None = ...,
        shape: Iterable[BlobShape | dict[str, Any]] | None = ...,
    ) -> None: ...

class HDF5DataParameter(Message):
    DESCRIPTOR: Any
    source: str
    batch_size: int
    shuffle: bool
    def __init__(
        self,
        *,
        source: str | None = ...,
        batch_size: int | None = ...,
        shuffle: bool | None = ...,
    ) -> None: ...

class HDF5OutputParameter(Message):
    DESCRIPTOR: Any
    file_name: str
    def __init__(
        self,
        *,
        file_name: str | None = ...,
    ) -> None: ...

class ImageDataParameter(Message):
    DESCRIPTOR: Any
    LabelType: EnumTypeWrapper
    NONE: int
    IMAGE: int
    PIXEL: int
    source: str
    scale: float
    mean_file: str
    batch_size: int
    crop_size: int
    mirror: bool
    rand_skip: int
    shuffle: bool
    new_height: int
    new_width: int
    is_color: bool
    root_folder: str
    ignore_label: int
    label_type: int
    def __init__(
        self,
        *,
        source: str | None = ...,
        scale: float | None = ...,
        mean_file: str | None = ...,
        batch_size: int | None = ...,
        crop_size: int | None = ...,
        mirror: bool | None = ...,
        rand_skip: int | None = ...,
        shuffle: bool | None = ...,
        new_height: int | None = ...,
        new_width: int | None = ...,
        is_color: bool | None = ...,
        root_folder: str | None = ...,
        ignore_label: int | None = ...,
        label_type: int | str | None = ...,
    ) -> None: ...

class DenseImageDataParameter(Message):
    DESCRIPTOR: Any
    source: str
    batch_size: int
    rand_skip: int
    shuffle: bool
    new_height: int
    new_width: int
    is_color: bool
    root_folder: str
    def __init__(
        self,
        *,
        source: str | None = ...,
        batch_size: int | None = ...,
        rand_skip: int | None = ...,
        shuffle: bool | None = ...,
        new_height: int | None = ...,
        new_width: int | None = ...,
        is_color: bool | None = ...,
        root_folder: str | None = ...,
    ) -> None: ...

class VideoDataParameter(Message):
    DESCRIPTOR: Any
    source: str
    scale: float
    mean_file: str
    batch_size: int
    crop_size: int
    mirror: bool
    rand_skip: int
    shuffle: bool
    new_height: int
    new_width: int
    is_color: bool
    root_folder: str
    new_length: int
    show_data: bool
    use_image: bool
    use_temporal_jitter: bool
    sampling_rate: int
    max_sampling_rate: int
    use_sampling_rate_jitter: bool
    use_multiple_label: bool
    num_of_labels: int
    mean_value: float
    def __init__(
        self,
        *,
        source: str | None = ...,
        scale: float | None = ...,
        mean_file: str | None = ...,
        batch_size: int | None = ...,
        crop_size: int | None = ...,
        mirror: bool | None = ...,
        rand_skip: int | None = ...,
        shuffle: bool | None = ...,
        new_height: int | None = ...,
        new_width: int | None = ...,
        is_color: bool | None = ...,
        root_folder: str | None = ...,
        new_length: int | None = ...,
        show_data: bool | None = ...,
        use_image: bool | None = ...,
        use_temporal_jitter: bool | None = ...,
        sampling_rate: int | None = ...,
        max_sampling_rate: int | None = ...,
        use_sampling_rate_jitter: bool | None = ...,
        use_multiple_label: bool | None = ...,
        num_of_labels: int | None = ...,
        mean_value: float | None = ...,
    ) -> None: ...

class InputParameter(Message):
    DESCRIPTOR: Any
    shape: RepeatedCompositeFieldContainer[BlobShape]
    def __init__(
        self,
        *,
        shape: Iterable[BlobShape | dict[str, Any]] | None = ...,
    ) -> None: ...

class MemoryDataParameter(Message):
    DESCRIPTOR: Any
    batch_size: int
    channels: int
    height: int
    width: int
    def __init__(
        self,
        *,
        batch_size: int | None = ...,
        channels: int | None = ...,
        height: int | None = ...,
        width: int | None = ...,
    ) -> None: ...

class WindowDataParameter(Message):
    DESCRIPTOR: Any
    source: str
    scale: float
    mean_file: str
    batch_size: int
    crop_size: int
    mirror: bool
    fg_threshold: float
    bg_threshold: float
    fg_fraction: float
    context_pad: int
    crop_mode: str
    cache_images: bool
    root_folder: str
    def __init__(
        self,
        *,
        source: str | None = ...,
        scale: float | None = ...,
        mean_file: str | None = ...,
        batch_size: int | None = ...,
        crop_size: int | None = ...,
        mirror: bool | None = ...,
        fg_threshold: float | None = ...,
        bg_threshold: float | None = ...,
        fg_fraction: float | None = ...,
        context_pad: int | None = ...,
        crop_mode: str | None = ...,
        cache_images: bool | None = ...,
        root_folder: str | None = ...,
    ) -> None: ...

class ConvolutionParameter(Message):
    DESCRIPTOR: Any
    Engine: EnumTypeWrapper
    DEFAULT: int
    CAFFE: int
    CUDNN: int
    num_output: int
    bias_term: bool
    pad: RepeatedScalarFieldContainer[int]
    kernel_size: RepeatedScalarFieldContainer[int]
    group: int
    stride: RepeatedScalarFieldContainer[int]
    weight_filler: FillerParameter
    bias_filler: FillerParameter
    pad_h: int
    pad_w: int
    kernel_h: int
    kernel_w: int
    stride_h: int
    stride_w: int
    engine: int
    axis: int
    force_nd_im2col: bool
    dilation: RepeatedScalarFieldContainer[int]
    def __init__(
        self,
        *,
        num_output: int | None = ...,
        bias_term: bool | None = ...,
        pad: Iterable[int] | None = ...,
        kernel_size: Iterable[int] | None = ...,
        group: int | None = ...,
        stride: Iterable[int] | None = ...,
        weight_filler: FillerParameter | dict[str, Any] | None = ...,
        bias_filler: FillerParameter | dict[str, Any] | None = ...,
        pad_h: int | None = ...,
        pad_w: int | None = ...,
        kernel_h: int | None = ...,
        kernel_w: int | None = ...,
        stride_h: int | None = ...,
        stride_w: int | None = ...,
        engine: int | str | None = ...,
        axis: int | None = ...,
        force_nd_im2col: bool | None = ...,
        dilation: Iterable[int] | None = ...,
    ) -> None: ...

class InnerProductParameter(Message):
    DESCRIPTOR: Any
    num_output: int
    bias_term: bool
    weight_filler: FillerParameter
    bias_filler: FillerParameter
    axis: int
    transpose: bool
    def __init__(
        self,
        *,
        num_output: int | None = ...,
        bias_term: bool | None = ...,
        weight_filler: FillerParameter | dict[str, Any] | None = ...,
        bias_filler: FillerParameter | dict[str, Any] | None = ...,
        axis: int | None = ...,
        transpose: bool | None = ...,
    ) -> None: ...

class EmbedParameter(Message):
    DESCRIPTOR: Any
    num_output: int
    input_dim: int
    bias_term: bool
    weight_filler: FillerParameter
    bias_filler: FillerParameter
    def __init__(
        self,
        *,
        num_output: int | None = ...,
        input_dim: int | None = ...,
        bias_term: bool | None = ...,
        weight_filler: FillerParameter | dict[str, Any] | None = ...,
        bias_filler: FillerParameter | dict[str, Any] | None = ...,
    ) -> None: ...

class BatchNormParameter(Message):
    DESCRIPTOR: Any
    use_global_stats: bool
    moving_average_fraction: float
    eps: float
    def __init__(
        self,
        *,
        use_global_stats: bool | None = ...,
        moving_average_fraction: float | None = ...,
        eps: float | None = ...,
    ) -> None: ...

class BiasParameter(Message):
    DESCRIPTOR: Any
    axis: int
    num_axes: int
    filler: FillerParameter
    def __init__(
        self,
        *,
        axis: int | None = ...,
        num_axes: int | None = ...,
        filler: FillerParameter | dict[str, Any] | None = ...,
    ) -> None: ...

class ScaleParameter(Message):
    DESCRIPTOR: Any
    axis: int
    num_axes: int
    filler: FillerParameter
    bias_term: bool
    bias_filler: FillerParameter
    def __init__(
        self,
        *,
        axis: int | None = ...,
        num_axes: int | None = ...,
        filler: FillerParameter | dict[str, Any] | None = ...,
        bias_term: bool | None = ...,
        bias_filler: FillerParameter | dict[str, Any] | None = ...,
    ) -> None: ...

class PReLUParameter(Message):
    DESCRIPTOR: Any
    filler: FillerParameter
    channel_shared: bool
    def __init__(
        self,
        *,
        filler: FillerParameter | dict[str, Any] | None = ...,
        channel_shared: bool | None = ...,
    ) -> None: ...

class ParameterParameter(Message):
    DESCRIPTOR: Any
    shape: BlobShape
    def __init__(
        self,
        *,
        shape: BlobShape | dict[str, Any] | None = ...,
    ) -> None: ...

class RecurrentParameter(Message):
    DESCRIPTOR: Any
    num_output: int
    weight_filler: FillerParameter
    bias_filler: FillerParameter
    debug_info: bool
    expose_hidden: bool
    def __init__(
        self,
        *,
        num_output: int | None = ...,
        weight_filler: FillerParameter | dict[str, Any] | None = ...,
        bias_filler: FillerParameter | dict[str, Any] | None = ...,
        debug_info: bool | None = ...,
        expose_hidden: bool | None = ...,
    ) -> None: ...

class LSTMParameter(Message):
    DESCRIPTOR: Any
    num_output: int
    clipping_threshold: float
    weight_filler: FillerParameter
    bias_filler: FillerParameter
    batch_size: int
    def __init__(
        self,
        *,
        num_output: int | None = ...,
        clipping_threshold: float | None = ...,
        weight_filler: FillerParameter | dict[str, Any] | None = ...,
        bias_filler: FillerParameter | dict[str, Any] | None = ...,
        batch_size: int | None = ...,
    ) -> None: ...

class Convolution3DParameter(Message):
    DESCRIPTOR: Any
    num_output: int
    bias_term: bool
    pad: int
    kernel_size: int
    group: int
    kernel_depth: int
    stride: int
    temporal_stride: int
    weight_filler: FillerParameter
    bias_filler: FillerParameter
    filter_group: int
    temporal_pad: int
    def __init__(
        self,
        *,
        num_output: int | None = ...,
        bias_term: bool | None = ...,
        pad: int | None = ...,
        kernel_size: int | None = ...,
        group: int | None = ...,
        kernel_depth: int | None = ...,
        stride: int | None = ...,
        temporal_stride: int | None = ...,
        weight_filler: FillerParameter | dict[str, Any] | None = ...,
        bias_filler: FillerParameter | dict[str, Any] | None = ...,
        filter_group: int | None = ...,
        temporal_pad: int | None = ...,
    ) -> None: ...

class Pooling3DParameter(Message):
    DESCRIPTOR: Any
    PoolMethod: EnumTypeWrapper
    MAX: int
    AVE: int
    STOCHASTIC: int
    pool: int
    kernel_size: int
    stride: int
    pad: int
    kernel_depth: int
    temporal_stride: int
    def __init__(
        self,
        *,
        pool: int | str | None = ...,
        kernel_size: int | None = ...,
        stride: int | None = ...,
        pad: int | None = ...,
        kernel_depth: int | None = ...,
        temporal_stride: int | None = ...,
    ) -> None: ...

class PoolingParameter(Message):
    DESCRIPTOR: Any
    PoolMethod: EnumTypeWrapper
    MAX: int
    AVE: int
    STOCHASTIC: int
    Engine: EnumTypeWrapper
    DEFAULT: int
    CAFFE: int
    CUDNN: int
    RoundMode: EnumTypeWrapper
    CEIL: int
    FLOOR: int
    pool: int
    kernel_size: int
    stride: int
    pad: int
    kernel_h: int
    kernel_w: int
    stride_h: int
    stride_w: int
    pad_h: int
    pad_w: int
    engine: int
    global_pooling: bool
    round_mode: int
    ceil_mode: bool
    def __init__(
        self,
        *,
        pool: int | str | None = ...,
        kernel_size: int | None = ...,
        stride: int | None = ...,
        pad: int | None = ...,
        kernel_h: int | None = ...,
        kernel_w: int | None = ...,
        stride_h: int | None = ...,
        stride_w: int | None = ...,
        pad_h: int | None = ...,
        pad_w: int | None = ...,
        engine: int | str | None = ...,
        global_pooling: bool | None = ...,
        round_mode: int | str | None = ...,
        ceil_mode: bool | None = ...,
    ) -> None: ...

class SPPParameter(Message):
    DESCRIPTOR: Any
    PoolMethod: EnumTypeWrapper
    MAX: int
    AVE: int
    STOCHASTIC: int
    Engine: EnumTypeWrapper
    DEFAULT: int
    CAFFE: int
    CUDNN: int
    pyramid_height: int
    pool: int
    engine: int
    def __init__(
        self,
        *,
        pyramid_height: int | None = ...,
        pool: int | str | None = ...,
        engine: int | str | None = ...,
    ) -> None: ...

class LRNParameter(Message):
    DESCRIPTOR: Any
    NormRegion: EnumTypeWrapper
    ACROSS_CHANNELS: int
    WITHIN_CHANNEL: int
    Engine: EnumTypeWrapper
    DEFAULT: int
    CAFFE: int
    CUDNN: int
    local_size: int
    alpha: float
    beta: float
    norm_region: int
    k: float
    engine: int
    def __init__(
        self,
        *,
        local_size: int | None = ...,
        alpha: float | None = ...,
        beta: float | None = ...,
        norm_region: int | str | None = ...,
        k: float | None = ...,
        engine: int | str | None = ...,
    ) -> None: ...

class MVNParameter(Message):
    DESCRIPTOR: Any
    normalize_variance: bool
    across_channels: bool
    eps: float
    def __init__(
        self,
        *,
        normalize_variance: bool | None = ...,
        across_channels: bool | None = ...,
        eps: float | None = ...,
    ) -> None: ...

class DropoutParameter(Message):
    DESCRIPTOR: Any
    dropout_ratio: float
    sample_weights_test: bool
    mean_on_test: bool
    mean_on_train: bool
    scale_train: bool
    def __init__(
        self,
        *,
        dropout_ratio: float | None = ...,
        sample_weights_test: bool | None = ...,
        mean_on_test: bool | None = ...,
        mean_on_train: bool | None = ...,
        scale_train: bool | None = ...,
    ) -> None: ...

class ReLUParameter(Message):
    DESCRIPTOR: Any
    Engine: EnumTypeWrapper
    DEFAULT: int
    CAFFE: int
    CUDNN: int
    negative_slope: float
    engine: int
    def __init__(
        self,
        *,
        negative_slope: float | None = ...,
        engine: int | str | None = ...,
    ) -> None: ...

class ELUParameter(Message):
    DESCRIPTOR: Any
    alpha: float
    def __init__(
        self,
        *,
        alpha: float | None = ...,
    ) -> None: ...

class SigmoidParameter(Message):
    DESCRIPTOR: Any
    Engine: EnumTypeWrapper
    DEFAULT: int
    CAFFE: int
    CUDNN: int
    engine: int
    def __init__(
        self,
        *,
        engine: int | str | None = ...,
    ) -> None: ...

class TanHParameter(Message):
    DESCRIPTOR: Any
    Engine: EnumTypeWrapper
    DEFAULT: int
    CAFFE: int
    CUDNN: int
    engine: int
    def __init__(
        self,
        *,
        engine: int | str | None = ...,
    ) -> None: ...

class SwishParameter(Message):
    DESCRIPTOR: Any
    beta: float
    def __init__(
        self,
        *,
        beta: float | None = ...,
    ) -> None: ...

class ClipParameter(Message):
    DESCRIPTOR: Any
    min: float
    max: float
    def __init__(
        self,
        *,
        min: float | None = ...,
        max: float | None = ...,
    ) -> None: ...

class ExpParameter(Message):
    DESCRIPTOR: Any
    base: float
    scale: float
    shift: float
    def __init__(
        self,
        *,
        base: float | None = ...,
        scale: float | None = ...,
        shift: float | None = ...,
    ) -> None: ...

class LogParameter(Message):
    DESCRIPTOR: Any
    base: float
    scale: float
    shift: float
    def __init__(
        self,
        *,
        base: float | None = ...,
        scale: float | None = ...,
        shift: float | None = ...,
    ) -> None: ...

class PowerParameter(Message):
    DESCRIPTOR: Any
    power: float
    scale: float
    shift: float
    def __init__(
        self,
        *,
        power: float | None = ...,
        scale: float | None = ...,
        shift: float | None = ...,
    ) -> None: ...

class ThresholdParameter(Message):
    DESCRIPTOR: Any
    threshold: float
    def __init__(
        self,
        *,
        threshold: float | None = ...,
    ) -> None: ...

class ArgMaxParameter(Message):
    DESCRIPTOR: Any
    out_max_val: bool
    top_k: int
    axis: int
    def __init__(
        self,
        *,
        out_max_val: bool | None = ...,
        top_k: int | None = ...,
        axis: int | None = ...,
    ) -> None: ...

class ConcatParameter(Message):
    DESCRIPTOR: Any
    concat_dim: int
    axis: int
    def __init__(
        self,
        *,
        concat_dim: int | None = ...,
        axis: int | None = ...,
    ) -> None: ...

class CropParameter(Message):
    DESCRIPTOR: Any
    axis: int
    offset: RepeatedScalarFieldContainer[int]
    def __init__(
        self,
        *,
        axis: int | None = ...,
        offset: Iterable[int] | None = ...,
    ) -> None: ...

class EltwiseParameter(Message):
    DESCRIPTOR: Any
    EltwiseOp: EnumTypeWrapper
    PROD: int
    SUM: int
    MAX: int
    operation: int
    coeff: RepeatedScalarFieldContainer[float]
    stable_prod_grad: bool
    def __init__(
        self,
        *,
        operation: int | str | None = ...,
        coeff: Iterable[float] | None = ...,
        stable_prod_grad: bool | None = ...,
    ) -> None: ...

class FlattenParameter(Message):
    DESCRIPTOR: Any
    axis: int
    end_axis: int
    def __init__(
        self,
        *,
        axis: int | None = ...,
        end_axis: int | None = ...,
    ) -> None: ...

class ReductionParameter(Message):
    DESCRIPTOR: Any
    ReductionOp: EnumTypeWrapper
    SUM: int
    ASUM: int
    SUMSQ: int
    MEAN: int
    operation: int
    axis: int
    coeff: float
    def __init__(
        self,
        *,
        operation: int | str | None = ...,
        axis: int | None = ...,
        coeff: float | None = ...,
    ) -> None: ...

class ReshapeParameter(Message):
    DESCRIPTOR: Any
    shape: BlobShape
    axis: int
    num_axes: int
    def __init__(
        self,
        *,
        shape: BlobShape | dict[str, Any] | None = ...,
        axis: int | None = ...,
        num_axes: int | None = ...,
    ) -> None: ...

class SliceParameter(Message):
    DESCRIPTOR: Any
    slice_dim: int
    slice_point: RepeatedScalarFieldContainer[int]
    axis: int
    def __init__(
        self,
        *,
        slice_dim: int | None = ...,
        slice_point: Iterable[int] | None = ...,
        axis: int | None = ...,
    ) -> None: ...

class SoftmaxParameter(Message):
    DESCRIPTOR: Any
    Engine: EnumTypeWrapper
    DEFAULT: int
    CAFFE: int
    CUDNN: int
    engine: int
    axis: int
    def __init__(
        self,
        *,
        engine: int | str | None = ...,
        axis: int | None = ...,
    ) -> None: ...

class TileParameter(Message):
    DESCRIPTOR: Any
    axis: int
    tiles: int
    def __init__(
        self,
        *,
        axis: int | None = ...,
        tiles: int | None = ...,
    ) -> None: ...

class PythonParameter(Message):
    DESCRIPTOR: Any
    module: str
    layer: str
    param_str: str
    share_in_parallel: bool
    def __init__(
        self,
        *,
        module: str | None = ...,
        layer: str | None = ...,
        param_str: str | None = ...,
        share_in_parallel: bool | None = ...,
    ) -> None: ...

class LossParameter(Message):
    DESCRIPTOR: Any
    NormalizationMode: EnumTypeWrapper
    FULL: int
    VALID: int
    BATCH_SIZE: int
    NONE: int
    PRE_FIXED: int
    ignore_label: int
    normalize: bool
    normalization: int
    pre_fixed_normalizer: float
    weight_by_label_freqs: bool
    class_weighting: RepeatedScalarFieldContainer[float]
    def __init__(
        self,
        *,
        ignore_label: int | None = ...,
        normalize: bool | None = ...,
        normalization: int | str | None = ...,
        pre_fixed_normalizer: float | None = ...,
        weight_by_label_freqs: bool | None = ...,
        class_weighting: Iterable[float] | None = ...,
    ) -> None: ...

class PermuteParameter(Message):
    DESCRIPTOR: Any
    order: RepeatedScalarFieldContainer[int]
    def __init__(
        self,
        *,
        order: Iterable[int] | None = ...,
    ) -> None: ...

class NormalizeParameter(Message):
    DESCRIPTOR: Any
    across_spatial: bool
    scale_filler: FillerParameter
    channel_shared: bool
    eps: float
    def __init__(
        self,
        *,
        across_spatial: bool | None = ...,
        scale_filler: FillerParameter | dict[str, Any] | None = ...,
        channel_shared: bool | None = ...,
        eps: float | None = ...,
    ) -> None: ...

class SmoothL1LossParameter(Message):
    DESCRIPTOR: Any
    sigma: float
    def __init__(
        self,
        *,
        sigma: float | None = ...,
    ) -> None: ...

class ROIPoolingParameter(Message):
    DESCRIPTOR: Any
    pooled_h: int
    pooled_w: int
    spatial_scale: float
    def __init__(
        self,
        *,
        pooled_h: int | None = ...,
        pooled_w: int | None = ...,
        spatial_scale: float | None = ...,
    ) -> None: ...

class PSROIPoolingParameter(Message):
    DESCRIPTOR: Any
    spatial_scale: float
    output_dim: int
    group_size: int
    def __init__(
        self,
        *,
        spatial_scale: float | None = ...,
        output_dim: int | None = ...,
        group_size: int | None = ...,
    ) -> None: ...

class BNParameter(Message):
    DESCRIPTOR: Any
    BNMode: EnumTypeWrapper
    LEARN: int
    INFERENCE: int
    Engine: EnumTypeWrapper
    DEFAULT: int
    CAFFE: int
    CUDNN: int
    slope_filler: FillerParameter
    bias_filler: FillerParameter
    momentum: float
    eps: float
    frozen: bool
    engine: int
    scale_filler: FillerParameter
    shift_filler: FillerParameter
    bn_mode: int
    var_eps: float
    decay: float
    moving_average: bool
    def __init__(
        self,
        *,
        slope_filler: FillerParameter | dict[str, Any] | None = ...,
        bias_filler: FillerParameter | dict[str, Any] | None = ...,
        momentum: float | None = ...,
        eps: float | None = ...,
        frozen: bool | None = ...,
        engine: int | str | None = ...,
        scale_filler: FillerParameter | dict[str, Any] | None = ...,
        shift_filler: FillerParameter | dict[str, Any] | None = ...,
        bn_mode: int | str | None = ...,
        var_eps: float | None = ...,
        decay: float | None = ...,
        moving_average: bool | None = ...,
    ) -> None: ...

class UpsampleParameter(Message):
    DESCRIPTOR: Any
    scale: int
    scale_h: int
    scale_w: int
    pad_out_h: bool
    pad_out_w: bool
    upsample_h: int
    upsample_w: int
    def __init__(
        self,
        *,
        scale: int | None = ...,
        scale_h: int | None = ...,
        scale_w: int | None = ...,
        pad_out_h: bool | None = ...,
        pad_out_w: bool | None = ...,
        upsample_h: int | None = ...,
        upsample_w: int | None = ...,
    ) -> None: ...

class InterpParameter(Message):
    DESCRIPTOR: Any
    height: int
    width: int
    zoom_factor: int
    shrink_factor: int
    pad_beg: int
    pad_end: int
    def __init__(
        self,
        *,
        height: int | None = ...,
        width: int | None = ...,
        zoom_factor: int | None = ...,
        shrink_factor: int | None = ...,
        pad_beg: int | None = ...,
        pad_end: int | None = ...,
    ) -> None: ...

class BiasChannelParameter(Message):
    DESCRIPTOR: Any
    LabelType: EnumTypeWrapper
    IMAGE: int
    PIXEL: int
    bg_bias: float
    fg_bias: float
    ignore_label: RepeatedScalarFieldContainer[int]
    label_type: int
    background_label: int
    def __init__(
        self,
        *,
        bg_bias: float | None = ...,
        fg_bias: float | None = ...,
        ignore_label: Iterable[int] | None = ...,
        label_type: int | str | None = ...,
        background_label: int | None = ...,
    ) -> None: ...

class ShuffleChannelParameter(Message):
    DESCRIPTOR: Any
    group: int
    def __init__(
        self,
        *,
        group: int | None = ...,
    ) -> None: ...

class CReLUParameter(Message):
    DESCRIPTOR: Any
    negative_slope: float
    concat_axis: int
    def __init__(
        self,
        *,
        negative_slope: float | None = ...,
        concat_axis: int | None = ...,
    ) -> None: ...

class CenterLossParameter(Message):
    DESCRIPTOR: Any
    num_output: int
    center_filler: FillerParameter
    axis: int
    def __init__(
        self,
        *,
        num_output: int | None = ...,
        center_filler: FillerParameter | dict[str, Any] | None = ...,
        axis: int | None = ...,
    ) -> None: ...

class InnerDistanceParameter(Message):
    DESCRIPTOR: Any
    num_output: int
    bias_term: bool
    weight_filler: FillerParameter
    bias_filler: FillerParameter
    axis: int
    distance_type: str
    normalize: bool
    update_center_only: bool
    def __init__(
        self,
        *,
        num_output: int | None = ...,
        bias_term: bool | None = ...,
        weight_filler: FillerParameter | dict[str, Any] | None = ...,
        bias_filler: FillerParameter | dict[str, Any] | None = ...,
        axis: int | None = ...,
        distance_type: str | None = ...,
        normalize: bool | None = ...,
        update_center_only: bool | None = ...,
    ) -> None: ...

class MarginInnerProductParameter(Message):
    DESCRIPTOR: Any
    MarginType: EnumTypeWrapper
    SINGLE: int
    DOUBLE: int
    TRIPLE: int
    QUADRUPLE: int
    num_output: int
    type: int
    weight_filler: FillerParameter
    axis: int
    base: float
    gamma: float
    power: float
    iteration: int
    lambda_min: float
    def __init__(
        self,
        *,
        num_output: int | None = ...,
        type: int | str | None = ...,
        weight_filler: FillerParameter | dict[str, Any] | None = ...,
        axis: int | None = ...,
        base: float | None = ...,
        gamma: float | None = ...,
        power: float | None = ...,
        iteration: int | None = ...,
        lambda_min: float | None = ...,
    ) -> None: ...

class SpatialTransformerParameter(Message):
    DESCRIPTOR: Any
    transform_type: str
    sampler_type: str
    output_H: int
    output_W: int
    to_compute_dU: bool
    theta_1_1: float
    theta_1_2: float
    theta_1_3: float
    theta_2_1: float
    theta_2_2: float
    theta_2_3: float
    def __init__(
        self,
        *,
        transform_type: str | None = ...,
        sampler_type: str | None = ...,
        output_H: int | None = ...,
        output_W: int | None = ...,
        to_compute_dU: bool | None = ...,
        theta_1_1: float | None = ...,
        theta_1_2: float | None = ...,
        theta_1_3: float | None = ...,
        theta_2_1: float | None = ...,
        theta_2_2: float | None = ...,
        theta_2_3: float | None = ...,
    ) -> None: ...

class BoxAnnotatorOHEMParameter(Message):
    DESCRIPTOR: Any
    roi_per_img: int
    ignore_label: int
    def __init__(
        self,
        *,
        roi_per_img: int | None = ...,
        ignore_label: int | None = ...,
    ) -> None: ...

class PriorBoxParameter(Message):
    DESCRIPTOR: Any
    CodeType: EnumTypeWrapper
    CORNER: int
    CENTER_SIZE: int
    CORNER_SIZE: int
    min_size: RepeatedScalarFieldContainer[float]
    max_size: RepeatedScalarFieldContainer[float]
    aspect_ratio: RepeatedScalarFieldContainer[float]
    flip: bool
    clip: bool
    variance: RepeatedScalarFieldContainer[float]
    img_size: int
    img_h: int
    img_w: int
    step: float
    step_h: float
    step_w: float
    offset: float
    def __init__(
        self,
        *,
        min_size: Iterable[float] | None = ...,
        max_size: Iterable[float] | None = ...,
        aspect_ratio: Iterable[float] | None = ...,
        flip: bool | None = ...,
        clip: bool | None = ...,
        variance: Iterable[float] | None = ...,
        img_size: int | None = ...,
        img_h: int | None = ...,
        img_w: int | None = ...,
        step: float | None = ...,
        step_h: float | None = ...,
        step_w: float | None = ...,
        offset: float | None = ...,
    ) -> None: ...

class NonMaximumSuppressionParameter(Message):
    DESCRIPTOR: Any
    nms_threshold: float
    top_k: int
    eta: float
    def __init__(
        self,
        *,
        nms_threshold: float | None = ...,
        top_k: int | None = ...,
        eta: float | None = ...,
    ) -> None: ...

class DetectionOutputParameter(Message):
    DESCRIPTOR: Any
    num_classes: int
    share_location: bool
    background_label_id: int
    nms_param: NonMaximumSuppressionParameter
    code_type: int
    keep_top_k: int
    variance_encoded_in_target: bool
    confidence_threshold: float
    def __init__(
        self,
        *,
        num_classes: int | None = ...,
        share_location: bool | None = ...,
        background_label_id: int | None = ...,
        nms_param: NonMaximumSuppressionParameter | dict[str, Any] | None = ...,
        code_type: int | str | None = ...,
        keep_top_k: int | None = ...,
        variance_encoded_in_target: bool | None = ...,
        confidence_threshold: float | None = ...,
    ) -> None: ...

class DetectionEvaluateParameter(Message):
    DESCRIPTOR: Any
    num_classes: int
    background_label_id: int
    overlap_threshold: float
    evaluate_difficult_gt: bool
    name_size_file: str
    resize_param: ResizeParameter
    def __init__(
        self,
        *,
        num_classes: int | None = ...,
        background_label_id: int | None = ...,
        overlap_threshold: float | None = ...,
        evaluate_difficult_gt: bool | None = ...,
        name_size_file: str | None = ...,
        resize_param: ResizeParameter | dict[str, Any] | None = ...,
    ) -> None: ...

class MultiBoxLossParameter(Message):
    DESCRIPTOR: Any
    LocLossType: EnumTypeWrapper
    L2: int
    SMOOTH_L1: int
    ConfLossType: EnumTypeWrapper
    SOFTMAX: int
    LOGISTIC: int
    MatchType: EnumTypeWrapper
    BIPARTITE: int
    PER_PREDICTION: int
    MiningType: EnumTypeWrapper
    NONE: int
    MAX_NEGATIVE: int
    HARD_EXAMPLE: int
    loc_loss_type: int
    conf_loss_type: int
    loc_weight: float
    num_classes: int
    share_location: bool
    match_type: int
    overlap_threshold: float
    use_prior_for_matching: bool
    background_label_id: int
    use_difficult_gt: bool
    do_neg_mining: bool
    neg_pos_ratio: float
    neg_overlap: float
    code_type: int
    encode_variance_in_target: bool
    map_object_to_agnostic: bool
    ignore_cross_boundary_bbox: bool
    bp_inside: bool
    mining_type: int
    nms_param: NonMaximumSuppressionParameter
    sample_size: int
    use_prior_for_nms: bool
    def __init__(
        self,
        *,
        loc_loss_type: int | str | None = ...,
        conf_loss_type: int | str | None = ...,
        loc_weight: float | None = ...,
        num_classes: int | None = ...,
        share_location: bool | None = ...,
        match_type: int | str | None = ...,
        overlap_threshold: float | None = ...,
        use_prior_for_matching: bool | None = ...,
        background_label_id: int | None = ...,
        use_difficult_gt: bool | None = ...,
        do_neg_mining: bool | None = ...,
        neg_pos_ratio: float | None = ...,
        neg_overlap: float | None = ...,
        code_type: int | str | None = ...,
        encode_variance_in_target: bool | None = ...,
        map_object_to_agnostic: bool | None = ...,
        ignore_cross_boundary_bbox: bool | None = ...,
        bp_inside: bool | None = ...,
        mining_type: int | str | None = ...,
        nms_param: NonMaximumSuppressionParameter | dict[str, Any] | None = ...,
        sample_size: int | None = ...,
        use_prior_for_nms: bool | None = ...,
    ) -> None: ...

class AnnotatedDataParameter(Message):
    DESCRIPTOR: Any
    batch_sampler: RepeatedCompositeFieldContainer[BatchSampler]
    label_map_file: str
    anno_type: int
    def __init__(
        self,
        *,
        batch_sampler: Iterable[BatchSampler | dict[str, Any]] | None = ...,
        label_map_file: str | None = ...,
        anno_type: int | str | None = ...,
    ) -> None: ...

class BatchSampler(Message):
    DESCRIPTOR: Any
    use_original_image: bool
    sampler: Sampler
    sample_constraint: SampleConstraint
    max_sample: int
    max_trials: int
    def __init__(
        self,
        *,
        use_original_image: bool | None = ...,
        sampler: Sampler | dict[str, Any] | None = ...,
        sample_constraint: SampleConstraint | dict[str, Any] | None = ...,
        max_sample: int | None = ...,
        max_trials: int | None = ...,
    ) -> None: ...

class Sampler(Message):
    DESCRIPTOR: Any
    min_scale: float
    max_scale: float
    min_aspect_ratio: float
    max_aspect_ratio: float
    def __init__(
        self,
        *,
        min_scale: float | None = ...,
        max_scale: float | None = ...,
        min_aspect_ratio: float | None = ...,
        max_aspect_ratio: float | None = ...,
    ) -> None: ...

class SampleConstraint(Message):
    DESCRIPTOR: Any
    min_jaccard_overlap: float
    max_jaccard_overlap: float
    min_sample_coverage: float
    max_sample_coverage: float
    min_object_coverage: float
    max_object_coverage: float
    def __init__(
        self,
        *,
        min_jaccard_overlap: float | None = ...,
        max_jaccard_overlap: float | None = ...,
        min_sample_coverage: float | None = ...,
        max_sample_coverage: float | None = ...,
        min_object_coverage: float | None = ...,
        max_object_coverage: float | None = ...,
    ) -> None: ...

class EmitConstraint(Message):
    DESCRIPTOR: Any
    EmitType: EnumTypeWrapper
    CENTER: int
    MIN_OVERLAP: int
    emit_type: int
    emit_overlap: float
    def __init__(
        self,
        *,
        emit_type: int | str | None = ...,
        emit_overlap: float | None = ...,
    ) -> None: ...

class DistortionParameter(Message):
    DESCRIPTOR: Any
    brightness_prob: float
    brightness_delta: float
    contrast_prob: float
    contrast_lower: float
    contrast_upper: float
    hue_prob: float
    hue_delta: float
    saturation_prob: float
    saturation_lower: float
    saturation_upper: float
    random_order_prob: float
    def __init__(
        self,
        *,
        brightness_prob: float | None = ...,
        brightness_delta: float | None = ...,
        contrast_prob: float | None = ...,
        contrast_lower: float | None = ...,
        contrast_upper: float | None = ...,
        hue_prob: float | None = ...,
        hue_delta: float | None = ...,
        saturation_prob: float | None = ...,
        saturation_lower: float | None = ...,
        saturation_upper: float | None = ...,
        random_order_prob: float | None = ...,
    ) -> None: ...

class ExpansionParameter(Message):
    DESCRIPTOR: Any
    prob: float
    max_expand_ratio: float
    def __init__(
        self,
        *,
        prob: float | None = ...,
        max_expand_ratio: float | None = ...,
    ) -> None: ...

class NoiseParameter(Message):
    DESCRIPTOR: Any
    prob: float
    hist_eq: bool
    inverse: bool
    decolorize: bool
    gauss_blur: bool
    jpeg: float
    posterize: bool
    erode: bool
    saltpepper: bool
    saltpepper_param: SaltPepperParameter
    def __init__(
        self,
        *,
        prob: float | None = ...,
        hist_eq: bool | None = ...,
        inverse: bool | None = ...,
        decolorize: bool | None = ...,
        gauss_blur: bool | None = ...,
        jpeg: float | None = ...,
        posterize: bool | None = ...,
        erode: bool | None = ...,
        saltpepper: bool | None = ...,
        saltpepper_param: SaltPepperParameter | dict[str, Any] | None = ...,
    ) -> None: ...

class SaltPepperParameter(Message):
    DESCRIPTOR: Any
    fraction: float
    value: RepeatedScalarFieldContainer[float]
    def __init__(
        self,
        *,
        fraction: float | None = ...,
        value: Iterable[float] | None = ...,
    ) -> None: ...

class ReorgParameter(Message):
    DESCRIPTOR: Any
    stride: int
    reverse: bool
    def __init__(
        self,
        *,
        stride: int | None = ...,
        reverse: bool | None = ...,
    ) -> None: ...

class RegionLossParameter(Message):
    DESCRIPTOR: Any
    side: int
    num_class: int
    bias_match: int
    coords: int
    num: int
    softmax: int
    jitter: float
    rescore: int
    object_scale: float
    class_scale: float
    noobject_scale: float
    coord_scale: float
    absolute: int
    thresh: float
    random: int
    biases: RepeatedScalarFieldContainer[float]
    def __init__(
        self,
        *,
        side: int | None = ...,
        num_class: int | None = ...,
        bias_match: int | None = ...,
        coords: int | None = ...,
        num: int | None = ...,
        softmax: int | None = ...,
        jitter: float | None = ...,
        rescore: int | None = ...,
        object_scale: float | None = ...,
        class_scale: float | None = ...,
        noobject_scale: float | None = ...,
        coord_scale: float | None = ...,
        absolute: int | None = ...,
        thresh: float | None = ...,
        random: int | None = ...,
        biases: Iterable[float] | None = ...,
    ) -> None: ...

class EvalDetectionParameter(Message):
    DESCRIPTOR: Any
    ScoreType: EnumTypeWrapper
    OBJ: int
    PROB: int
    MULTIPLY: int
    side: int
    num_class: int
    num_object: int
    threshold: float
    score_type: int
    nms: float
    biases: RepeatedScalarFieldContainer[float]
    def __init__(
        self,
        *,
        side: int | None = ...,
        num_class: int | None = ...,
        num_object: int | None = ...,
        threshold: float | None = ...,
        score_type: int | str | None = ...,
        nms: float | None = ...,
        biases: Iterable[float] | None = ...,
    ) -> None: ...

class ResizeParameter(Message):
    DESCRIPTOR: Any
    Resize_mode: EnumTypeWrapper
    WARP: int
    FIT_SMALL_SIZE: int
    FIT_LARGE_SIZE_AND_PAD: int
    Pad_mode: EnumTypeWrapper
    CONSTANT: int
    MIRRORED: int
    REPEAT_NEAREST: int
    Interp_mode: EnumTypeWrapper
    LINEAR: int
    AREA: int
    NEAREST: int
    CUBIC: int
    LANCZOS4: int
    prob: float
    resize_mode: int
    height: int
    width: int
    height_scale: int
    width_scale: int
    pad_mode: int
    pad_value: RepeatedScalarFieldContainer[float]
    interp_mode: RepeatedScalarFieldContainer[int]
    def __init__(
        self,
        *,
        prob: float | None = ...,
        resize_mode: int | str | None = ...,
        height: int | None = ...,
        width: int | None = ...,
        height_scale: int | None = ...,
        width_scale: int | None = ...,
        pad_mode: int | str | None = ...,
        pad_value: Iterable[float] | None = ...,
        interp_mode: Iterable[int | str] | None = ...,
    ) -> None: ...

class AdaptiveBiasChannelParameter(Message):
    DESCRIPTOR: Any
    num_iter: int
    bg_portion: float
    fg_portion: float
    suppress_others: bool
    margin_others: float
    def __init__(
        self,
        *,
        num_iter: int | None = ...,
        bg_portion: float | None = ...,
        fg_portion: float | None = ...,
        suppress_others: bool | None = ...,
        margin_others: float | None = ...,
    ) -> None: ...

class FocalLossParameter(Message):
    DESCRIPTOR: Any
    alpha: float
    gamma: float
    def __init__(
        self,
        *,
        alpha: float | None = ...,
        gamma: float | None = ...,
    ) -> None: ...

class GradientScalerParameter(Message):
    DESCRIPTOR: Any
    lower_bound: float
    upper_bound: float
    alpha: float
    max_iter: float
    def __init__(
        self,
        *,
        lower_bound: float | None = ...,
        upper_bound: float | None = ...,
        alpha: float | None = ...,
        max_iter: float | None = ...,
    ) -> None: ...

class L1LossParameter(Message):
    DESCRIPTOR: Any
    l2_per_location: bool
    l2_prescale_by_channels: bool
    normalize_by_num_entries: bool
    epsilon: float
    plateau: float
    def __init__(
        self,
        *,
        l2_per_location: bool | None = ...,
        l2_prescale_by_channels: bool | None = ...,
        normalize_by_num_entries: bool | None = ...,
        epsilon: float | None = ...,
        plateau: float | None = ...,
    ) -> None: ...

class AccuracyParameter(Message):
    DESCRIPTOR: Any
    top_k: int
    axis: int
    ignore_label: int
    def __init__(
        self,
        *,
        top_k: int | None = ...,
        axis: int | None = ...,
        ignore_label: int | None = ...,
    ) -> None: ...

class ContrastiveLossParameter(Message):
    DESCRIPTOR: Any
    margin: float
    legacy_version: bool
    def __init__(
        self,
        *,
        margin: float | None = ...,
        legacy_version: bool | None = ...,
    ) -> None: ...

class HingeLossParameter(Message):
    DESCRIPTOR: Any
    Norm: EnumTypeWrapper
    L1: int
    L2: int
    norm: int
    def __init__(
        self,
        *,
        norm: int | str | None = ...,
    ) -> None: ...

class InfogainLossParameter(Message):
    DESCRIPTOR: Any
    source: str
    axis: int
    def __init__(
        self,
        *,
        source: str | None = ...,
        axis: int | None = ...,
    ) -> None: ...

class V1LayerParameter(Message):
    DESCRIPTOR: Any
    LayerType: EnumTypeWrapper
    NONE: int
    ABSVAL: int
    ACCURACY: int
    ARGMAX: int
    BNLL: int
    CONCAT: int
    CONTRASTIVE_LOSS: int
    CONVOLUTION: int
    DATA: int
    DECONVOLUTION: int
    DROPOUT: int
    DUMMY_DATA: int
    EUCLIDEAN_LOSS: int
    ELTWISE: int
    EXP: int
    FLATTEN: int
    HDF5_DATA: int
    HDF5_OUTPUT: int
    HINGE_LOSS: int
    IM2COL: int
    IMAGE_DATA: int
    INFOGAIN_LOSS: int
    INNER_PRODUCT: int
    LRN: int
    MEMORY_DATA: int
    MULTINOMIAL_LOGISTIC_LOSS: int
    MVN: int
    POOLING: int
    POWER: int
    RELU: int
    SIGMOID: int
    SIGMOID_CROSS_ENTROPY_LOSS: int
    SILENCE: int
    SOFTMAX: int
    SOFTMAX_LOSS: int
    SPLIT: int
    SLICE: int
    TANH: int
    WINDOW_DATA: int
    THRESHOLD: int
    DimCheckMode: EnumTypeWrapper
    STRICT: int
    PERMISSIVE: int
    layer: V0LayerParameter
    bottom: RepeatedScalarFieldContainer[str]
    top: RepeatedScalarFieldContainer[str]
    name: str
    type: int
    blobs: RepeatedCompositeFieldContainer[BlobProto]
    blobs_lr: RepeatedScalarFieldContainer[float]
    weight_decay: RepeatedScalarFieldContainer[float]
    concat_param: ConcatParameter
    convolution_param: ConvolutionParameter
    data_param: DataParameter
    dropout_param: DropoutParameter
    hdf5_data_param: HDF5DataParameter
    hdf5_output_param: HDF5OutputParameter
    image_data_param: ImageDataParameter
    infogain_loss_param: InfogainLossParameter
    inner_product_param: InnerProductParameter
    lrn_param: LRNParameter
    pooling_param: PoolingParameter
    window_data_param: WindowDataParameter
    power_param: PowerParameter
    memory_data_param: MemoryDataParameter
    argmax_param: ArgMaxParameter
    eltwise_param: EltwiseParameter
    threshold_param: ThresholdParameter
    dummy_data_param: DummyDataParameter
    accuracy_param: AccuracyParameter
    hinge_loss_param: HingeLossParameter
    relu_param: ReLUParameter
    slice_param: SliceParameter
    include: RepeatedCompositeFieldContainer[NetStateRule]
    exclude: RepeatedCompositeFieldContainer[NetStateRule]
    mvn_param: MVNParameter
    loss_weight: RepeatedScalarFieldContainer[float]
    transform_param: TransformationParameter
    tanh_param: TanHParameter
    sigmoid_param: SigmoidParameter
    softmax_param: SoftmaxParameter
    contrastive_loss_param: ContrastiveLossParameter
    exp_param: ExpParameter
    loss_param: LossParameter
    param: RepeatedScalarFieldContainer[str]
    blob_share_mode: RepeatedScalarFieldContainer[int]
    def __init__(
        self,
        *,
        layer: V0LayerParameter | dict[str, Any] | None = ...,
        bottom: Iterable[str] | None = ...,
        top: Iterable[str] | None = ...,
        name: str | None = ...,
        type: int | str | None = ...,
        blobs: Iterable[BlobProto | dict[str, Any]] | None = ...,
        blobs_lr: Iterable[float] | None = ...,
        weight_decay: Iterable[float] | None = ...,
        concat_param: ConcatParameter | dict[str, Any] | None = ...,
        convolution_param: ConvolutionParameter | dict[str, Any] | None = ...,
        data_param: DataParameter | dict[str, Any] | None = ...,
        dropout_param: DropoutParameter | dict[str, Any] | None = ...,
        hdf5_data_param: HDF5DataParameter | dict[str, Any] | None = ...,
        hdf5_output_param: HDF5OutputParameter | dict[str, Any] | None = ...,
        image_data_param: ImageDataParameter | dict[str, Any] | None = ...,
        infogain_loss_param: InfogainLossParameter | dict[str, Any] | None = ...,
        inner_product_param: InnerProductParameter | dict[str, Any] | None = ...,
        lrn_param: LRNParameter | dict[str, Any] | None = ...,
        pooling_param: PoolingParameter | dict[str, Any] | None = ...,
        window_data_param: WindowDataParameter | dict[str, Any] | None = ...,
        power_param: PowerParameter | dict[str, Any] | None = ...,
        memory_data_param: MemoryDataParameter | dict[str, Any] | None = ...,
        argmax_param: ArgMaxParameter | dict[str, Any] | None = ...,
        eltwise_param: EltwiseParameter | dict[str, Any] | None = ...,
        threshold_param: ThresholdParameter | dict[str, Any] | None = ...,
        dummy_data_param: DummyDataParameter | dict[str, Any] | None = ...,
        accuracy_param: AccuracyParameter | dict[str, Any] | None = ...,
        hinge_loss_param: HingeLossParameter | dict[str, Any] | None = ...,
        relu_param: ReLUParameter | dict[str, Any] | None = ...,
        slice_param: SliceParameter | dict[str, Any] | None = ...,
        include: Iterable[NetStateRule | dict[str, Any]] | None = ...,
        exclude: Iterable[NetStateRule | dict[str, Any]] | None = ...,
        mvn_param: MVNParameter | dict[str, Any] | None = ...,
        loss_weight: Iterable[float] | None = ...,
        transform_param: TransformationParameter | dict[str, Any] | None = ...,
        tanh_param: TanHParameter | dict[str, Any] | None = ...,
        sigmoid_param: SigmoidParameter | dict[str, Any] | None = ...,
        softmax_param: SoftmaxParameter | dict[str, Any] | None = ...,
        contrastive_loss_param: ContrastiveLossParameter | dict[str, Any] | None = ...,
        exp_param: ExpParameter | dict[str, Any] | None = ...,
        loss_param: LossParameter | dict[str, Any] | None = ...,
        param: Iterable[str] | None = ...,
        blob_share_mode: Iterable[int | str] | None = ...,
    ) -> None: ...

class V0LayerParameter(Message):
    DESCRIPTOR: Any
    PoolMethod: EnumTypeWrapper
    MAX: int
    AVE: int
    STOCHASTIC: int
    name: str
    type: str
    num_output: int
    biasterm: bool
    weight_filler: FillerParameter
    bias_filler: FillerParameter
    pad: int
    kernelsize: int
    group: int
    stride: int
    pool: int
    dropout_ratio: float
    local_size: int
    alpha: float
    beta: float
    source: str
    scale: float
    meanfile: str
    batchsize: int
    cropsize: int
    mirror: bool
    k: float
    blobs: RepeatedCompositeFieldContainer[BlobProto]
    blobs_lr: RepeatedScalarFieldContainer[float]
    weight_decay: RepeatedScalarFieldContainer[float]
    rand_skip: int
    det_fg_threshold: float
    det_bg_threshold: float
    det_fg_fraction: float
    det_context_pad: int
    det_crop_mode: str
    new_num: int
    new_channels: int
    new_height: int
    new_width: int
    shuffle_images: bool
    concat_dim: int
    hdf5_output_param: HDF5OutputParameter
    def __init__(
        self,
        *,
        name: str | None = ...,
        type: str | None = ...,
        num_output: int | None = ...,
        biasterm: bool | None = ...,
        weight_filler: FillerParameter | dict[str, Any] | None = ...,
        bias_filler: FillerParameter | dict[str, Any] | None = ...,
        pad: int | None = ...,
        kernelsize: int | None = ...,
        group: int | None = ...,
        stride: int | None = ...,
        pool: int | str | None = ...,
        dropout_ratio: float | None = ...,
        local_size: int | None = ...,
        alpha: float | None = ...,
        beta: float | None = ...,
        source: str | None = ...,
        scale: float | None = ...,
        meanfile: str | None = ...,
        batchsize: int | None = ...,
        cropsize: int | None = ...,
        mirror: bool | None = ...,
        k: float | None = ...,
        blobs: Iterable[BlobProto | dict[str, Any]] | None = ...,
        blobs_lr: Iterable[float] | None = ...,
        weight_decay: Iterable[float] | None = ...,
        rand_skip: int | None = ...,
        det_fg_threshold: float | None = ...,
        det_bg_threshold: float | None = ...,
        det_fg_fraction: float | None = ...,
        det_context_pad: int | None = ...,
        det_crop_mode: str | None = ...,
        new_num: int | None = ...,
        new_channels: int | None = ...,
        new_height: int | None = ...,
        new_width: int | None = ...,
        shuffle_images: bool | None = ...,
        concat_dim: int | None = ...,
        hdf5_output_param: HDF5OutputParameter | dict[str, Any] | None = ...,
    ) -> None: ...
