"""Rows, one file a noun.

Belongs here: tables, columns, constraints. Does not: rules about when they change (operations) or
how they look (web). Called by tasks and everything above it.
"""

from puqpanel.models.audit import Audit
from puqpanel.models.clients import Client, ClientUser
from puqpanel.models.heartbeats import Heartbeat
from puqpanel.models.instances import Instance
from puqpanel.models.module_log import ModuleLog
from puqpanel.models.modules import Generation, Module
from puqpanel.models.products import Product
from puqpanel.models.schedule import ScheduleEntry
from puqpanel.models.services import Service
from puqpanel.models.settings import Setting
from puqpanel.models.staff import Role, Staff, staff_roles
from puqpanel.models.tasks import Task, TaskAttempt, TaskTag
from puqpanel.models.users import User

__all__ = [
    "Audit",
    "Client",
    "ClientUser",
    "Generation",
    "Heartbeat",
    "Instance",
    "Module",
    "ModuleLog",
    "Product",
    "Role",
    "ScheduleEntry",
    "Service",
    "Setting",
    "Staff",
    "Task",
    "TaskAttempt",
    "TaskTag",
    "User",
    "staff_roles",
]
