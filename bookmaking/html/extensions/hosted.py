"""Adapt the pages to their host, which _config.yml names if there is one."""

from sphinx.application import Sphinx
from sphinx.config import Config


def fit_to_host(app: Sphinx, config: Config) -> None:
    """Set the pages' address for previews of shared links; omit launch buttons without repository.

    The theme fails on buttons without a repository to launch from.
    """
    config["ogp_site_url"] = config["html_baseurl"]
    if not config["html_theme_options"].get("repository_url"):
        config["html_theme_options"].pop("launch_buttons", None)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("config-inited", fit_to_host)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
