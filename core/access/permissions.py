"""Roles, what each may do, and the check that every service makes for itself."""

import dataclasses
import enum

from core.foundation.errors import NotAllowed


class Permission(enum.StrEnum):
    """One thing that staff may be allowed to do; the value completes "may not ..."."""

    LOOK = "look at generations"
    GENERATE = "start or retry generations"
    CANCEL = "cancel generations"
    OPERATE = "step in where generations are stuck"
    GRANT = "grant credits"
    DECIDE_REFUNDS = "decide refunds"
    SECOND_REFUNDS = "be the second person of a refund or grant"
    REVERSE_REFUNDS = "take a refund or grant back"
    EDIT_POLICY = "change the refund policy"
    CHECK_BOOKS = "check the books"
    EDIT_CUSTOMERS = "create customers or add selfies"
    EDIT_PROMPTS = "edit prompts or snippets"
    MOVE_LABELS = "move or remove labels of prompts"
    MOVE_PRODUCTION = "move the production label"
    EDIT_TEST_SETS = "edit selfie test sets"
    RUN_EXPERIMENTS = "start or stop experiments"
    RATE = "vote on avatars or rate them"
    HANDLE_ERRORS = "acknowledge, mute, resolve or assign error groups"
    CONFIGURE_CLASSES = "change the rules that classify failures"
    HANDLE_ALERTS = "acknowledge, snooze, silence or resolve alerts"
    CONFIGURE_ALERTS = "change alert rules or notification channels"


LOOK_ONLY = frozenset({Permission.LOOK})
ON_CALL = frozenset({Permission.HANDLE_ERRORS, Permission.HANDLE_ALERTS})
CONFIGURE = frozenset({Permission.CONFIGURE_ALERTS, Permission.CONFIGURE_CLASSES})
MAKE = LOOK_ONLY | {Permission.GENERATE, Permission.EDIT_CUSTOMERS}
REFUNDS = frozenset(
    {Permission.DECIDE_REFUNDS, Permission.SECOND_REFUNDS, Permission.REVERSE_REFUNDS, Permission.EDIT_POLICY}
)
TUNE = frozenset(
    {
        Permission.EDIT_PROMPTS,
        Permission.MOVE_LABELS,
        Permission.MOVE_PRODUCTION,
        Permission.EDIT_TEST_SETS,
        Permission.RUN_EXPERIMENTS,
        Permission.RATE,
    }
)

ROLES: dict[str, frozenset[Permission]] = {
    "viewer": LOOK_ONLY,
    "tuner": MAKE | ON_CALL | TUNE,
    "support": MAKE | ON_CALL | {Permission.CANCEL, Permission.DECIDE_REFUNDS, Permission.RATE},
    "approver": LOOK_ONLY | REFUNDS | {Permission.GRANT, Permission.CHECK_BOOKS},
    "operator": MAKE
    | ON_CALL
    | CONFIGURE
    | {Permission.CANCEL, Permission.OPERATE, Permission.CHECK_BOOKS}
    | {Permission.MOVE_PRODUCTION, Permission.RATE},
    "admin": frozenset(Permission),
}


@dataclasses.dataclass(frozen=True)
class Actor:
    """The staff member who acts."""

    id: int
    name: str
    email: str
    roles: tuple[str, ...]

    def may(self, permission: Permission) -> bool:
        return any(permission in ROLES.get(role, LOOK_ONLY) for role in self.roles)

    def __str__(self) -> str:
        return self.name


def require(actor: Actor, permission: Permission) -> None:
    """Raises NotAllowed with a sentence that says who would be allowed."""
    if actor.may(permission):
        return
    allowed = ", ".join(role for role, granted in ROLES.items() if permission in granted)
    raise NotAllowed(f"{actor.name} may not {permission.value}. These roles may: {allowed}.")
