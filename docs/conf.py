"""How is the site made? ``make docs``; see docs/decisions/0017-documentation.md.

Nothing is fetched, neither when the pages are made nor when they are read.
"""

from importlib.metadata import version as installed_version

project = "NeuroGraph"
author = "The NeuroGraph authors"
release = version = installed_version("neurograph")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_click"]
exclude_patterns = ["_build"]

# Two hyphens are an option; a fence without a language is plain text.
smartquotes = False
highlight_language = "none"

html_theme = "furo"
html_title = "NeuroGraph"
html_copy_source = False
html_show_sphinx = False

# `docs/page.md#heading` leads to the heading, here as on a code host.
myst_heading_anchors = 3

# Docstrings are numpydoc's, names in single backticks.
default_role = "py:obj"
napoleon_google_docstring = False
napoleon_use_rtype = False
# Docstrings say what types there are, in fewer words.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
python_maximum_signature_line_length = 88
python_display_short_literal_types = True
napoleon_use_ivar = True
