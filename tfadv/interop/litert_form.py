"""A branch as a LiteRT (TensorFlow Lite) file, by TensorFlow's own converter."""

import warnings
from pathlib import Path

import numpy as np
import tensorflow as tf

NEEDS: dict[str, str] = {}  # nothing but TensorFlow


def write(folder: Path, endpoint: str, path: Path) -> None:
    """Writes an endpoint of a SavedModel, in float32 and of LiteRT's own operations alone.

    Args:
        folder: of the SavedModel.
        endpoint: from ``images`` to ``logits``; the file's signature has its name.
        path: of the file.

    Raises:
        Exception: of any type, where it computes what LiteRT doesn't know.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=[endpoint])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    path.write_bytes(converter.convert())


def logits(path: Path, images: np.ndarray) -> np.ndarray:
    """Returns what a written file says of float32 images, by TensorFlow's interpreter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that ai-edge-litert is to take its place
        interpreter = tf.lite.Interpreter(
            str(path),
            # The default one announces itself on the terminal.
            experimental_op_resolver_type=(
                tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
            ),
        )
    return interpreter.get_signature_runner()(images=images)["logits"]
