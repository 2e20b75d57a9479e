"""What ends a command with one sentence."""


class WorkspaceError(Exception):
    """The workspace cannot start or go on; the message says why and what to do."""
