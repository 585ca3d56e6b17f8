"""Settings of section `gateway`: bounds and paths. Providers and models are in `gateway.yaml` (`config.py`)."""

from dataclasses import dataclass

from kaname.kernel.settings import setting

MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """Bounds of the gateway."""

    config_file: str = setting(
        "", "Providers and models (YAML). Default: `gateway.yaml` in the data folder, if it exists."
    )
    reload_interval_s: float = setting(1.0, "How often the configuration file is checked for changes, in seconds.")
    max_body_bytes: int = setting(32 * MIB, "Largest request body, after decompression.")
    max_response_bytes: int = setting(64 * MIB, "Largest upstream answer that isn't a stream.")
    max_event_bytes: int = setting(4 * MIB, "Largest single event of an upstream stream.")
    record_body_bytes: int = setting(MIB, "How much of each request and answer is recorded.")
    cache_bytes: int = setting(64 * MIB, "How much of answers that routes cache is kept, in memory and on disk each.")
    cache_entries: int = setting(50_000, "How many answers are kept; 0 keeps none.")
    file_max_bytes: int = setting(200 * MIB, "Largest file that can be uploaded for a batch.")
    batch_concurrency: int = setting(
        8, "Requests of batches under way in one process; 0: this process accepts batches and runs none."
    )
    workers: int = setting(1, "Processes of `kaname gateway up` that share its port.")
    max_in_flight: int = setting(
        5_000, "Calls under way in one process; more are refused with 503 before they are read. 0: no bound."
    )
    max_loop_lag_s: float = setting(
        1.0, "New calls are refused with 503 while the process is this far behind its work, in seconds. 0: never."
    )
    body_timeout_s: float = setting(30.0, "How long a client may take to send its request body.")
    otlp_endpoint: str = setting(
        "", "OpenTelemetry backend that also gets the gateway's spans, as http://collector:4318; empty: none."
    )
    otlp_headers: str = setting("", "Headers for it, as name=value,name=value.", secret=True)
    otlp_content: bool = setting(False, "Whether it gets messages and answers too.")
    forward_traceparent: bool = setting(
        False, "Whether upstreams get the call's `traceparent`; models of this installation always do."
    )
    write_timeout_s: float = setting(60.0, "How long a client may leave a stream unread before it is given up.")
    max_connections: int = setting(512, "Connections to one upstream; a provider can set its own.")
    bandit_interval_s: float = setting(300.0, "How often splits that learn look at the scores, in seconds.")
    idle_connection_s: float = setting(20.0, "How long an unused upstream connection is kept.")
