"""Watching sync destinations: what is known of each, what changed since the last look, and what is told of it.

known       what the rows hold, as values
comparison  what was known and one listing → what is known now (pure)
telling     what was known before and now → what is told, and where (pure)
round       the job: one listing of one source tenant, compared, written down and announced in one transaction
"""
