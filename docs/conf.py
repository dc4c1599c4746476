"""How the documentation is built: ``sphinx-build -n -W docs docs/_build/html``."""

from importlib.metadata import version as installed_version

project = "pytest-leakguard"
author = "The pytest-leakguard founders"
version = release = installed_version("pytest-leakguard")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "*/*-table.md", "reference/compatibility-*.md"]
html_theme = "furo"
html_title = f"pytest-leakguard {version}"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_typehints = "description"
autodoc_member_order = "bysource"
autodoc_class_signature = "separated"
napoleon_use_ivar = True

# Names of the standard library, and of our own parts that are described in words only: nothing is
# fetched while the documentation is built.
nitpick_ignore_regex = [
    (
        r"py:.*",
        r"(collections\.abc|typing|pathlib|array|re)\..*"
        r"|pytest_leakguard\.((model|evidence)\.(Verdict|TraceMode|SoakEnd)|inside\.objects\._T|runner\.(Subject|Recorder)|forkable\.Harness|counters\.nearby\.Neighbourhood|soak\.watching\.Watch|memory_table\.(?!MemoryTable)\w+)"
        r"|(Verdict|TraceMode|SoakEnd|Subject|Recorder|Mapping|Callable|Any|Literal|object)",
    ),
]
