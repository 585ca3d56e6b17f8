"""Files and batches: many calls as one file, run when there is room."""
