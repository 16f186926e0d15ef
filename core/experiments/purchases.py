"""What one turn buys for one experiment: asked for, written down who paid, kept as owned."""

from collections.abc import Sequence

from sqlalchemy import Row, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.experiments.cells import usable
from core.foundation.errors import Conflict, InvalidInput, NotAllowed, NotFound
from core.generation.request import Wish, request_generation
from core.prompts.library import get_version
from core.settings import Settings
from core.tables.experiments import (
    Experiment,
    ExperimentCell,
    ExperimentPurchase,
    ExperimentVariant,
    OwnedImage,
)
from core.tables.generation import Generation
from core.tables.images import StoredSelfie
from core.testsets.sets import refused_selfies

Cell = Row[ExperimentCell, ExperimentVariant, StoredSelfie]


class Purchases:
    """One experiment's purchases of one turn. What they need is read once, and kept at once by `keep`.

    Until then the places that pictures have left stay empty at the provider, so every query counts.
    """

    def __init__(
        self,
        session: Session,
        settings: Settings,
        actor: Actor,
        experiment: Experiment,
        cells: Sequence[Cell],
    ) -> None:
        self._session, self._settings, self._actor, self._experiment = session, settings, actor, experiment
        self._refused = refused_selfies(session, [selfie.id for _, _, selfie in cells])
        self._versions = {variant.id: _version_of(session, variant) for _, variant, _ in cells}
        found = session.execute(
            select(OwnedImage.key, OwnedImage.generation_id, OwnedImage.buys, usable())
            .join(Generation, Generation.id == OwnedImage.generation_id)
            .where(OwnedImage.key.in_([cell.key for cell, _, _ in cells]))
        )
        self._buys: dict[str, int] = {}
        self._owned: dict[str, int] = {}
        for key, generation_id, buys, good in found:
            self._buys[key] = buys
            if good:
                self._owned[key] = generation_id
        self._filled: list[tuple[ExperimentCell, int]] = []
        self.bought: list[dict[str, object]] = []

    def fill(self, cell: ExperimentCell, variant: ExperimentVariant, selfie: StoredSelfie) -> bool:
        """Buy one cell's image, or take one that is owned meanwhile, or note why it cannot be had."""
        if (owned := self._owned.get(cell.key)) is not None:
            self._filled.append((cell, owned))
            return False
        try:
            # A refusal leaves nothing behind, and the turn goes on.
            with self._session.begin_nested():
                if why := self._refused.get(selfie.id):
                    raise Conflict(why)
                wish = self._wish(cell, variant, selfie)
                generation = request_generation(self._session, self._settings, actor=self._actor, wish=wish)
        except (Conflict, InvalidInput, NotAllowed, NotFound) as exc:
            cell.problem = str(exc)
            return False
        self._note(cell, variant, generation.id)
        return True

    def keep(self) -> None:
        """Write down who paid, what is owned, and which cell shows what."""
        for cell, generation_id in self._filled:
            cell.generation_id = generation_id
        self._session.flush()
        if not self.bought:
            return
        self._session.execute(insert(ExperimentPurchase).values(self.bought).on_conflict_do_nothing())
        owned = insert(OwnedImage).values(
            [
                {
                    "key": each["key"],
                    "generation_id": each["generation_id"],
                    "buys": self._buys[str(each["key"])],
                }
                for each in self.bought
            ]
        )
        self._session.execute(
            owned.on_conflict_do_update(
                index_elements=["key"],
                set_={"generation_id": owned.excluded.generation_id, "buys": owned.excluded.buys},
            )
        )

    def _note(self, cell: ExperimentCell, variant: ExperimentVariant, generation_id: int) -> None:
        # Another cell of the turn may show the same: one photograph of two people.
        self._owned[cell.key] = generation_id
        self._buys[cell.key] = self._buys.get(cell.key, 0) + 1
        self._filled.append((cell, generation_id))
        self.bought.append(
            {
                "generation_id": generation_id,
                "experiment_id": self._experiment.id,
                "key": cell.key,
                "price_usd": variant.price_usd,
            }
        )

    def _wish(self, cell: ExperimentCell, variant: ExperimentVariant, selfie: StoredSelfie) -> Wish:
        times = self._buys.get(cell.key, 0) + 1
        return Wish(
            # The same image, asked for the same time: whoever asks first, it is one generation.
            request_key=f"experiment:{cell.key}:{times}",
            customer_id=selfie.customer_id,
            selfie_id=selfie.id,
            template=variant.template,
            values=None,
            prompt=variant.prompt,
            parameters={name: str(value) for name, value in variant.parameters.items()},
            charged=False,
            experiment=True,
            model=variant.model,
            prompt_version_id=self._versions[variant.id],
        )


def _version_of(session: Session, variant: ExperimentVariant) -> int | None:
    """The version, unless parameters were overridden: then the images say nothing about it."""
    if variant.version_id is None:
        return None
    same = get_version(session, variant.version_id).parameters == variant.parameters
    return variant.version_id if same else None
