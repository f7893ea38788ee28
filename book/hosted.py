"""Leave launch buttons out of the pages while _config.yml names no repository to launch from."""

from sphinx.application import Sphinx
from sphinx.config import Config


def drop_buttons(app: Sphinx, config: Config) -> None:
    """Drop the settings of the buttons; without a repository the theme would stumble over them."""
    if not config["html_theme_options"].get("repository_url"):
        config["html_theme_options"].pop("launch_buttons", None)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("config-inited", drop_buttons)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
