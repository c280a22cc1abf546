"""The tables of permissions and their constants."""

from __future__ import annotations

from puqpanel.domain import permissions
from puqpanel.domain.permissions import CLIENT_KEYS, PANEL_KEYS


def test_each_permission_has_a_constant() -> None:
    constants = {
        name: value
        for name, value in vars(permissions).items()
        if isinstance(value, str) and name.isupper() and "." in value
    }
    client = {name: key for name, key in constants.items() if name.startswith("CLIENT_")}
    staff = {name: key for name, key in constants.items() if name not in client}
    assert set(staff.values()) == PANEL_KEYS and set(client.values()) == CLIENT_KEYS
    for name, key in staff.items():
        assert name == key.upper().replace(".", "_")
    for name, key in client.items():
        assert name == f"CLIENT_{key.upper().replace('.', '_')}"
