"""外のログインで入る: ブラウザを提供者へ送り出し、戻ってきた人を確かめる。"""

import hmac
from dataclasses import dataclass

from tsubame.business.auth.entities import ClientInfo, SignedIn
from tsubame.business.auth.proofs import Proof, Proofs, own_id
from tsubame.business.auth.provider_arrivals import Arrivals
from tsubame.business.auth.provider_errors import (
    ProviderMisconfiguredError,
    ProviderNotFoundError,
    ProviderRefusedError,
    SsoEndedError,
)
from tsubame.business.auth.provider_ports import ProviderConnections, ProvidersTx
from tsubame.business.auth.providers import (
    FLOW_LIFETIME,
    Flow,
    FlowSecrets,
    Provider,
    ProviderAnswer,
    ProviderClient,
    SentOut,
    client_secret_place,
    new_cookie,
)
from tsubame.business.auth.second_factor import Challenge
from tsubame.business.auth.sessions import hash_of
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.ids import ProviderId, UserId
from tsubame.business.shared.secret import Secret
from tsubame.business.shared.transactions import Transactions
from tsubame.business.shared.vault import Vault, VaultError


@dataclass(frozen=True, slots=True)
class ProviderPorts:
    connections: ProviderConnections
    vault: Vault
    clock: Clock


class ProviderSignIn:
    def __init__(
        self,
        transactions: Transactions[ProvidersTx],
        ports: ProviderPorts,
        arrivals: Arrivals,
        proofs: Proofs,
    ) -> None:
        self._transactions = transactions
        self._connections = ports.connections
        self._vault = ports.vault
        self._clock = ports.clock
        self._arrivals = arrivals
        self._proofs = proofs

    async def send_out(self, provider_id: ProviderId, redirect_uri: str) -> SentOut:
        """提供者へ送り出す。Raises: ProviderNotFoundError, ProviderProblem の子。"""
        return await self._send_out(provider_id, redirect_uri, None)

    async def send_out_to_link(
        self, actor: Actor, proof: Proof, provider_id: ProviderId, redirect_uri: str
    ) -> SentOut:
        """自分の身元を結びつけるために送り出す。入り方が一つ増えるので、本人だと確かめる。

        Raises: InvalidInputError, CodesPausedError, ProviderNotFoundError, ProviderProblem の子。
        """
        await self._proofs.demand(actor, proof)
        return await self._send_out(provider_id, redirect_uri, own_id(actor))

    async def finish(
        self, cookie: str, answer: ProviderAnswer, client: ClientInfo
    ) -> SignedIn | Challenge | None:
        """戻ってきた人を確かめて入れる。身元を結びつけるためだったなら ``None``。

        Raises: SsoEndedError, ProviderProblem の子、SsoRefusedError の子、IdentityTakenError。
        """
        flow, secrets = await self._flow(cookie, answer.state)
        async with self._transactions.look() as tx:
            provider = await tx.providers.get(flow.provider_id)
        if not provider.settings.enabled:
            raise ProviderNotFoundError
        if answer.issuer is not None and answer.issuer != provider.settings.issuer:
            # 別の提供者の答えを混ぜられた(RFC 9207)
            raise ProviderMisconfiguredError("The answer came from another provider.")
        if answer.error is not None:
            error = answer.error[:100]
            raise ProviderRefusedError(f"The provider answered: {error}.", params={"error": error})
        person = await self._connections.person(self._client(provider), secrets, flow.redirect_uri, answer)
        if flow.user_id is not None:
            await self._arrivals.link(flow.user_id, person, client)
            return None
        return await self._arrivals.enter(provider, person, client)

    async def _send_out(self, provider_id: ProviderId, redirect_uri: str, user_id: UserId | None) -> SentOut:
        async with self._transactions.look() as tx:
            provider = await tx.providers.get(provider_id)
        if not provider.settings.enabled:
            raise ProviderNotFoundError
        cookie = new_cookie()
        secrets = FlowSecrets.derived_from(cookie)
        url = await self._connections.authorization_url(self._client(provider), secrets, redirect_uri)
        now = self._clock.now()
        async with self._transactions.begin() as tx:
            flow = Flow(hash_of(cookie), provider.id, user_id, redirect_uri, now + FLOW_LIFETIME)
            await tx.provider_flows.add(flow, now)
        return SentOut(url, cookie)

    async def _flow(self, cookie: str, state: str) -> tuple[Flow, FlowSecrets]:
        """Raises: SsoEndedError。"""
        if not cookie:
            raise SsoEndedError
        secrets = FlowSecrets.derived_from(cookie)
        # 別のタブで始めた分を、まちがった答えで終わらせないよう、合うものだけを使い切る
        if not hmac.compare_digest(secrets.state.encode(), state.encode("utf-8", "replace")):
            raise SsoEndedError
        async with self._transactions.begin() as tx:
            flow = await tx.provider_flows.take(hash_of(cookie), self._clock.now())
        if flow is None:
            raise SsoEndedError
        return flow, secrets

    def _client(self, provider: Provider) -> ProviderClient:
        settings = provider.settings
        secret = None
        if provider.sealed_secret is not None:
            try:
                plain = self._vault.open(provider.sealed_secret, client_secret_place(provider.id))
            except VaultError as exc:
                raise ProviderMisconfiguredError(
                    "The client secret cannot be read: the encryption key has changed. Enter it again."
                ) from exc
            secret = Secret(plain.decode())
        return ProviderClient(
            settings.issuer,
            settings.client_id,
            secret,
            settings.scopes,
            settings.username_claim,
            settings.group_claim,
        )
