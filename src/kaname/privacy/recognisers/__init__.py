"""One file a kind of thing that can be found; `registry.py` lists them."""
