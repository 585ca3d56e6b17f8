"""Files and batches as JSON, in OpenAI's exact shapes. Source: OpenAI's API reference, `Files` and `Batch`."""

from datetime import datetime

import orjson

from kaname.gateway.batches.model import Batch, StoredFile


def file_object(file: StoredFile) -> dict[str, object]:
    """A `File`."""
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.size,
        "created_at": _seconds(file.created_at),
        "expires_at": None,
        "filename": file.filename,
        "purpose": file.purpose,
        "status": "processed",
        "status_details": None,
    }


def batch_object(batch: Batch) -> dict[str, object]:
    """A `Batch`."""
    reached = {name: _seconds(at) for name, at in batch.reached.items()}
    errors = {"object": "list", "data": [error._asdict() for error in batch.errors]} if batch.errors else None
    return {
        "id": batch.id,
        "object": "batch",
        "endpoint": batch.endpoint,
        "errors": errors,
        "input_file_id": batch.input_file_id,
        "completion_window": batch.completion_window,
        "status": batch.status,
        "output_file_id": batch.output_file_id,
        "error_file_id": batch.error_file_id,
        "created_at": _seconds(batch.created_at),
        "in_progress_at": reached.get("in_progress"),
        "expires_at": _seconds(batch.expires_at),
        "finalizing_at": reached.get("finalizing"),
        "completed_at": reached.get("completed"),
        "failed_at": reached.get("failed"),
        "expired_at": reached.get("expired"),
        "cancelling_at": reached.get("cancelling"),
        "cancelled_at": reached.get("cancelled"),
        "request_counts": {"total": batch.total, "completed": batch.completed, "failed": batch.failed},
        "metadata": batch.metadata,
    }


def list_object(data: list[dict[str, object]], *, has_more: bool) -> dict[str, object]:
    """A page."""
    first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
    return {"object": "list", "data": data, "first_id": first, "last_id": last, "has_more": has_more}


def response_line(item_id: str, custom_id: str, status: int, request_id: str, body: bytes) -> bytes:
    """A line of a result file for a request that was answered."""
    response = {"status_code": status, "request_id": request_id, "body": _one_line(body)}
    return orjson.dumps({"id": item_id, "custom_id": custom_id, "response": response, "error": None})


def unanswered_line(item_id: str, custom_id: str, code: str, message: str) -> bytes:
    """A line of the error file for a request that wasn't run."""
    error = {"code": code, "message": message}
    return orjson.dumps({"id": item_id, "custom_id": custom_id, "response": None, "error": error})


def _one_line(body: bytes) -> object:
    """A body that is JSON on one line stays byte for byte."""
    try:
        document: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode("utf-8", "replace")
    return document if b"\n" in body or b"\r" in body else orjson.Fragment(body)


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
