"""Mistakes of ``python -m tfadv.compare``."""

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
)
