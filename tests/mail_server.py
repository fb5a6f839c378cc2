"""A real mail server in the test process, which can be down, slow, or refuse."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from email import message_from_bytes
from email.message import Message as Mail
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Self


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class MailServer:
    """Speaks as much SMTP as a sender needs (RFC 5321). Listens between `with` and its end.

    Args:
        port: on 127.0.0.1.
        before_taking: called with every mail before the server answers that it took it; returns the answer.
    """

    def __init__(self, port: int, before_taking: Callable[[Mail], str] = lambda _mail: "250 taken") -> None:
        self.port = port
        self.before_taking = before_taking
        self.mails: list[Mail] = []
        """The mails that it took."""

    def __enter__(self) -> Self:
        outer = self

        class Conversation(StreamRequestHandler):
            def handle(self) -> None:
                outer.converse(self)

        class Server(ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self._server = Server(("127.0.0.1", self.port), Conversation)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def converse(self, client: StreamRequestHandler) -> None:
        def say(answer: str) -> None:
            client.wfile.write(f"{answer}\r\n".encode())

        say("220 mail.test")
        while line := client.rfile.readline():
            verb = line.split()[0].upper()
            if verb == b"DATA":
                say("354 go on")
                mail = self._read(client)
                answer = self.before_taking(mail)
                if answer.startswith("250"):
                    self.mails.append(mail)
                say(answer)
            elif verb == b"QUIT":
                say("221 bye")
                return
            else:  # HELO, MAIL, RCPT, RSET; EHLO without extensions is answered alike
                say("250 fine")

    @staticmethod
    def _read(client: StreamRequestHandler) -> Mail:
        lines = []
        while (line := client.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return message_from_bytes(b"".join(lines))


def text_of(mail: Mail) -> str:
    """The plain text of a mail."""
    part = next(part for part in mail.walk() if part.get_content_type() == "text/plain")
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode()
