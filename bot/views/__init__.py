"""What people see: pure functions from data to Block Kit, each with the parse of a view beside its build.

Pure, so that every message and view can be checked against Slack's limits, and against hostile text, without Slack.
One rule keeps text from outside from ever being live: mrkdwn holds only our own words, ids, dates and mentions;
what people or Tines wrote goes into plain_text and rich_text, which Slack does not parse.
"""
