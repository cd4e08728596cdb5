"""Names that settings may be given, and that the rooms below these know too."""

# What a training backward may compute once more; see `models.recompute`.
NOTHING, BLOCKS = "nothing", "blocks"
RECOMPUTED = (NOTHING, BLOCKS)
# What weights can be: convolution and dense kernels, their biases, γ and β of norms, and
# others, such as positions' vectors and the scales of layers. Each weight is of one.
GROUPS = ("kernels", "biases", "norms", "others")
