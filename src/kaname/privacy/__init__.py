"""Personal data and secrets in text: found by pattern and check digit, hidden, and put back. No model, no network."""
