"""What the bot can do on Tines: one module an operation, behind one protocol.

protocol     what an operation is                     create         creating a sync destination, or adding to one
outcomes     the values in which its work ends        add_stories, remove_stories   whole-set updates of one
registry     every operation by name                  sync           syncing stories again
schedule     what may pass, and when to look again    set_mode       automatic or manual
destination  what those on a destination share        rotate_key     another key, for one or for all of a tenant
matching     which destinations belong to a request   delete         deleting a sync destination
belonging    to which tenant a destination leads      following      statuses of stories, and what they add up to
keys         which key a destination has       edits          what an edit changed, in sentences
"""

from handlers.operations.protocol import Access, AnyOperation, Operation, Preview, Wrong

__all__ = ["Access", "AnyOperation", "Operation", "Preview", "Wrong"]
