"""One file a provider: where it is, how it is authenticated, and which wire formats it speaks."""
