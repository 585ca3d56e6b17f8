"""The OpenTelemetry protocol on the wire: protobuf and JSON bodies to raw spans and log records, and the answers."""
