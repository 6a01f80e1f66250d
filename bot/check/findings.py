"""What a check finds, as a value."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried."""

    subject: str  # what was tried: "Tenant dev", "Channel C0APPROVALS (approvals of dev-to-prod)"
    ok: bool
    what: str  # what was found, in a short sentence
    advice: str = ""  # what to do about it; empty when there is nothing to do
