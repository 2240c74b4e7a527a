"""自分の身元の結びつき。"""

from tsubame.business.auth.proofs import Proof, Proofs, existing, own_id
from tsubame.business.auth.provider_errors import LastWayInError
from tsubame.business.auth.provider_events import about_identity
from tsubame.business.auth.provider_ports import ProvidersTx
from tsubame.business.auth.providers import LinkedIdentity
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.errors import NotFoundError
from tsubame.business.shared.transactions import Transactions


class OwnIdentities:
    def __init__(self, transactions: Transactions[ProvidersTx], proofs: Proofs) -> None:
        self._transactions = transactions
        self._proofs = proofs

    async def mine(self, actor: Actor) -> list[LinkedIdentity]:
        async with self._transactions.begin() as tx:
            return await tx.identities.of(own_id(actor))

    async def unlink(self, actor: Actor, proof: Proof, identity_id: int) -> None:
        """Raises: InvalidInputError, CodesPausedError, NotFoundError, LastWayInError。"""
        await self._proofs.demand(actor, proof)
        async with self._transactions.begin() as tx:
            user = await existing(tx, own_id(actor))
            if await tx.users.password_hash_of(user.id) is None and len(await tx.identities.of(user.id)) == 1:
                raise LastWayInError
            removed = await tx.identities.remove(user.id, identity_id)
            if removed is None:
                raise NotFoundError("There is no such linked account.")
            await tx.audit.record(about_identity(actor, "unlinked", user, removed.issuer, removed.subject))
