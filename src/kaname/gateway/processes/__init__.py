"""What the gateway's processes tell each other of themselves, for people who ask any of them."""
