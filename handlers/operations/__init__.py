"""What the bot can do on Tines: one module an operation, behind one protocol.

protocol    what an operation is                  create       creating a sync destination, or adding to one
outcomes    the values in which its work ends     add_stories  the whole-set update that adds
registry    every operation by name               matching     which destinations belong to a request
schedule    how long things may take              following    statuses of stories, and what they add up to
transience  which errors of Tines may pass
"""

from handlers.operations.protocol import Access, AnyOperation, Operation, Preview, Wrong

__all__ = ["Access", "AnyOperation", "Operation", "Preview", "Wrong"]
