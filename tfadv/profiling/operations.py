"""Which kind of work an operation is, by its name and type."""

import re

FORWARD = "convolutions, forward"
BY_IMAGES = "convolutions, gradients by images"
BY_WEIGHTS = "convolutions, gradients by weights"
NORMALIZATION = "normalization"
PRODUCTS = "matrix products"
REDUCTIONS = "reductions and pooling"
ELEMENTWISE = "elementwise"
LAYOUT = "layout"
COMMUNICATION = "between devices"
COMPILED = "compiled by XLA"
OTHER = "other operations"
INPUT_WAIT = "input wait"
HOST = "host"
# In the order of a table. No operation runs in the last two.
KINDS = (
    *(FORWARD, BY_IMAGES, BY_WEIGHTS, NORMALIZATION, PRODUCTS, REDUCTIONS, ELEMENTWISE, LAYOUT),
    *(COMMUNICATION, COMPILED, OTHER, INPUT_WAIT, HOST),
)

# "scope/of/name:Type", which TensorFlow's executor calls a running operation.
_OPERATION = re.compile(r"(?P<name>[^:]+):(?P<type>\w+)")
# They stand for what runs inside them.
_CONTAINERS = re.compile(r"(Stateful)?PartitionedCall|(Stateless)?(While|If|Case)|MapDefun")
# The scope of what `tf.GradientTape` adds, and of a `FixedConvolution`'s own gradient.
_IN_A_GRADIENT = re.compile(r"(^|/)gradient_tape(_\d+)?/")
# Keras' layers and ours carry the word in their names, and so do their scopes; the norm of a
# gradient is another one.
_IN_A_NORM = re.compile(r"(^|/)(?!\w*(global|gradient|clip)_norm)[^/]*norm(alization)?(_\d+)?/")
# How oneDNN's, fused and older forms of an operation are named.
_FORMS = re.compile(r"^_*(Mkl)?(Native)?(Fused)?|V\d+$|Ex$")
_BY_TYPE = (
    (NORMALIZATION, r"BatchNorm.*|LRN.*|.*LayerNorm.*"),
    (PRODUCTS, r"(Batch)?MatMul|SparseMatMul|Einsum|XlaDot|.*BatchMatMul.*"),
    (COMMUNICATION, r"(Collective|Nccl).*|_?(Host)?(Send|Recv)"),
    (COMPILED, r"_?Xla(Launch|Run|Compile).*"),
    (
        REDUCTIONS,
        r"Sum|Mean|Max|Min|Prod|All|Any|Arg(Max|Min)|L2Loss|BiasAddGrad|Cum.*|(Avg|Max)Pool.*"
        r"|TopK|InTopK|.*Softmax.*|UnsortedSegment.*|Bincount|Euclidean.*",
    ),
    (
        LAYOUT,
        r"(Conjugate)?Transpose|Reshape|Cast|(Mirror)?Pad(Grad)?|Concat|Slice|StridedSlice.*|Split"
        r"|Pack|Unpack|Tile|ExpandDims|Squeeze|Identity(N)?|(Reverse|Gather(Nd)?|Roll)|BroadcastTo"
        r"|Fill|(Zeros|Ones)Like|DepthToSpace|SpaceToDepth|(Batch|Space)To(Space|Batch)(ND)?"
        r"|DeepCopy|Copy(Host)?|ToTf|InputConversion|TensorScatter.*|ScatterNd|ExtractImagePatches",
    ),
    (
        ELEMENTWISE,
        r"Add(N)?|Sub|Mul(NoNan)?|(Real)?Div(NoNan)?|FloorDiv|FloorMod|Neg|Abs|Sign|Square"
        r"|SquaredDifference|R?[Ss]qrt(Grad)?|Pow|Exp(m1)?|Log(1p)?|Maximum|Minimum"
        r"|(Leaky)?Relu6?(Grad)?|(Elu|Selu)(Grad)?|Tanh(Grad)?|Sigmoid(Grad)?|Erf|Softplus(Grad)?"
        r"|Gelu|Swish|BiasAdd|Select|Where|ClipByValue|Is(Finite|Nan|Inf)|(Not)?Equal"
        r"|(Less|Greater)(Equal)?|Logical.*|Bitwise.*|Reciprocal(Grad)?|Inv(Grad)?|Round|Rint"
        r"|Floor|Ceil|ResourceApply.*|Assign(Add|Sub)?(VariableOp)?",
    ),
)
_KINDS_OF_TYPES = tuple((kind, re.compile(types)) for kind, types in _BY_TYPE)
# Kernels of accelerators, by what cuDNN, cuBLAS and XLA call them; the first that fits.
_BY_KERNEL = tuple(
    (kind, re.compile(words, re.IGNORECASE))
    for kind, words in (
        (BY_WEIGHTS, r"wgrad|backward_?filter|bwd_?filter"),
        (BY_IMAGES, r"dgrad|backward_?(data|input)|bwd_?data"),
        (FORWARD, r"conv|fprop|winograd|implicit_gemm"),
        (NORMALIZATION, r"norm|bn_fw|bn_bw"),
        (PRODUCTS, r"gemm|cutlass|cublas|nvjet|matmul|dot"),
        (COMMUNICATION, r"nccl|all_?reduce|all_?gather"),
        (LAYOUT, r"transpose|memcpy|memset|copy|nchw|nhwc|convert|concat|slice|pad"),
        (REDUCTIONS, r"reduc|pool|softmax|argm(ax|in)"),
        (ELEMENTWISE, r"fusion|elementwise|eigen|loop|select|add|mul"),
    )
)


def is_operation(event: str) -> bool:
    """Returns whether a trace's event is an operation of a graph that computes something."""
    found = _OPERATION.fullmatch(event)
    return bool(found) and not _CONTAINERS.fullmatch(found["type"])


def type_of(event: str) -> str:
    """Returns an operation's type without its forms: ``Conv2D`` of ``a/b:_MklNativeConv2D``."""
    return _FORMS.sub("", _FORMS.sub("", event.rpartition(":")[2]))


def kind_of(event: str) -> str:
    """Returns which of `KINDS` an operation ``scope/name:Type`` is.

    A convolution counts with the bias and ReLU that are fused into it; what runs in the scope
    of a normalization layer is normalization, whatever its type.
    """
    name, type_name = event.rpartition(":")[0], type_of(event)
    if "Conv" in type_name and "Conversion" not in type_name:
        if "BackpropFilter" in type_name:
            return BY_WEIGHTS
        is_gradient = "BackpropInput" in type_name or _IN_A_GRADIENT.search(name)
        return BY_IMAGES if is_gradient else FORWARD
    if _IN_A_NORM.search(name):
        return NORMALIZATION
    return next((kind for kind, types in _KINDS_OF_TYPES if types.fullmatch(type_name)), OTHER)


def kind_of_kernel(name: str) -> str:
    """Returns which of `KINDS` a kernel of an accelerator is, by its own name alone."""
    return next((kind for kind, words in _BY_KERNEL if words.search(name)), OTHER)
