"""What differs between two versions: words of the text, and parameters. What is equal is hidden."""

import collections
import dataclasses
import difflib
import enum
import re
from collections.abc import Iterator, Mapping, Sequence

# A word, a sign, or the end of a line, each with the spaces that follow it.
TOKEN = re.compile(r"\w+[^\S\n]*|[^\w\s]+[^\S\n]*|\n|[^\S\n]+")
WORD = re.compile(r"\w")
# So many pairs of equal words are looked at; prose of 20,000 characters has a fifth of it.
MOST_PAIRS = 500_000


class Side(enum.StrEnum):
    """Where a piece of text stands."""

    BOTH = "both"
    REMOVED = "removed"
    ADDED = "added"


@dataclasses.dataclass(frozen=True)
class Piece:
    """A run of words. All but the added make up the former text, all but the removed the new one."""

    side: Side
    text: str


@dataclasses.dataclass(frozen=True)
class Change:
    """A parameter that differs; None where a version has none of this name."""

    name: str
    before: str | None
    after: str | None


def diff_words(before: str, after: str) -> list[Piece]:
    """The way from one text to the other, word by word.

    Texts that say the same few words thousands of times can be matched in too many ways: their difference
    is told in one piece.
    """
    old, new = TOKEN.findall(before), TOKEN.findall(after)
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    pieces = [Piece(Side.BOTH, "".join(old[:head]))]
    for action, a, b, c, d in _steps(old[head : len(old) - tail], new[head : len(new) - tail]):
        if action == "equal":
            pieces.append(Piece(Side.BOTH, "".join(old[head + a : head + b])))
            continue
        pieces.append(Piece(Side.REMOVED, "".join(old[head + a : head + b])))
        pieces.append(Piece(Side.ADDED, "".join(new[head + c : head + d])))
    pieces.append(Piece(Side.BOTH, "".join(old[len(old) - tail :])))
    return list(_joined(pieces))


def words_changed(pieces: Sequence[Piece]) -> tuple[int, int]:
    """How many words were added, and how many removed."""
    counts = dict.fromkeys(Side, 0)
    for piece in pieces:
        counts[piece.side] += sum(bool(WORD.search(token)) for token in TOKEN.findall(piece.text))
    return counts[Side.ADDED], counts[Side.REMOVED]


def diff_parameters(before: Mapping[str, object], after: Mapping[str, object]) -> list[Change]:
    """The parameters that differ, in the order of the newer version; equal ones are left out."""
    names = [*after, *(name for name in before if name not in after)]
    changes = [Change(name, _text(before.get(name)), _text(after.get(name))) for name in names]
    return [change for change in changes if change.before != change.after]


def _steps(old: Sequence[str], new: Sequence[str]) -> Sequence[tuple[str, int, int, int, int]]:
    """What to do with which words of both, as difflib tells it."""
    times = collections.Counter(new)
    if sum(times[word] for word in old) > MOST_PAIRS:
        return [("replace", 0, len(old), 0, len(new))]
    return difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    """How many tokens both begin with."""
    return next(
        (place for place, (one, other) in enumerate(zip(old, new, strict=False)) if one != other),
        min(len(old), len(new)),
    )


def _joined(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """The same without empty pieces, and with neighbours of one side in one."""
    waiting: Piece | None = None
    for piece in pieces:
        if not piece.text:
            continue
        if waiting is not None and waiting.side is piece.side:
            waiting = Piece(piece.side, waiting.text + piece.text)
            continue
        if waiting is not None:
            yield waiting
        waiting = piece
    if waiting is not None:
        yield waiting


def _text(value: object) -> str | None:
    return None if value is None else str(value)
