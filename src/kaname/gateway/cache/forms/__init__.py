"""One module a surface: a whole answer ⇄ the event stream that says the same."""
