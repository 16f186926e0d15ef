"""From a reviewer's key to the next case on the screen, in Chromium, with 100,000 open cases; at most 300 ms.

    python -m bench.bench_decision

Method: the whole application with its embedded servers and the cases of `bench_refunds`, the first with
selfies of their own; its worker stays out, because those cases have no ledger behind them. A reviewer
approves and denies in turn, each time a second after everything stands still; two decisions warm up. Stamped
in the page at each frame, from the key's event: when the next case's number stands in the evidence; when its
buttons can be pressed too and its selfie is there; when the queue beside it stands and the page rests. The
rival, in turns with it: the same page reloaded by hand, until the case that it names can be decided. The
bound is for the 95th percentile of the second moment.
"""

import statistics
import tempfile
from contextlib import closing
from pathlib import Path

from playwright.sync_api import Page
from sqlalchemy import text

from bench.bench_refunds import OPEN, seed, tidy
from bench.support.browser import chromium, fresh_page
from core.images.intake import take_in
from core.images.samples import samples
from core.images.thumbnails import thumbnail
from core.services import Services, open_services
from tests.browser.reviewing import Reviewer
from tests.support.servers.app import RunningApp, settings_of

ROUNDS, WARM_UP = 40, 2
BOUND_MS = 300
# Cases whose customers have a picture of their own: more than the reviewer will see.
PICTURED = 4 * (ROUNDS + WARM_UP)
MOMENTS = {
    "case": "the next case's evidence begins",
    "ready": "it can be decided, its selfie is there",
    "rest": "the queue stands too, the page rests",
}
# One watch at a time: from a key, or from the beginning of a page that was loaded anew.
WATCH = """
window.stamps = {};
function shown() {
    const text = document.querySelector('.st-key-refunds_evidence')?.innerText ?? '';
    return /^Case (\\d+)/m.exec(text)?.[1];
}
function selfie() {
    const image = document.querySelector('.st-key-refunds_evidence img');
    return image?.complete && image.naturalWidth > 0 ? image.currentSrc : undefined;
}
// Elements are used again for the next case: number and picture have come once they differ from the old ones.
function watch(begun, old, picture) {
    const stamps = window.stamps = {};
    const look = () => {
        const now = performance.now() - begun, number = shown();
        if (number && number !== old) {
            stamps.case ??= now;
            const button = document.querySelector(`[class*="st-key-refunds_approve_${number}_"] button`);
            const seen = selfie();
            if (button && !button.disabled && seen && seen !== picture) stamps.ready ??= now;
            const app = document.querySelector('[data-testid=stApp]');
            if (stamps.ready && app.dataset.testScriptState === 'notRunning') { stamps.rest = now; return; }
        }
        requestAnimationFrame(look);
    };
    look();
}
addEventListener('keydown', (event) => {
    if ('ad'.includes(event.key)) watch(event.timeStamp, shown(), selfie());
}, true);
watch(0);
"""

PICTURES = """
UPDATE selfie SET object_key = 'bench/' || selfie.id, thumbnail_key = 'bench/small/' || selfie.id
FROM (SELECT DISTINCT customer_id FROM (
    SELECT customer_id FROM compensation_case WHERE state = 'pending' ORDER BY due_at LIMIT :first
) first) seen WHERE selfie.customer_id = seen.customer_id RETURNING selfie.id
"""


def main() -> None:
    decided: list[dict[str, float]] = []
    reloaded: list[dict[str, float]] = []
    with (
        tempfile.TemporaryDirectory(prefix="inkdesk-") as folder,
        RunningApp(Path(folder) / "home", INKDESK_WORKER="external") as app,
        closing(open_services(settings_of(app.home))) as services,
        chromium() as browser,
        fresh_page(browser, WATCH) as page,
    ):
        furnish(services)
        reviewer = Reviewer(page, app.url)
        reviewer.sits_down("support")
        for number in range(ROUNDS + WARM_UP):
            stamped(page)
            reviewer.presses("ad"[number % 2])
            decided.append(stamped(page))
            page.reload()
            reloaded.append(stamped(page))
    tell(decided[WARM_UP:], reloaded[WARM_UP:])


def furnish(services: Services) -> None:
    """The cases, and a picture for each customer that the reviewer may meet."""
    seed(services.database)
    selfie = take_in(samples()[0][1]()).content
    small = thumbnail(selfie)
    with services.database.transaction() as session:
        for number in session.scalars(text(PICTURES), {"first": PICTURED}):
            # Equal bytes would have one address, and the browser would fetch them once for all cases.
            own = selfie + str(number).encode()
            services.objects.put(f"bench/{number}", own, "image/jpeg")
            services.objects.put(f"bench/small/{number}", small, "image/webp")
    tidy(services.database)


def stamped(page: Page) -> dict[str, float]:
    """The moments of what was watched, in milliseconds; a second later the reviewer is free again."""
    page.wait_for_function("window.stamps.rest")
    page.wait_for_timeout(1_000)
    stamps: dict[str, float] = page.evaluate("window.stamps")
    return stamps


def tell(decided: list[dict[str, float]], reloaded: list[dict[str, float]]) -> None:
    print(f"{OPEN:,} open cases, {len(decided)} decisions; milliseconds from the key to the screen")
    for name, words in MOMENTS.items():
        print(f"{words:<40} {spread([each[name] for each in decided])}")
    print(f"{'rival, a reload: it can be decided':<40} {spread([each['ready'] for each in reloaded])}")
    ours, rival = (statistics.median(each["ready"] for each in both) for both in (decided, reloaded))
    print(f"ratio of the medians {ours / rival:.2f}; bound {BOUND_MS}")


def spread(values: list[float]) -> str:
    return f"p50 {statistics.median(values):6.0f}  p95 {statistics.quantiles(values, n=20)[-1]:6.0f}"


if __name__ == "__main__":
    main()
