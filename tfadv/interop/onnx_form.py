"""A branch as an ONNX file, by tf2onnx."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
from tensorflow.python.util import deprecation

from tfadv.devices.tracing import functions_opened

# As setup.py's extra "onnx".
NEEDS = {"tf2onnx": "1.17.0", "onnx": "1.23.2", "onnxruntime": "1.32.0"}


def write(function: Callable[[tf.Tensor], tf.Tensor], shape: tuple[int, ...], path: Path) -> None:
    """Writes a function from ``images`` to ``logits``, its weights inside.

    Args:
        function: from float32 images [N, *shape] to float32 logits.
        shape: (height, width, channels) of the images.
        path: of the file.

    Raises:
        Exception: of any type, where it computes what tf2onnx or ONNX doesn't know.
    """
    import onnx
    from tf2onnx import convert

    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)  # the check below says it
    graph, image, logits = _frozen(function, shape)
    with deprecation.silence():  # what tf2onnx calls of TensorFlow
        model, _ = convert.from_graph_def(
            graph,
            input_names=[image],
            output_names=[logits],
            custom_op_handlers={"Erfc": (_erfc, [])},
            tensors_to_rename={image: "images", logits: "logits"},
        )
    for tensor in (*model.graph.input, *model.graph.output):
        tensor.type.tensor_type.shape.dim[0].dim_param = "N"
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def logits(path: Path, images: np.ndarray) -> np.ndarray:
    """Returns what a written file says of float32 images, by ONNX Runtime on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(["logits"], {"images": images})[0]


def _frozen(function, shape) -> tuple[tf.compat.v1.GraphDef, str, str]:
    """Returns a graph that holds its weights, and the names of its input and output."""
    images = tf.TensorSpec((None, *shape), tf.float32, "images")
    with functions_opened():  # Keras' grouped convolutions are some that are never inlined
        traced = tf.function(function, autograph=False).get_concrete_function(images)
    frozen = convert_variables_to_constants_v2(
        traced, lower_control_flow=False, aggressive_inlining=True
    )
    graph = frozen.graph.as_graph_def(add_shapes=True)
    captured = {place.op.name: value for value, place in traced.graph.captures}
    for node in graph.node:
        if node.op == "Placeholder" and node.name in captured:
            _make_constant(node, captured[node.name])
    return graph, frozen.inputs[0].name, frozen.outputs[0].name


def _make_constant(node, value: tf.Tensor) -> None:
    """Puts a tensor, such as a layer's that is no variable, in place of what is to be fed."""
    node.op = "Const"
    node.ClearField("attr")
    node.attr["dtype"].type = value.dtype.as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value.numpy()))


def _erfc(context, node, name, _):
    """Writes 1 - erf(x), since ONNX has no erfc, of which TensorFlow's GELU is made."""
    (x,), (output,) = node.input, node.output
    shape, dtype = context.get_shape(output), context.get_dtype(output)
    context.remove_node(node.name)
    one = context.make_const(f"{name}/one", np.ones((), np.float32)).output[0]
    erf = context.make_node("Erf", [x]).output[0]
    context.make_node(
        "Sub", [one, erf], outputs=[output], name=name, shapes=[shape], dtypes=[dtype]
    )
