"""OpenAI Responses as a client format: requests for targets that speak something else, and their answers."""
