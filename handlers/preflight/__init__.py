"""What approvers should know before a sync: what the destination lacks for it, and what would change there.

exports   stories as they are exported: each version fetched once, kept small and without secrets
looking   what is looked up of the sources right before every send
report    what is compared for people: every story with its copy, and what else is known of it

The rules are in `handlers.comparison`, which is pure; the calls and the memory are here.
"""

from handlers.preflight.exports import Exported, Exports, Version
from handlers.preflight.looking import Preflight, SourceFacts, Sources, Subject, changed_sources, newly_missing
from handlers.preflight.report import Earlier, Report, ReportProgress, Sent, StoryReport, report, whole_text

__all__ = [
    "Earlier",
    "Exported",
    "Exports",
    "Preflight",
    "Report",
    "ReportProgress",
    "Sent",
    "SourceFacts",
    "Sources",
    "StoryReport",
    "Subject",
    "Version",
    "changed_sources",
    "newly_missing",
    "report",
    "whole_text",
]
