"""The stories of the example tenant, as a security team would have written them."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Sketch:
    """A story of the example tenant."""

    team: str
    name: str
    tags: tuple[str, ...] = ()
    credentials: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    sub_stories: tuple[str, ...] = ()  # slugs
    change_control: bool = True
    disabled: bool = False
    priority: bool = False


DEV_STORIES: Final = (
    Sketch("SecOps", "High-Priority Alerts", ("alerts", "tier-1"), ("slack_bot", "pagerduty"), priority=True),
    Sketch("SecOps", "Change Control Requests", ("change-control",), ("slack_bot", "jira")),
    Sketch(
        "SecOps",
        "Phishing triage: reported e-mail",
        ("phishing", "tier-1"),
        ("google_workspace",),
        sub_stories=("enrich_indicators_with_virustotal",),
        priority=True,
    ),
    Sketch("SecOps", "Enrich indicators with VirusTotal", ("enrichment", "tier-1"), ("virustotal",)),
    Sketch("SecOps", "Isolate host with CrowdStrike", ("containment", "edr"), ("crowdstrike",), priority=True),
    Sketch("SecOps", "Release host from isolation", ("containment", "edr"), ("crowdstrike",)),
    Sketch("SecOps", "Block & report malicious domain", ("containment", "dns"), ("cloudflare",), ("blocked_domains",)),
    Sketch("SecOps", "Impossible travel: ask the user", ("identity", "alerts"), ("okta", "slack_bot")),
    Sketch("SecOps", "Daily open-incident digest 📋", ("reporting",), ("jira", "slack_bot")),
    Sketch("SecOps", "Page on-call for <SEV-1>", ("alerts", "on-call"), ("pagerduty",), priority=True),
    Sketch("SecOps", "Close duplicates in Jira", ("jira", "hygiene"), ("jira",)),
    Sketch("SecOps", "<!channel> broadcast helper", ("comms",), ("slack_bot",)),
    Sketch("SecOps", "DLP: public link found in Google Drive", ("dlp",), ("google_workspace", "slack_bot")),
    Sketch("SecOps", "Lost or stolen laptop", ("containment", "it"), ("jamf", "okta")),
    Sketch("SecOps", "Suspicious inbox rule", ("phishing", "m365"), ("microsoft_graph",)),
    Sketch("SecOps", "Shift handover notes", ("reporting", "on-call"), ("slack_bot",)),
    Sketch("SecOps", "Old phishing triage (do not use)", ("phishing",), disabled=True),
    Sketch("SecOps", "Scratch: retry experiments", change_control=False),
    Sketch("Detection Engineering", "Deploy Sigma rules to Splunk", ("detections", "ci"), ("splunk", "github")),
    Sketch("Detection Engineering", "Detection unit tests", ("detections", "ci"), ("github",)),
    Sketch(
        "Detection Engineering", "Rule tuning: noisy detections of the week", ("detections", "reporting"), ("splunk",)
    ),
    Sketch(
        "Detection Engineering", "Alert on disabled log sources", ("detections", "logging"), ("splunk", "slack_bot")
    ),
    Sketch("Detection Engineering", "GuardDuty findings → cases", ("aws", "alerts"), ("aws_security",)),
    Sketch("Detection Engineering", "CloudTrail: root login", ("aws", "alerts"), ("aws_security",), priority=True),
    Sketch("Detection Engineering", "Kubernetes audit anomalies", ("kubernetes", "alerts"), ("gcp_logging",)),
    Sketch("Detection Engineering", "Okta: MFA fatigue", ("identity", "alerts"), ("okta",)),
    Sketch("Detection Engineering", "DNS tunnelling scorer", ("dns", "enrichment")),
    Sketch("Detection Engineering", "Honeytoken tripped 🍯", ("deception", "alerts"), ("aws_security", "pagerduty")),
    Sketch("Detection Engineering", "Backtest a detection", ("detections",), ("splunk",), change_control=False),
    Sketch("Threat Intelligence", "Ingest MISP feeds", ("intel", "feeds"), ("misp",)),
    Sketch("Threat Intelligence", "Expire stale indicators", ("intel", "hygiene"), ("misp",)),
    Sketch("Threat Intelligence", "Watch for leaked credentials", ("intel", "identity"), ("flare",)),
    Sketch("Threat Intelligence", "Typosquatted domains", ("intel", "dns"), ("urlscan",)),
    Sketch("Threat Intelligence", "Take-down requests", ("intel",), ("urlscan", "google_workspace")),
    Sketch("Threat Intelligence", "CISA KEV → vulnerable assets", ("intel", "vulnerabilities"), ("tenable",)),
    Sketch("Threat Intelligence", "Weekly threat briefing ☕", ("intel", "reporting"), ("slack_bot",)),
    Sketch("Threat Intelligence", "Ransomware leak-site monitor", ("intel", "feeds"), ("flare",)),
    Sketch("Identity", "Joiner: create accounts", ("lifecycle", "it"), ("okta", "google_workspace"), priority=True),
    Sketch("Identity", "Mover: change of groups", ("lifecycle",), ("okta",)),
    Sketch("Identity", "Leaver: deprovision everything", ("lifecycle", "it"), ("okta", "github"), priority=True),
    Sketch("Identity", "Just-in-time admin access", ("access",), ("okta", "slack_bot")),
    Sketch("Identity", "Quarterly access review", ("access", "audit"), ("okta", "jira")),
    Sketch("Identity", "Dormant accounts report", ("hygiene", "audit"), ("okta",)),
    Sketch("Identity", "Reset MFA after verification", ("access", "helpdesk"), ("okta", "slack_bot")),
    Sketch("Identity", "Break-glass account used", ("alerts", "access"), ("pagerduty",), priority=True),
    Sketch("Identity", "Rotate service-account keys", ("secrets", "aws"), ("aws_security",)),
    Sketch("Identity", "Prénom & Nom: naïve matching test", ("lifecycle",), change_control=False),
    Sketch("IT Automation", "Self-service: request software", ("helpdesk", "it"), ("jira", "jamf")),
    Sketch("IT Automation", "Laptop compliance nudges", ("it", "hygiene"), ("jamf", "slack_bot")),
    Sketch("IT Automation", "Renew TLS certificates", ("it", "certificates"), ("cloudflare",)),
    Sketch("IT Automation", "Offboard contractor devices", ("it", "lifecycle"), ("jamf",)),
    Sketch("IT Automation", "Patch Tuesday tracker", ("it", "vulnerabilities"), ("tenable", "jira")),
    Sketch("IT Automation", "Unused SaaS licences", ("it", "reporting"), ("google_workspace",)),
    Sketch("IT Automation", "Backup verification", ("it", "audit"), ("aws_security",)),
    Sketch("IT Automation", "Sync asset inventory to CMDB", ("it", "assets"), ("jamf", "tenable")),
    Sketch("IT Automation", "Helpdesk ticket router 🎫", ("helpdesk",), ("jira",)),
    Sketch("IT Automation", "Legacy VPN clean-up", ("it",), disabled=True, change_control=False),
    Sketch("Sandbox", "My first story", change_control=False),
    Sketch("Sandbox", "Copy of High-Priority Alerts", ("alerts",), change_control=False),
    Sketch("Sandbox", "Very long name " + "that goes on and on " * 6, ("experiments",)),
    Sketch("Sandbox", "`code` *bold* _it_ ~st~ <https://example.com|link>", ("experiments",)),
    Sketch("Sandbox", "سجل التنبيهات", ("experiments",)),
)

MANY_VERBS: Final = (
    "Enrich",
    "Triage",
    "Escalate",
    "Block",
    "Quarantine",
    "Report",
    "Rotate",
    "Review",
    "Notify",
    "Correlate",
    "Archive",
    "Deduplicate",
    "Investigate",
    "Revoke",
    "Verify",
)
MANY_SUBJECTS: Final = (
    "phishing e-mails",
    "GuardDuty findings",
    "Okta sessions",
    "expired certificates",
    "suspicious sign-ins",
    "CrowdStrike detections",
    "S3 bucket policies",
    "service accounts",
    "DNS requests",
    "Jira tickets",
    "vulnerable hosts",
    "leaked credentials",
    "firewall changes",
    "endpoint alerts",
    "access reviews",
    "VPN connections",
)
MANY_TAGS: Final = (
    "alerts",
    "aws",
    "dns",
    "edr",
    "hygiene",
    "identity",
    "intel",
    "it",
    "on-call",
    "phishing",
    "reporting",
    "tier-1",
)
