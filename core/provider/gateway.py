"""The one door to Replicate: what the desk asks of it, as reports and errors of our own.

Prepared for the traps of the `replicate` 1.0.7 client: it supplies connection and authorisation, everything
else (limits, retries, JSON, redirects) is decided here and in the modules beside.
"""

import base64
import functools
import math
import re
import ssl
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Self

import httpx

from core.catalog.models import MODELS
from core.foundation.errors import InvalidInput, SetupError
from core.foundation.scrub import scrub
from core.foundation.transport import BoundedTransport
from core.provider.answers import misread, refused_here
from core.provider.api import OnLimits, ReplicateApi, RequestCounter
from core.provider.errors import Outcome, ProviderError
from core.provider.inputs import build_input
from core.provider.listing import Listing, list_since
from core.provider.outputs import OutputFetcher, OutputHosts
from core.provider.parsing import REMOTE_ID, Unreadable, parse_report
from core.provider.reports import ProviderReport, RenderRequest
from core.provider.webhooks import verify_webhook

if TYPE_CHECKING:
    from core.provider.sandbox_address import SandboxAddress
    from core.settings import Settings

# Replicate's OpenAPI document: data URLs for files up to 256 kB, as they are before encoding.
LARGEST_DATA_URI_FILE = 256_000  # bytes
LARGEST_UPLOAD = 100 * 1024 * 1024  # bytes; Replicate answers 413 above 100 MB
SHORTEST_CANCEL_AFTER = 5  # seconds (Replicate's OpenAPI document)
SANDBOX_OPENAI_KEY = "sk-sandbox"  # the sandbox asks for a key like the real model; it never gets a real one

_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9][A-Za-z0-9_.-]*")


class Gateway:
    """Replicate's API and its output hosts. Thread-safe; every call ends within its time limit.

    `timeout_seconds` bounds each API call as a whole, `transfer_seconds` each upload and each fetched output,
    redirects included. `on_limits` is told of every 429, with the seconds that the provider asked for.
    `output_transport` replaces the connection to the output hosts, address checks included.
    """

    def __init__(
        self,
        *,
        base_url: str,
        token: str,
        openai_api_key: str | None = None,
        output_hosts: tuple[str, ...] = ("replicate.delivery", "*.replicate.delivery"),
        timeout_seconds: float = 20,
        transfer_seconds: float = 60,
        on_limits: OnLimits | None = None,
        output_transport: httpx.BaseTransport | None = None,
    ) -> None:
        if not re.fullmatch(r"[\x21-\x7e]+", token):
            raise SetupError("REPLICATE_API_TOKEN is empty or holds a space or another unusual character")
        if not re.fullmatch(r"https?://[^/?#@]+/?", base_url):
            raise SetupError("REPLICATE_BASE_URL must be http(s)://host, without a path such as /v1")
        self._openai_api_key = openai_api_key
        self._secrets = tuple(secret for secret in (token, openai_api_key) if secret)
        self._transfer_seconds = transfer_seconds
        self._counter = RequestCounter()
        ssl_context = _certificates()
        self._api = ReplicateApi(
            base_url,
            token,
            timeout_seconds=timeout_seconds,
            ssl_context=ssl_context,
            secrets=self._secrets,
            counter=self._counter,
            on_limits=on_limits,
        )
        hosts = OutputHosts(tuple(host.lower() for host in output_hosts))
        self._output_transport = output_transport or BoundedTransport(
            ssl_context=ssl_context, may_connect=hosts.may_connect
        )
        self._outputs = OutputFetcher(
            hosts,
            self._output_transport,
            token=token,
            seconds=transfer_seconds,
            read_seconds=timeout_seconds,
            secrets=self._secrets,
            on_request=lambda: self._counter.add("output"),
        )

    @classmethod
    def from_settings(
        cls,
        settings: "Settings",
        *,
        sandbox: "SandboxAddress | None" = None,
        on_limits: OnLimits | None = None,
    ) -> Self:
        """The gateway that the settings describe, or one to the sandbox. Raises SetupError without either."""
        seconds = settings.provider_timeout_seconds
        if sandbox is not None:
            return cls(
                base_url=sandbox.api_url,
                token=sandbox.token,
                openai_api_key=SANDBOX_OPENAI_KEY,
                output_hosts=(sandbox.files_host,),
                timeout_seconds=seconds,
                transfer_seconds=settings.transfer_timeout_seconds,
                on_limits=on_limits,
            )
        if settings.replicate_api_token is None:
            raise SetupError("REPLICATE_API_TOKEN is missing, and no provider sandbox runs")
        key = settings.openai_api_key
        return cls(
            base_url=settings.replicate_base_url,
            token=settings.replicate_api_token.get_secret_value(),
            openai_api_key=key.get_secret_value() if key else None,
            output_hosts=settings.all_output_hosts,
            timeout_seconds=seconds,
            transfer_seconds=settings.transfer_timeout_seconds,
            on_limits=on_limits,
        )

    def __repr__(self) -> str:
        return f"<Gateway to {self._api.base_url}>"

    def close(self) -> None:
        """Give the connections back."""
        self._api.close()
        self._output_transport.close()

    @property
    def requests(self) -> dict[str, int]:
        """How many requests were sent so far, by operation: create, upload, list, get, cancel, output, ..."""
        return self._counter.snapshot()

    def create(self, request: RenderRequest) -> ProviderReport:
        """Ask for one image. Raises ProviderError; where its outcome is UNKNOWN, an image may be on its way.

        The selfie travels inside the request up to 256,000 bytes (before encoding), else it is uploaded
        first. A request that the model does not take fails here, as REFUSED with code `invalid_input`.
        """
        body: dict[str, object] = {"input": self._input(request)}
        if request.webhook_url:
            body |= {"webhook": request.webhook_url, "webhook_events_filter": ["completed"]}
        payload = self._api.ask(
            "create",
            "POST",
            f"/v1/models/{request.model}/predictions",
            body=body,
            headers={"Cancel-After": f"{_cancel_after(request.cancel_after)}s"},
        )
        return self._report(payload)

    def _input(self, request: RenderRequest) -> dict[str, object]:
        model = MODELS.get(request.model)
        if model is None:
            raise refused_here(f"{request.model} is not in the catalog")
        try:
            # Before the upload, so that nothing is uploaded for a request that is refused anyway.
            given = build_input(model, request, "", self._openai_api_key)
        except InvalidInput as exc:
            raise refused_here(str(exc)) from None
        except SetupError as exc:
            raise ProviderError(
                str(exc), where="replicate_http", outcome=Outcome.REFUSED, code="missing_key"
            ) from None
        return {**given, "input_images": [self._selfie_uri(request)]}

    def _selfie_uri(self, request: RenderRequest) -> str:
        if len(request.selfie) <= LARGEST_DATA_URI_FILE:
            encoded = base64.b64encode(request.selfie).decode("ascii")
            return f"data:{request.selfie_content_type};base64,{encoded}"
        ending = request.selfie_content_type.rpartition("/")[2] or "png"
        try:
            return self.upload(request.selfie, f"selfie.{ending}", request.selfie_content_type)
        except ProviderError as exc:
            if exc.outcome is Outcome.UNKNOWN:
                # Whatever became of the upload, nothing was asked to be drawn.
                exc.outcome = Outcome.UNSENT
            raise

    def list_since(self, created_after: datetime, *, max_pages: int = 10) -> Listing:
        """The predictions created after this moment of the provider's clock, newest first.

        The moment must be aware; at most `max_pages` pages of 100 are read.

        Raises ProviderError when nothing could be read. Links to further pages are followed only on the
        configured host, because the token goes with them.
        """
        return list_since(self._api, created_after, max_pages=max_pages, secrets=self._secrets)

    def get(self, remote_id: str) -> ProviderReport:
        """What the provider says about this prediction now. Raises ProviderError."""
        return self._report(self._api.ask("get", "GET", _prediction_path(remote_id)))

    def cancel(self, remote_id: str) -> ProviderReport:
        """Ask the provider to stop this prediction; one that is over comes back as it is.

        Raises ProviderError.
        """
        return self._report(self._api.ask("cancel", "POST", f"{_prediction_path(remote_id)}/cancel"))

    def upload(self, content: bytes, filename: str, content_type: str) -> str:
        """Store a file at the provider (for 24 hours) and return its address. Raises ProviderError."""
        if len(content) > LARGEST_UPLOAD:
            raise refused_here("the file is larger than the 100 MB that the provider takes")
        payload = self._api.ask(
            "upload",
            "POST",
            "/v1/files",
            files={"content": (filename, content, content_type)},
            seconds=self._transfer_seconds,
        )
        urls = payload.get("urls")
        address = urls.get("get") if isinstance(urls, dict) else None
        if not isinstance(address, str) or not address.startswith(("https://", "http://")):
            raise misread("the uploaded file has no address")
        return address

    def check_account(self) -> str:
        """The account's user name; the cheapest proof that the token is good. Raises ProviderError."""
        name = self._api.ask("account", "GET", "/v1/account").get("username")
        if not isinstance(name, str):
            raise misread("the account has no user name")
        return scrub(name, self._secrets)

    def check_model(self, slug: str) -> bool:
        """Whether the provider has this model. Raises ProviderError when it does not say."""
        if not _SLUG.fullmatch(slug):
            return False
        try:
            self._api.ask("model", "GET", f"/v1/models/{slug}")
        except ProviderError as exc:
            if exc.status == 404:
                return False
            raise
        return True

    def webhook_secret(self) -> str:
        """The key that the provider signs webhooks with: a secret. Raises ProviderError."""
        key = self._api.ask("webhook_secret", "GET", "/v1/webhooks/default/secret").get("key")
        if not isinstance(key, str) or not key:
            raise misread("there is no signing secret")
        return key

    def verify_webhook(
        self,
        headers: Mapping[str, str],
        body: bytes,
        secret: str,
        tolerance_seconds: float = 300,
        *,
        now: Callable[[], float] = time.time,
    ) -> dict[str, object]:
        """The prediction object of a genuine and fresh webhook. Raises WebhookRejected.

        `now` says the time by the provider's clock, in seconds since 1970.
        """
        return verify_webhook(headers, body, secret, tolerance_seconds, now=now)

    def parse_report(self, payload: object) -> ProviderReport:
        """A prediction object, such as a webhook's, as a report. Raises ProviderError without a usable id."""
        return self._report(payload)

    def fetch_output(self, uri: str) -> bytes:
        """The image at an address from a report.

        Raises ProviderError: `where` is output_fetch, `code` says why.
        """
        return self._outputs.fetch(uri)

    def _report(self, payload: object) -> ProviderReport:
        try:
            return parse_report(payload, self._secrets)
        except Unreadable as exc:
            raise misread(str(exc)) from None


@functools.cache
def _certificates() -> ssl.SSLContext:
    """The certificates that are trusted; reading them takes 16 ms, so once a process."""
    return httpx.create_ssl_context()


def _cancel_after(seconds: float) -> int:
    return max(SHORTEST_CANCEL_AFTER, math.ceil(seconds))


def _prediction_path(remote_id: str) -> str:
    if not REMOTE_ID.fullmatch(remote_id):
        raise refused_here("this is no id of a prediction")
    return f"/v1/predictions/{remote_id}"
