"""One endpoint for every model, on the OpenAI wire. `server.py` is the way in, `pipeline.py` the order of things."""
