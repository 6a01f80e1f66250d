"""Every callback, action and block id that this app sends to Slack, in one place.

An id typed twice is an id that one day differs: a button without a listener, which people see as a click into
nothing. Messages stay clickable for years, so an id is never given a new meaning; it gets a new name.
"""

from typing import Final

# Views and shortcuts
SHORTCUT_FORM: Final = "tines_sync_form"  # the global shortcut's callback id, as in the manifests
VIEW_FORM: Final = "form"
VIEW_REVIEW: Final = "review"
VIEW_REJECT: Final = "reject"
VIEW_CANCEL: Final = "cancel"
VIEW_INFO: Final = "info"  # something to read, nothing to submit

# The form
BLOCK_ROUTE: Final = "route"
BLOCK_SOURCE_TEAM: Final = "source_team:"  # + route
BLOCK_STORIES: Final = "stories:"  # + route and team, so that a change of either clears the field
BLOCK_DESTINATION_TEAM: Final = "destination_team:"  # + route
BLOCK_EXISTING: Final = "existing"
BLOCK_FAULTS: Final = "faults"
BLOCK_MODE: Final = "mode"
BLOCK_REASON: Final = "reason"
BLOCK_EMERGENCY: Final = "emergency"
BLOCK_DESTINATION_STORIES: Final = "destination_stories:"  # + id of the sync destination
BLOCK_WHICH: Final = "which"
BLOCK_NEW_MODE: Final = "new_mode"
BLOCK_EVERYWHERE: Final = "everywhere"
BLOCK_COPIES: Final = "copies"
BLOCK_TEAM_NAME: Final = "team_name"
ACTION_ROUTE: Final = "form_route"
ACTION_SOURCE_TEAM: Final = "form_source_team"
ACTION_STORIES: Final = "form_stories"
ACTION_DESTINATION_TEAM: Final = "form_destination_team"
ACTION_MODE: Final = "form_mode"
ACTION_DESTINATION_STORIES: Final = "form_destination_stories"  # those that are in a sync destination
ACTION_WHICH: Final = "form_which"
ACTION_EVERYWHERE: Final = "form_everywhere"
ACTION_COPIES: Final = "form_copies"
ACTION_TEAM_NAME: Final = "form_team_name"
ACTION_REASON: Final = "form_reason"
ACTION_RUN_NOW: Final = "form_run_now"

# Approval, review, and what can be done with a request
BLOCK_COMMENT: Final = "comment"
ACTION_COMMENT: Final = "comment"
ACTION_REVIEW: Final = "review_open"
ACTION_REVIEW_REFRESH: Final = "review_refresh"
ACTION_SHOW_CHANGES: Final = "show_changes"  # + ":" and the story's id, so that the buttons of a row differ
ACTION_PICK_CHANGES: Final = "pick_changes"  # a select, where there would be too many buttons
ACTION_POST_DIFF: Final = "post_diff"
ACTION_REJECT: Final = "reject_open"
ACTION_WITHDRAW: Final = "withdraw"
ACTION_CANCEL: Final = "cancel_open"
ACTION_EDIT: Final = "edit_open"
ACTION_ASK_AGAIN: Final = "ask_again"

# The status list
ACTION_SHOW_ERROR: Final = "show_error"  # a button
ACTION_PICK_ERROR: Final = "pick_error"  # a select, where there would be too many buttons
ACTION_CHECK_AGAIN: Final = "check_again"
ACTION_CLOSE_UNCERTAIN: Final = "close_uncertain"

# Lists and the App Home
ACTION_STATUS: Final = "status_open"
ACTION_LIST_PREVIOUS: Final = "list_previous"
ACTION_LIST_NEXT: Final = "list_next"
ACTION_HISTORY_PREVIOUS: Final = "history_previous"
ACTION_HISTORY_NEXT: Final = "history_next"
ACTION_HISTORY_STEPS: Final = "history_steps"
ACTION_NEW_SYNC: Final = "new_sync"
ACTION_HOME_PAGE: Final = "home_page:"  # + part and direction
ACTION_HOME_UNFREEZE: Final = "home_unfreeze"

# Sync destinations
VIEW_DESTINATIONS: Final = "destinations"
VIEW_DESTINATION: Final = "destination"
BLOCK_SEARCH: Final = "destinations_search"
ACTION_SEARCH: Final = "destinations_search"
ACTION_DESTINATIONS: Final = "destinations_open"
ACTION_DESTINATIONS_PREVIOUS: Final = "destinations_previous"
ACTION_DESTINATIONS_NEXT: Final = "destinations_next"
ACTION_DESTINATION: Final = "destination_open"
ACTION_DESTINATION_REFRESH: Final = "destination_refresh"
VIEW_MUTE: Final = "mute"
BLOCK_MUTE_FOR: Final = "mute_for"
ACTION_MUTE_FOR: Final = "mute_for"
ACTION_MUTE: Final = "destination_mute"
ACTION_UNMUTE: Final = "destination_unmute"
ACTION_OPERATE: Final = "destination_operate:"  # + the operation, so that the buttons of a row differ

# Values of options
VALUE_TEAM: Final = "team:"  # + id
VALUE_STORY: Final = "story:"  # + id
VALUE_TAG: Final = "tag:"  # + the catalogue's key of the tag
VALUE_ALL: Final = "all"
VALUE_KEPT: Final = "kept"  # the stories of the request that is edited or asked for again, where they are too many
VALUE_MORE: Final = "more"  # a line to read in a list of options; not a choice
VALUE_FAILED: Final = "failed"  # the stories of a sync destination that failed
VALUE_CHOSEN: Final = "chosen"
VALUE_EVERYWHERE: Final = "everywhere"  # every sync destination of the tenant
VALUE_KEEP: Final = "keep"
VALUE_DELETE: Final = "delete"
