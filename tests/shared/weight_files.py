"""Small networks' weights as every kind of file that a run may start from."""

import keras
import numpy as np
from safetensors.numpy import save_file

from shared.tiny_networks import randomize
from tfadv.files import write_record
from tfadv.interop.bundle_format import METADATA
from tfadv.interop.keras_form import keras_form
from tfadv.interop.released_weights import released_name
from tfadv.interop.saved_model import Endpoints
from tfadv.interop.torch_weights import torch_names
from tfadv.models.resnet import ResNet
from tfadv.runs.checkpoints import Checkpoints

IMAGES = np.random.default_rng(1).uniform(0, 255, (3, 16, 16, 3)).astype("float32")


def resnet(norm, classes=5, padding="symmetric", blocks=(1,)):
    """Returns a ResNet of 16 x 16 images with an ImageNet stem and few channels."""
    return ResNet(blocks, (16, 16, 3), classes, norm, width=4, padding=padding)


def randomized(model):
    """Gives every weight and statistic a random value; returns the network."""
    randomize(model)
    return model


def as_run(model, folder):
    """Saves a checkpoint as a run does; returns the run's folder."""
    optimizer = keras.optimizers.SGD()
    optimizer.build(model.trainable_variables)
    Checkpoints(folder / "run" / "checkpoints", model, optimizer).save()
    return folder / "run"


def as_bundle(model, folder):
    """Writes the part of a bundle that weights are read from; returns its folder."""
    path = folder / "bundle"
    branches = [model.default_branch]  # the others' weights are in it all the same
    Endpoints(model, branches, (0.0, 1.0)).save(path)
    shape = {"input_shape": [16, 16, 3], "pixel_range": [0, 1], "layout": "NHWC", "classes": 5}
    endpoints = {"branch": branches[0], "endpoints": dict.fromkeys(branches, "serve")}
    write_record(path / METADATA, {**shape, **endpoints, "training": {}})
    return path


def as_keras(model, folder):
    """Writes the default branch in Keras' layers."""
    keras_form(model, pixel_range=(0.0, 1.0)).save(folder / "w.keras")
    return folder / "w.keras"


def as_h5(model, folder):
    """Writes it in the format of before."""
    keras_form(model).save(folder / "w.h5")
    return folder / "w.h5"


def as_weights_of_the_form(model, folder):
    """Writes the weights of the default branch in Keras' layers."""
    keras_form(model).save_weights(folder / "form.weights.h5")
    return folder / "form.weights.h5"


def as_weights_of_the_network(model, folder):
    """Writes the weights of the network itself."""
    model.save_weights(folder / "own.weights.h5")
    return folder / "own.weights.h5"


def as_safetensors(model, folder):
    """Writes a ResNet by PyTorch's names."""
    names = torch_names(model.name, [variable.path for variable in model.variables])
    tensors = {}
    for variable in model.variables:
        value = np.array(variable)
        axes = {4: (3, 2, 0, 1), 2: (1, 0)}.get(value.ndim, (0,))
        tensors[names[variable.path]] = np.ascontiguousarray(value.transpose(axes))
    save_file(tensors, folder / "w.safetensors")
    return folder / "w.safetensors"


def as_npz(model, folder):
    """Writes a ResNet as the released pipeline does."""
    arrays = {released_name(variable.path): np.array(variable) for variable in model.variables}
    arrays["conv0/W"] = arrays["conv0/W"][:, :, ::-1]
    np.savez(folder / "w.npz", **arrays)
    return folder / "w.npz"


WRITERS = {
    "run": as_run,
    "bundle": as_bundle,
    "keras": as_keras,
    "h5": as_h5,
    "weights": as_weights_of_the_form,
    "own weights": as_weights_of_the_network,
    "safetensors": as_safetensors,
    "npz": as_npz,
}
