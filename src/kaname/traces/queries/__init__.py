"""SQL over the column store, one file a question. Every statement is written through `statement.ProjectStatement`."""
