"""The book of effects in memory, with the rules of the real one."""

from dataclasses import dataclass, field

from ipaas.policies.effects import IntendResult, Intent, Recorded


@dataclass
class MemoryLedger:
    books: dict[bytes, Recorded] = field(default_factory=dict)
    intents: list[Intent] = field(default_factory=list)
    lookups: int = 0

    async def lookup(self, effect_key: bytes) -> Recorded | None:
        self.lookups += 1
        return self.books.get(effect_key)

    async def intend(self, intent: Intent) -> IntendResult:
        self.intents.append(intent)
        known = self.books.get(intent.effect_key)
        if known is None or known.state == "failed" or (intent.takeover and known.state in ("open", "unknown")):
            self.books[intent.effect_key] = Recorded("open", request_hash=intent.request_hash)
            return IntendResult("fresh")
        if known.state == "done":
            return IntendResult("recorded", known)
        return IntendResult("unknown" if known.state == "unknown" else "open_other", known)

    def settle(self, key: bytes, state: str, data: object = None) -> None:
        """What the engine does with an outcome's ``effect_state``."""
        if state in ("done", "failed", "unknown"):
            self.books[key] = Recorded(state, data=data)  # type: ignore[arg-type]
