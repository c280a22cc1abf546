"""Settings, audit, fields, keys, and the rows of tasks and schedule."""
