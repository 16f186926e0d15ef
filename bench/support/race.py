"""What is measured of everybody who draws the same grid, and the table of it."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Stop:
    """A run that was stopped some seconds after its start, and begun again.

    `lost` were drawn and paid but not kept, `missing` were needed when it went on, `posts` were then sent.
    """

    canceled: int
    lost: int
    missing: int
    posts: int

    AFTER_SECONDS = 4.0

    def __str__(self) -> str:
        return f"{self.canceled} canceled, {self.lost} lost; {self.posts} POSTs for {self.missing} missing"


@dataclasses.dataclass(frozen=True)
class Result:
    """Seconds, bytes, and requests for a picture (POSTs)."""

    name: str
    wall: float
    memory: int
    disk: int
    posts: int
    again: int
    samples: int
    stop: Stop

    def rows(self) -> list[str]:
        return [
            self.name,
            f"{self.wall:.1f} s",
            f"{self.memory / 1e6:.0f} MB",
            f"{self.disk / 1e6:.0f} MB",
            str(self.posts),
            str(self.again),
            str(self.samples),
            str(self.stop),
        ]


TITLES = [
    "",
    "wall",
    "peak memory",
    "disk",
    "POSTs",
    "POSTs of the same again",
    "POSTs from 1 to 3 samples",
    f"stopped after {Stop.AFTER_SECONDS:.0f} s",
]


def table(results: list[Result]) -> str:
    columns = [TITLES, *(each.rows() for each in results)]
    widths = [max(map(len, column)) for column in columns]
    lines = zip(*columns, strict=True)
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
