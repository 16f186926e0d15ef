"""What a fresh installation is given before its first page."""

from core.access.staff import settle_personas
from core.alerts.rules import seed_rules
from core.prompts.starter import seed_prompts
from core.services import Services


def prepare(services: Services, *, local: bool | None = None) -> None:
    """What a fresh installation needs before the first page: bucket, personas, alert rules, prompts.

    `local` says whether the desk runs in local mode, where the personas are staff; None, as a worker does
    who cannot know, leaves them as they are.
    """
    services.objects.ensure_bucket()
    with services.database.transaction() as session:
        if local is not None:
            settle_personas(session, local=local)
        seed_rules(session)
        seed_prompts(session, model=services.settings.model)
