"""Answers in one step each, when the server is uvicorn: head and body as one buffer, without two ASGI messages.

It does what `RequestResponseCycle.send` does for a start and a last body message, less the checks of headers that are
our own, and saves a tenth of a call's CPU. It declines, and the caller sends the two messages, whenever anything is
unusual: another server, a HEAD request, a closing or slow connection, default headers. A test holds it to the installed
uvicorn.
"""

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from kaname.gateway.corked_transport import CorkedTransport


def reply_whole(send: object, status: int, headers: bytes, body: bytes) -> bool:
    """Sends the answer and returns True, or does nothing and returns False.

    `send` is ASGI's; `headers` are complete lines, each ending with CRLF, content-length among them.
    """
    cycle = getattr(send, "__self__", None)
    if type(cycle) is not RequestResponseCycle:
        return False
    if (
        cycle.disconnected
        or cycle.response_started
        or cycle.default_headers
        or cycle.access_log
        or not cycle.keep_alive
        or cycle.flow.write_paused
        or cycle.scope["method"] == "HEAD"
    ):
        return False
    cycle.response_started = True
    cycle.waiting_for_100_continue = False
    transport, answer = cycle.transport, b"%b%b\r\n%b" % (STATUS_LINE[status], headers, body)
    if isinstance(transport, CorkedTransport):
        transport.write_soon(answer)
    else:
        transport.write(answer)
    cycle.response_complete = True
    cycle.message_event.set()
    cycle.on_response()
    return True


def write_chunk(send: object, chunk: bytes, *, last: bool) -> bool:
    """Writes one chunk of a stream that has begun and returns True, or does nothing and returns False.

    What `RequestResponseCycle.send` does for a body message of a chunked answer: a third of its cost an event.
    """
    cycle = getattr(send, "__self__", None)
    if (
        type(cycle) is not RequestResponseCycle
        or cycle.disconnected
        or not cycle.chunked_encoding
        or cycle.response_complete
        or cycle.flow.write_paused
        or cycle.scope["method"] == "HEAD"
    ):
        return False
    transport = cycle.transport
    write = transport.write_soon if isinstance(transport, CorkedTransport) else transport.write
    if last:
        write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(chunk), chunk) if chunk else b"0\r\n\r\n")
        cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()
    elif chunk:
        write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
    return True


def split_lines(lines: bytes) -> list[tuple[bytes, bytes]]:
    """Header lines as ASGI wants them."""
    return [(name, value) for line in lines.split(b"\r\n") if line for name, _, value in [line.partition(b": ")]]
