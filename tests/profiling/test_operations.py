"""Kinds of operations, by hand."""

import pytest
import tensorflow as tf

from tfadv.models.fixed_convolution import FixedConvolution
from tfadv.profiling import operations
from tfadv.profiling.operations import is_operation, kind_of, kind_of_kernel, type_of

EXPECTED = {
    "net/stem/Conv2D:_MklNativeFusedConv2D": operations.FORWARD,
    "net/grouped/depthwise:DepthwiseConv2dNative": operations.FORWARD,
    "net/gradient_tape/Conv3D:_MklNativeConv3D": operations.BY_IMAGES,
    "gradient_tape_11/Conv3D:_MklNativeConv3D": operations.BY_IMAGES,
    "gradient_tape/net/Conv2DBackpropInput:_MklNativeConv2DBackpropInput": operations.BY_IMAGES,
    "net/Conv3DBackpropInputV2:Conv3DBackpropInputV2": operations.BY_IMAGES,
    "a/Conv2DBackpropFilter:_MklNativeConv2DBackpropFilter": operations.BY_WEIGHTS,
    "a/FusedBatchNormV3:_MklNativeFusedBatchNormEx": operations.NORMALIZATION,
    "net/stem_1/norm_1/SquaredDifference:SquaredDifference": operations.NORMALIZATION,
    "gradient_tape/layer_normalization_3/Sum:Sum": operations.NORMALIZATION,
    "net/head/MatMul:_MklNativeFusedMatMul": operations.PRODUCTS,
    "net/attention/einsum:Einsum": operations.PRODUCTS,
    "net/pool:_MklNativeMaxPoolGrad": operations.REDUCTIONS,
    "net/gradient_norm:Sum": operations.REDUCTIONS,
    "step/global_norm/L2Loss:L2Loss": operations.REDUCTIONS,
    "clip_by_global_norm/mul:Mul": operations.ELEMENTWISE,
    "net/Relu:ReluGrad": operations.ELEMENTWISE,
    "net/add:AddV2": operations.ELEMENTWISE,
    "net/transpose:_MklTranspose": operations.LAYOUT,
    "net/Cast:Cast": operations.LAYOUT,
    "step/all_reduce:CollectiveReduceV2": operations.COMMUNICATION,
    "step/cluster:_XlaRun": operations.COMPILED,
    "step/clock:PyFunc": operations.OTHER,
}


@pytest.mark.parametrize("event", EXPECTED)
def test_kinds_of_operations(event):
    assert is_operation(event) and kind_of(event) == EXPECTED[event]


@pytest.mark.parametrize(
    "event", ["ExecutorState::Process", "a/b:StatefulPartitionedCall", "loop:While", "train"]
)
def test_what_contains_others_is_no_operation(event):
    assert not is_operation(event)


def test_types_lose_their_forms():
    assert type_of("a:_MklNativeFusedBatchNormGradV3") == "BatchNormGrad"
    assert type_of("a:_FusedBatchNormEx") == "BatchNorm" and type_of("a:AddV2") == "Add"


def test_an_attacks_own_gradients_are_told_from_its_forward():
    convolve = FixedConvolution(tf.ones((3, 3, 2, 2)), None, stride=1, relu=False)

    @tf.function(autograph=False)
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = convolve(convolve(x))
        return tape.gradient(y, x)

    graph = gradient.get_concrete_function(tf.TensorSpec((1, 4, 4, 2))).graph
    found = [f"{op.name}:{op.type}" for op in graph.get_operations() if op.type == "Conv2D"]
    expected = 2 * [operations.FORWARD] + 2 * [operations.BY_IMAGES]
    assert [kind_of(event) for event in found] == expected


@pytest.mark.parametrize(
    ("kernel", "kind"),
    [
        ("sm90_xmma_fprop_implicit_gemm_bf16", operations.FORWARD),
        ("sm90_xmma_dgrad_implicit_gemm_bf16", operations.BY_IMAGES),
        ("cudnn::cnn::wgrad2d_grouped_direct_kernel", operations.BY_WEIGHTS),
        ("nvjet_hsh_128x256_gemm", operations.PRODUCTS),
        ("MemcpyD2D", operations.LAYOUT),
        ("input_reduce_fusion_3", operations.REDUCTIONS),
        ("loop_add_fusion", operations.ELEMENTWISE),
        ("ncclDevKernel_AllReduce_Sum", operations.COMMUNICATION),
        ("something", operations.OTHER),
    ],
)
def test_kinds_of_kernels(kernel, kind):
    assert kind_of_kernel(kernel) == kind
