"""Which faults strike: words in the prompt first, then rules in the order they were given, then chance."""

import dataclasses
import random
import re
import threading
from collections import Counter
from typing import Any

from core.sandbox.faults import FAULTS, OF_CREATION, Fault, Stage

TAG = re.compile(r"\[sandbox:([a-z0-9_]+)(?:\s+x(\d+))?\]")


@dataclasses.dataclass
class Rule:
    """Strikes the next `times` matching requests (for ever, when None).

    `prompt_contains`, `user_id` and `model` narrow down creations; `retry_after` (seconds) goes into a 429.
    """

    name: str
    times: int | None = 1
    prompt_contains: str = ""
    user_id: str = ""
    model: str = ""
    retry_after: int | None = None

    def matches(self, prompt: str, user_id: str, model: str) -> bool:
        return (
            self.times != 0
            and self.prompt_contains in prompt
            and self.user_id in ("", user_id)
            and self.model in ("", model)
        )

    def use(self) -> None:
        if self.times is not None:
            self.times -= 1


@dataclasses.dataclass(frozen=True)
class Struck:
    """The faults of one creation, at most one a stage."""

    faults: dict[Stage, Fault] = dataclasses.field(default_factory=dict)
    retry_after: int | None = None

    def name(self, stage: Stage) -> str:
        """The name of the stage's fault, or an empty string."""
        return self.faults[stage].name if stage in self.faults else ""


class FaultBook:
    """All wanted faults of one sandbox. Thread-safe."""

    def __init__(self, mix: dict[str, float], seed: int) -> None:
        self._lock = threading.Lock()
        self._creations: Counter[str] = Counter()
        self._rules: list[Rule] = []
        self.set_mix(mix, seed)

    def add(self, name: str, **matching: Any) -> Rule:
        """Want a fault. Raises KeyError for an unknown name, TypeError for an unknown condition."""
        if name not in FAULTS:
            raise KeyError(name)
        rule = Rule(name, **matching)
        with self._lock:
            self._rules.append(rule)
        return rule

    def set_mix(self, mix: dict[str, float], seed: int) -> None:
        """Let each creation (or request of the fault's kind) meet these faults with these probabilities."""
        unknown = [name for name in mix if name not in FAULTS]
        if unknown:
            raise KeyError(unknown[0])
        with self._lock:
            self._mix = dict(mix)
            self._dice = random.Random(seed)

    def clear(self) -> None:
        """Forget rules, chances and counts."""
        with self._lock:
            self._rules.clear()
            self._creations.clear()
            self._mix = {}

    def waiting(self) -> list[dict[str, Any]]:
        with self._lock:
            return [dataclasses.asdict(rule) for rule in self._rules if rule.times != 0]

    def at_creation(self, prompt: str, user_id: str, model: str) -> Struck:
        """The faults of the next creation with this prompt; those of later requests become rules."""
        with self._lock:
            self._creations[prompt] += 1
            names = self._tagged(prompt)
            retry_after = None
            for rule in self._rules:
                if FAULTS[rule.name].stage in OF_CREATION and rule.matches(prompt, user_id, model):
                    rule.use()
                    names.append(rule.name)
                    retry_after = rule.retry_after if retry_after is None else retry_after
            names += [name for name in self._thrown() if FAULTS[name].stage in OF_CREATION]
        faults: dict[Stage, Fault] = {}
        for name in names:
            faults.setdefault(FAULTS[name].stage, FAULTS[name])
        return Struck(faults, retry_after)

    def at(self, stage: Stage) -> str:
        """The fault that strikes a request of this stage, or an empty string."""
        with self._lock:
            for rule in self._rules:
                if FAULTS[rule.name].stage is stage and rule.times != 0:
                    rule.use()
                    return rule.name
            return next((name for name in self._thrown() if FAULTS[name].stage is stage), "")

    def _tagged(self, prompt: str) -> list[str]:
        names = []
        first = self._creations[prompt] == 1
        for name, count in TAG.findall(prompt):
            if name not in FAULTS:
                continue
            if FAULTS[name].stage not in OF_CREATION:
                if first:
                    self._rules.append(Rule(name, times=int(count or 1)))
            elif not count or self._creations[prompt] <= int(count):
                names.append(name)
        return names

    def _thrown(self) -> list[str]:
        """At most one fault by chance; the dice are thrown once, so that a mix adds up."""
        if not self._mix:
            return []
        thrown = self._dice.random()
        for name, probability in self._mix.items():
            thrown -= probability
            if thrown < 0:
                return [name]
        return []
