"""`python -m kaname.app.gateway_worker`: one of several gateway processes on one port.

Started and watched by `kaname gateway up`. It ends when its stdin does or on SIGTERM, after its running calls.
"""

import os
import signal
import sys
from pathlib import Path

from kaname.app.configuration import load_child_configuration
from kaname.app.data_dir import DataDir
from kaname.app.gateway_process import GatewayProcess
from kaname.app.gateway_up import PORT_VARIABLE, SIBLINGS_VARIABLE
from kaname.app.http_server import bind, configure_logging, run_loop
from kaname.app.sibling_metrics import Siblings
from kaname.kernel.child import announce_ready, exit_with_parent


def main() -> int:
    """Serves until told to stop."""
    configuration = load_child_configuration()
    configure_logging(configuration.server.log_level)
    os.umask(0o077)
    # Ctrl-C in a terminal reaches the whole group; the supervisor says when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    process = GatewayProcess(
        configuration, DataDir(root=configuration.data_dir), Siblings(Path(os.environ[SIBLINGS_VARIABLE]))
    )
    listener = bind(configuration.server.host, int(os.environ[PORT_VARIABLE]), shared=True)
    exit_with_parent()
    try:
        run_loop(process, [listener], lambda: announce_ready({"pid": os.getpid(), "name": process.name}))
    finally:
        listener.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
