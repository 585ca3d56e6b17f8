"""What the gateway is doing now, for people."""
