"""An image inside of a page or an answer: an address that is the image."""

import base64


def data_uri(media_type: str, content: bytes) -> str:
    """Return the content of a file as an address (RFC 2397)."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
