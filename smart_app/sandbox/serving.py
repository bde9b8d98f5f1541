"""Running WSGI apps on waitress, in threads of this process."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from waitress.server import create_server

from fhir_plugin.errors import UsageError

__all__ = ["LateApp", "listening"]


class LateApp:
    """A WSGI app that is known only after its port is (its own URL is part of its settings)."""

    app: Any = None

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """WSGI."""
        return self.app(environ, start_response)


@contextmanager
def listening(
    app: Any,
    *,
    port: int,
    host: str = "127.0.0.1",
    threads: int = 8,
    behind_proxy: bool = False,
    body_bytes: int = 64 * 1024 * 1024,
) -> Iterator[int]:
    """Serve until the block ends; gives the port (0 asks for a free one).

    Args:
        app: the WSGI app.
        port: 0 for a free one.
        host: address to listen on.
        threads: requests at a time.
        behind_proxy: leave the ``X-Forwarded-*`` headers for the app to judge.
        body_bytes: a larger request is refused before it is read; no body or answer up to it is kept on disk meanwhile.

    Raises:
        UsageError: the port is taken or not allowed.
    """
    try:
        server = create_server(
            app,
            host=host,
            port=port,
            threads=threads,
            ident=None,
            recv_bytes=65536,
            clear_untrusted_proxy_headers=not behind_proxy,
            max_request_body_size=body_bytes,
            inbuf_overflow=body_bytes,
            outbuf_overflow=max(body_bytes, 16 * 1024 * 1024),
        )
    except (OSError, OverflowError) as error:
        busy = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        message = f"Port {port} is in use." if busy else f"Port {port} cannot be used."
        raise UsageError(message, code="port", remedy="Choose another with --port or --app-port.") from None
    thread = threading.Thread(target=server.run, name=f"port {port}", daemon=True)
    thread.start()
    try:
        yield int(server.effective_port)
    finally:
        server.task_dispatcher.shutdown()
        server.trigger.pull_trigger(lambda: _close(server))
        thread.join(timeout=5)


def _close(server: Any) -> None:
    """Stop listening, and let go of browsers that keep their connection open; in the server's own thread."""
    for channel in tuple(server.active_channels.values()):
        channel.handle_close()
    server.close()
