"""Demo data: a recorded run of the example assistant that a project can load. See NOTICE.md for its origin."""
