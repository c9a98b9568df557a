"""Pages of HTML that need nothing else: one style, thumbnails inside, names that change nothing."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import jinja2
from markupsafe import Markup

from torch_inception.answers.shares import percent
from torch_inception.report.gallery import Gallery
from torch_inception.system.escape import counted, printable

_STYLE = "style.css"


def render(
    template: str, content: Mapping[str, Any], gallery: Gallery, *, room: str = "report"
) -> str:
    """Return a page of HTML.

    Args:
        template: its name.
        content: what it is given.
        gallery: of its thumbnails, all of which are known by now.
        room: of the package, that has the template.
    """
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [jinja2.PackageLoader("torch_inception", each) for each in (room, "report")]
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        name=_name,
        path=_path,
        printable=printable,
        percent=percent,
        counted=counted,
        number="{:,}".format,
    )
    assert environment.loader is not None
    style, _, _ = environment.loader.get_source(environment, _STYLE)
    style += "".join(gallery.style())
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    # The page may show what is in it, and do nothing else.
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'"
    )
    return environment.get_template(template).render(content, style=Markup(style), policy=policy)


def _name(text: str) -> Markup:
    """Write a name that people gave, so that it changes nothing around it."""
    return Markup("<bdi>{}</bdi>").format(printable(text))


def _path(text: str) -> Markup:
    """Write a path as a name that may be broken after each slash."""
    return Markup("<bdi>{}</bdi>").format(Markup("/<wbr>").join(printable(text).split("/")))
