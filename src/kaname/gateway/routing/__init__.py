"""Which target gets a call: conditions, splits, load, breakers, back-off. Pure; clock and randomness are handed in."""
