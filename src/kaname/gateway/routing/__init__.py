"""Which target gets a call: conditions, splits, load, breakers and back-off. Pure; clock and randomness are handed in."""
