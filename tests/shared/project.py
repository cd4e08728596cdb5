"""The project's folder, its recipes, overlays and worked plugins."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GIN = ROOT / "gin"
PACKAGE = ROOT / "tfadv"

# By name: 'mbn_alp'.
RECIPES = sorted(path.stem for path in GIN.glob("*.gin") if path.stem != "base")
PLUGIN_RECIPES = sorted(path.stem for path in GIN.glob("plugins/*.gin"))
MODERN_RECIPES = sorted(path.stem for path in GIN.glob("modern/*.gin"))
SCALES = sorted(path.stem for path in GIN.glob("scale/*.gin"))
# By path: 'gin/attack/pgd10.gin'.
OVERLAYS = sorted(
    str(path.relative_to(ROOT))
    for folder in ("attack", "batch", "depth", "finetune", "released", "table3")
    for path in (GIN / folder).glob("*.gin")
)
NETWORKS = sorted(f"gin/networks/{path.name}" for path in GIN.glob("networks/*.gin"))
# By module: 'plugins.trades'.
WORKED_PLUGINS = sorted(f"plugins.{path.stem}" for path in (ROOT / "plugins").glob("*.py"))
