"""Amazon Bedrock's Converse as an upstream format: what the hub says in it, and back."""
