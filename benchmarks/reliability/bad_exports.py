"""Mistakes in the flags of ``python -m tfadv.export``: see `bad_inputs`."""

EXPORTS = (
    ("export", "--model_dir=.", "--weights=best", "--output_dir=bundle"),
    ("export", "--model_dir=nowhere", "--output_dir=bundle"),
    ("export", "--model_dir=image.npy", "--output_dir=bundle"),
    ("export",),
    ("export", "--to=zip", "--model_dir=.", "--output_dir=bundle"),
    ("export", "--to=hub_folder", "--model_dir=."),
    ("export", "--to=hub_folder", "--model_dir=.", "--output_dir=hub", "--repo=mine"),
    ("export", "--model_dir=.", "--output_dir=bundle", "--repo=me/mine"),
    ("export", "--model_dir=.", "--output_dir=bundle", "--record=nowhere.json"),
    ("export", "--model_dir=.", "--output_dir=bundle", "--record=image.npy"),
    ("export", "--model_dir=.", "--output_dir=bundle", "--leaderboard=cifar10"),
    ("export", "--to=robustbench"),
    ("export", "--to=robustbench", "--model_dir=.", "--output_dir=bundle"),
    ("export", "--to=robustbench", "--record=nowhere.json", "--output=entry.json"),
    ("export", "--to=robustbench", "--record=image.npy", "--output=entry.json"),
    ("export", "--to=robustbench", "--record=a.json,b.json", "--output=entry.json"),
    ("export", "--to=robustbench", "--record=a.json", "--output=image.npy"),
    ("export", "--to=robustbench", "--record=a.json", "--output=e.json", "--leaderboard=mnist"),
)
