"""The inside of the engine process: chDB behind ClickHouse's HTTP interface. Only `kaname.app.engine` imports it."""
