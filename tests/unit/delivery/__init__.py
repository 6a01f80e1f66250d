"""The deliverer and one Slack: what readers see when posts fail, answers get lost, and processes freeze."""
