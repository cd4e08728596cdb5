"""Nothing that reads files runs what is in them: no pickles, no unsafe Keras files, no eval."""

import ast

import pytest
from shared.project import ROOT

_FOLDERS = ("tfadv", "plugins")
_MODULES = {"pickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "torch"}
_CALLS = {"eval", "exec", "compile", "__import__"}
_METHODS = {"enable_unsafe_deserialization", "mktemp", "extractall", "unpack_archive"}
# What loads code on purpose: plugins and functions that build Keras models, which their user
# names, and a library and this package's own by their names.
_IMPORTS_MODULES = {
    "tfadv/__init__.py",
    "tfadv/config/plugin_modules.py",
    "tfadv/data/remote_path.py",
    "tfadv/models/functional/from_keras.py",
}


def dangers(tree: ast.AST):
    """Yields what a source could run or unpack of a file's, by line."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names) if {n.name.partition(".")[0] for n in names} & _MODULES:
                yield node.lineno, "import of what unpickles"
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in _MODULES:
                yield node.lineno, "import of what unpickles"
            case ast.Call(func=ast.Name(id=name)) if name in _CALLS:
                yield node.lineno, name
            case ast.Call(func=ast.Attribute(attr=name)) if name in _METHODS:
                yield node.lineno, name
            case ast.Call(func=ast.Attribute(value=ast.Name(id="yaml"), attr="load")):
                yield node.lineno, "yaml.load"
            case ast.Call(func=ast.Attribute(attr="import_module")):
                yield node.lineno, "import_module"
            case ast.keyword(arg="allow_pickle", value=value) if not _is(value, False):
                yield node.lineno, "allow_pickle"
            case ast.keyword(arg="safe_mode", value=value) if not _is(value, True):
                yield node.lineno, "safe_mode"


def _is(node, value):
    return isinstance(node, ast.Constant) and node.value is value


def test_no_source_runs_what_files_hold():
    found = [
        f"{path.relative_to(ROOT)}:{line}: {what}"
        for folder in _FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line, what in dangers(ast.parse(path.read_text(encoding="utf-8")))
        if not (what == "import_module" and str(path.relative_to(ROOT)) in _IMPORTS_MODULES)
    ]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "eval(text)",
        "np.load(file, allow_pickle=True)",
        "np.load(file, allow_pickle=choice)",
        "keras.saving.load_model(path, safe_mode=False)",
        "yaml.load(text)",
        "tar.extractall(folder)",
        "tempfile.mktemp()",
        "importlib.import_module(name)",
    ],
)
def test_each_danger_is_seen(source):
    assert len(list(dangers(ast.parse(source)))) == 1


def test_what_is_safe_is_let_through():
    safe = "np.load(f, allow_pickle=False)\nkeras.load_model(f, safe_mode=True)\nmodel.eval()\n"
    assert not list(dangers(ast.parse(safe + "import picklecount\nre.compile('a')")))
