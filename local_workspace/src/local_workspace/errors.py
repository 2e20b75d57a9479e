"""What ends a command with one sentence."""


class WorkspaceError(Exception):
    """The workspace cannot start or go on; the message says why and what to do."""


class BundleError(Exception):
    """The bundle cannot be read; the message names file and line, or the option, and the remedy."""
