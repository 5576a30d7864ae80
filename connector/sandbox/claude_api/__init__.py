"""An emulator of the Claude API: rejects, meters and answers like the real one, without a model."""

from connector.sandbox.claude_api.calls import Call, Totals, Usage
from connector.sandbox.claude_api.models import CATALOGUE, Model
from connector.sandbox.claude_api.rate_limits import RateLimits
from connector.sandbox.claude_api.sandbox import ClaudeSandbox
from connector.sandbox.claude_api.script import Scripted, failure, refusal, truncated, web_page

__all__ = [
    "CATALOGUE",
    "Call",
    "ClaudeSandbox",
    "Model",
    "RateLimits",
    "Scripted",
    "Totals",
    "Usage",
    "failure",
    "refusal",
    "truncated",
    "web_page",
]
