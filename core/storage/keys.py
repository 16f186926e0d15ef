"""Where objects lie in the bucket. Names bear no customer's name, and the same bytes get the same key."""


def selfie(customer_id: int, sha256: str, extension: str) -> str:
    return f"{selfies_of(customer_id)}{sha256}.{extension}"


def selfie_thumbnail(customer_id: int, sha256: str) -> str:
    return f"{selfies_of(customer_id)}{sha256}.thumb.webp"


def selfies_of(customer_id: int) -> str:
    """What the keys of all selfies of a customer begin with."""
    return f"selfies/{customer_id}/"


def avatar(generation_id: int, sha256: str, extension: str) -> str:
    return f"{avatars_of(generation_id)}{sha256}.{extension}"


def avatar_thumbnail(generation_id: int, sha256: str) -> str:
    return f"{avatars_of(generation_id)}{sha256}.thumb.webp"


def avatars_of(generation_id: int) -> str:
    """What the keys of all pictures of a generation begin with."""
    return f"avatars/{generation_id}/"


def imported(token: str, name: str) -> str:
    """A picture that came with an import."""
    return f"{imported_by(token)}{name}"


def imported_by(token: str) -> str:
    """What the keys of all pictures of an import begin with."""
    return f"imports/{token}/"


def proof(name: str) -> str:
    """The tiny object by which `name` proves that the store can be used."""
    return f"health/{name}.txt"


def seal(epoch: int, number: int) -> str:
    """One seal of the ledger; keys sort as the numbers do."""
    return f"{seals_of(epoch)}{number:012d}.json"


def seals_of(epoch: int) -> str:
    """What the keys of all seals of an epoch begin with."""
    return f"{SEALS}{epoch:06d}/"


SEALS = "seals/"
