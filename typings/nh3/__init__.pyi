# The one function of nh3 that OpenViper calls.
def clean(
    html: str,
    tags: set[str] | None = None,
    *,
    attributes: dict[str, set[str]] | None = None,
    strip_comments: bool = True,
    link_rel: str | None = ...,
    url_schemes: set[str] | None = None,
) -> str: ...
