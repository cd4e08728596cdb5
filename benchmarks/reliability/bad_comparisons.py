"""Mistakes of ``python -m tfadv.compare`` and ``tfadv.status``."""

_GRID = ("compare", "--output_dir=table", "--recipe=gin/mbn.gin")
COMPARISONS = (
    ("compare", "--output_dir=table"),
    ("compare", "--recipe=gin/mbn.gin"),
    ("compare", "--record=image.npy"),
    ("compare", "--record=image.npy", "--record=nowhere.json"),
    ("compare", "--record=image.npy", "--record=text.npz"),
    ("compare", "--record=image.npy", "--record=text.npz", "--output_dir=image.npy/page"),
    ("compare", "--model_dir=.", "--model_dir=nowhere"),
    ("compare", "--output_dir=table", "--recipe=nowhere.gin"),
    ("compare", "--output_dir=table", "--recipe=gin/mbn.gin", "--seeds=a"),
    ("compare", "--output_dir=table", "--recipe=gin/mbn.gin", "--seeds=1.5"),
    ("compare", "--output_dir=table", "--recipe=gin/mbn.gin", "--seeds=-1"),
    (*_GRID, "--grid=PGD.epsilon"),
    (*_GRID, "--grid=PGD.epsilon=4,"),
    (*_GRID, "--grid=PGD.epsilon=4,4"),
    (*_GRID, "--grid=PGD.epsilon=(4"),
    (*_GRID, "--grid=PGD.epsilon=4,-8"),
    (*_GRID, "--grid=PGD.epsilo=4,8"),
    (*_GRID, "--grid=Experiment.norm=batch_norm,group_norm"),
    (*_GRID, "--grid=Experiment.seed=0,1"),
    (*_GRID, "--grid=PGD.steps=1,2", "--gin_bindings=PGD.steps = 3"),
    ("status", "nowhere"),
    ("status", "image.npy"),
    ("status", "plugin"),
    ("status", "--jsn"),
)
