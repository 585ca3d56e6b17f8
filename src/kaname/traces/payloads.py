"""Downloads: a long field of a span, or a blob that it refers to.

Always as an attachment and never as HTML: what a model or a user wrote must not run in our pages.
"""

from fastapi import Response

from kaname.kernel.errors import NotFoundError
from kaname.storage.columns import ColumnsClient
from kaname.traces.ports import BlobReader
from kaname.traces.queries.span_detail import mentions_blob, read_whole_field

_SAFE = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}


def read_payload(
    columns: ColumnsClient, blobs: BlobReader, project_id: str, trace_id: str, span_id: str, field: str
) -> Response:
    """The whole of one field as a file; raises NotFoundError."""
    text, text_format, blob = read_whole_field(columns, project_id, trace_id, span_id, field)
    content = blobs.get(blob) if blob else text.encode()
    is_text = text_format in ("", "text")
    name = f"{span_id}-{field}.{'txt' if is_text else 'json'}"
    media_type = "text/plain; charset=utf-8" if is_text else "application/json"
    return _attachment(content, name, media_type)


def read_blob(
    columns: ColumnsClient, blobs: BlobReader, project_id: str, trace_id: str, span_id: str, digest: str
) -> Response:
    """A blob that this span refers to; raises NotFoundError for any other."""
    if not mentions_blob(columns, project_id, trace_id, span_id, digest):
        raise NotFoundError(
            f"span {span_id!r} doesn't refer to blob {digest!r}",
            code="blob_not_found",
            params={"id": digest[:64], "span": span_id},
        )
    return _attachment(blobs.get(digest), digest[:32], "application/octet-stream")


def _attachment(content: bytes, name: str, media_type: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', **_SAFE}
    return Response(content, media_type=media_type, headers=headers)
