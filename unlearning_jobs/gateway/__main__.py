"""The gateway's command line.

    python -m unlearning_jobs.gateway --policy POLICY --upstream URL [--host HOST] [--port PORT] [--encoder FOLDER]
    python -m unlearning_jobs.gateway --serve FOLDER [--name NAME] [--host HOST] [--port PORT]

The first guards a model server; the second is a small model server of our own. Exit status: 0 ended by a signal; 2 it cannot
begin, a message says why.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from unlearning_jobs.engine.errors import EngineError

if TYPE_CHECKING:
    from starlette.applications import Starlette


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until a signal ends it, and return the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if bool(options.serve) == bool(options.policy and options.upstream):
        parser.error("name --policy and --upstream for a gateway, or --serve for a model server")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    for other in ("httpx", "httpcore"):  # they log addresses
        logging.getLogger(other).setLevel(logging.WARNING)
    try:
        application = _model_server(options) if options.serve else _gateway(options)
    except EngineError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    uvicorn.run(application, host=options.host, port=options.port, access_log=False, log_level="warning")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m unlearning_jobs.gateway",
        description="Guards what passes between clients and a model server. The weights stay unchanged: it suppresses.",
    )
    parser.add_argument("--policy", type=Path, help="policy file, or a folder of guards (docs/gateway.md)")
    parser.add_argument("--upstream", help="address of an OpenAI-compatible model server, as http://127.0.0.1:8002")
    parser.add_argument("--encoder", type=Path, help="folder of an encoder, for guards that compare meanings")
    parser.add_argument("--serve", type=Path, help="folder of a language model: be a small model server instead")
    parser.add_argument("--name", help="the name of the served model (default: its folder's)")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--body-bytes", type=int, default=1 << 20, help="largest request")
    parser.add_argument("--read-seconds", type=float, default=120.0, help="longest wait for a part of an answer")
    return parser


def _gateway(options: argparse.Namespace) -> Starlette:
    from unlearning_jobs.engine.matching.encoder_folder import encoder_open

    from .app import Gateway, Limits
    from .policy import PolicyKeeper
    from .upstream import Upstream, Waits

    encoder = encoder_open(options.encoder) if options.encoder else None
    keeper = PolicyKeeper(options.policy, encoder)
    upstream = Upstream(options.upstream, Waits(read=options.read_seconds))
    return Gateway(keeper, upstream, Limits(body_bytes=options.body_bytes)).application()


def _model_server(options: argparse.Namespace) -> Starlette:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch loads: spinning threads starve other processes
    from .model_server import ModelServer

    return ModelServer(options.serve, options.name or options.serve.resolve().name).application()


if __name__ == "__main__":
    sys.exit(main())
