"""Nets that write sentences about images."""

from __future__ import annotations

from zoo.writer import Writer


def lrcn(net: Writer, steps: int = 20, streams: int = 16, words: int = 8801, features: int = 1000) -> None:
    """Donahue's long-term recurrent net, in its factored form with two layers of cells: the second sees the image.

    The features of the image come from outside: they are the scores of an image classifier.
    """
    for name in ("cont_sentence", "input_sentence", "target_sentence"):
        net.input(name, steps, streams)
    image = net.input("image_features", streams, features)
    cells = net.hidden(1000)
    uniform = 'weight_filler { type: "uniform" min: -0.08 max: 0.08 }'
    fields = f"bias_term: false input_dim: {words} num_output: {cells} {uniform}"
    x = net.layer("Embed", "embedding", "input_sentence", body=f"embed_param {{ {fields} }}")
    recurrent = f"recurrent_param {{ num_output: {cells} {uniform} }}"
    x = net.layer("LSTM", "lstm1", [x, "cont_sentence"], body=recurrent)
    x = net.layer("LSTM", "lstm2", [x, "cont_sentence", image], body=recurrent)
    fields = f"num_output: {words} axis: 2 {uniform}"
    x = net.layer("InnerProduct", "predict", x, body=f"inner_product_param {{ {fields} }}")
    loss = "loss_weight: 20 loss_param { ignore_label: -1 } softmax_param { axis: 2 }"
    net.layer("SoftmaxWithLoss", "cross_entropy_loss", [x, "target_sentence"], body=loss)
    accuracy = "include { phase: TEST } accuracy_param { axis: 2 ignore_label: -1 }"
    net.layer("Accuracy", "accuracy", [x, "target_sentence"], body=accuracy)
