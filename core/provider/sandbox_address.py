"""Where a running sandbox is reached."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class SandboxAddress:
    """Where the sandbox's API is, the host and port of its files, and a token that it takes."""

    api_url: str
    files_host: str
    token: str = dataclasses.field(repr=False)
