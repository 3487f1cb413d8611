"""What the nets are written with: methods that add layers and return the name of their top."""

from __future__ import annotations

from dataclasses import dataclass, field

_RATES = "param { lr_mult: 1 decay_mult: 1 } param { lr_mult: 2 decay_mult: 0 } "


@dataclass
class Writer:
    """Collects layers.

    Attributes:
        narrow: What the channels of hidden layers are divided by, so that a test runs quickly.
        text: The layers written so far.
    """

    narrow: int = 1
    text: list[str] = field(default_factory=list)

    def layer(self, kind: str, name: str, bottoms: str | list[str], top: str | list[str] = "", body: str = "") -> str:
        """Add a layer of the type `kind`; its top has its name unless another is given. Return its first top."""
        bottoms = [bottoms] if isinstance(bottoms, str) else bottoms
        tops = [top or name] if isinstance(top, str) else top
        words = [f'name: "{name}"', f'type: "{kind}"', *(f'bottom: "{bottom}"' for bottom in bottoms)]
        words += [f'top: "{each}"' for each in tops]
        self.text.append(f"layer {{ {' '.join(filter(None, [*words, body]))} }}")
        return tops[0]

    def input(self, name: str, *shape: int) -> str:
        return self.layer("Input", name, [], body=f"input_param {{ {shape_field(shape)} }}")

    def hidden(self, channels: int) -> int:
        """Return how many of the channels of a hidden layer are left."""
        return max(1, channels // self.narrow)

    def relu(self, x: str, name: str) -> str:
        return self.layer("ReLU", name, x, x)

    def conv(
        self, x: str, name: str, outputs: int, kernel: int, *,
        stride: int = 1, pad: int = 0, group: int = 1, dilation: int = 1, bias: bool = True, std: float = 0.0,
        scores: bool = False,
    ) -> str:  # fmt: skip
        """Add a convolution.

        Args:
            x: What it reads.
            name, outputs, kernel, stride, pad, group, dilation, bias: As in a prototxt.
            std: Of Gaussian weights; without it they come from He's filler.
            scores: Whether the outputs have a meaning of their own, so that there are as many in a narrow net.
        """
        outputs = outputs if scores else self.hidden(outputs)
        numbers = {"num_output": outputs, "kernel_size": kernel, "stride": stride, "pad": pad, "group": group}
        numbers["dilation"] = dilation
        defaults = {"stride": 1, "pad": 0, "group": 1, "dilation": 1}
        fields = [f"{key}: {value}" for key, value in numbers.items() if defaults.get(key) != value]
        fields += [] if bias else ["bias_term: false"]
        filler = f'type: "gaussian" std: {std}' if std else 'type: "msra"'
        rates = _RATES if bias else ""
        body = f"{rates}convolution_param {{ {' '.join(fields)} weight_filler {{ {filler} }} }}"
        return self.layer("Convolution", name, x, body=body)

    def conv_relu(self, x: str, name: str, outputs: int, kernel: int, *, relu: str = "", **geometry: int) -> str:
        return self.relu(self.conv(x, name, outputs, kernel, **geometry), relu or f"relu_{name}")  # type: ignore[arg-type]

    def conv_bn(self, x: str, name: str, outputs: int, kernel: int, *, bias: bool = False, **geometry: int) -> str:
        """Add a convolution, BatchNorm and Scale."""
        x = self.conv(x, name, outputs, kernel, bias=bias, **geometry)  # type: ignore[arg-type]
        self.layer("BatchNorm", f"{name}/bn", x, x)
        return self.layer("Scale", f"{name}/scale", x, x, "scale_param { bias_term: true }")

    def deconv(self, x: str, name: str, outputs: int, kernel: int, stride: int) -> str:
        """Add a deconvolution from as many channels as it has outputs; all of them stay in a narrow net.

        A single one starts as bilinear interpolation. Of several, that filler would make every output the same sum.
        """
        filler = "bilinear" if outputs == 1 else "xavier"
        fields = f'num_output: {outputs} kernel_size: {kernel} stride: {stride} weight_filler {{ type: "{filler}" }}'
        body = f"param {{ lr_mult: 0 }} convolution_param {{ {fields} bias_term: false }}"
        return self.layer("Deconvolution", name, x, body=body)

    def pool(self, x: str, name: str, kind: str, kernel: int, stride: int, pad: int = 0) -> str:
        padding = f" pad: {pad}" if pad else ""
        fields = f"pool: {kind} kernel_size: {kernel} stride: {stride}{padding}"
        return self.layer("Pooling", name, x, body=f"pooling_param {{ {fields} }}")

    def global_pool(self, x: str, name: str) -> str:
        return self.layer("Pooling", name, x, body="pooling_param { pool: AVE global_pooling: true }")

    def lrn(self, x: str, name: str) -> str:
        return self.layer("LRN", name, x, body="lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 }")

    def full(self, x: str, name: str, outputs: int, std: float = 0.01, *, scores: bool = False) -> str:
        """Add an inner product; `scores` as for `conv`."""
        outputs = outputs if scores else self.hidden(outputs)
        fields = f'num_output: {outputs} weight_filler {{ type: "gaussian" std: {std} }}'
        return self.layer("InnerProduct", name, x, body=f"{_RATES}inner_product_param {{ {fields} }}")

    def dropout(self, x: str, name: str, ratio: float) -> str:
        return self.layer("Dropout", name, x, x, f"dropout_param {{ dropout_ratio: {ratio} }}")

    def crop(self, x: str, name: str, size_of: str, offset: int) -> str:
        """Cut a piece of height and width of another blob."""
        return self.layer("Crop", name, [x, size_of], body=f"crop_param {{ axis: 2 offset: {offset} }}")

    def add(self, x: str, y: str, name: str) -> str:
        return self.layer("Eltwise", name, [x, y])

    def prototxt(self, name: str) -> str:
        return "\n".join([f'name: "{name}"', *self.text]) + "\n"


def shape_field(shape: tuple[int, ...]) -> str:
    return f"shape {{ {' '.join(f'dim: {length}' for length in shape)} }}"
