"""Not used: puqpanel.infra.migrate runs these revisions itself.

The file is here because alembic requires one in a script folder.
"""
