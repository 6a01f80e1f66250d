"""`users.*`, `usergroups.*` and `auth.test`: who is who."""

from bot.playground.slack.api.args import Args
from bot.playground.slack.api.paging import next_cursor, page
from bot.playground.slack.core import Core
from bot.playground.slack.errors import refuse
from bot.playground.slack.shapes import Json


def auth_test(core: Core, args: Args) -> Json:
    """`auth.test`."""
    del args
    bot = core.workspace.user(core.app.bot_user_id)
    organisation = {"enterprise_id": core.workspace.enterprise_id} if core.workspace.enterprise_id else {}
    return {
        "ok": True,
        "url": f"https://{core.workspace.domain}.slack.com/",
        "team": core.workspace.name,
        "team_id": core.workspace.id,
        "user": bot.name if bot else core.app.name,
        "user_id": core.app.bot_user_id,
        "bot_id": core.app.bot_id,
        "is_enterprise_install": False,
        **organisation,
    }


def user_info(core: Core, args: Args) -> Json:
    """`users.info`."""
    user = core.known_user(args.required("user"))
    return {"ok": True, "user": user.wire(core.workspace.id, core.workspace.enterprise_id)}


def user_list(core: Core, args: Args) -> Json:
    """`users.list`."""
    everybody = [user.wire(core.workspace.id, core.workspace.enterprise_id) for user in core.workspace.users]
    part, cursor = page(everybody, args.text("cursor"), args.number("limit", 1000, 1000))
    return {"ok": True, "members": list(part), "cache_ts": int(core.clock())} | next_cursor(cursor)


def group_list(core: Core, args: Args) -> Json:
    """`usergroups.list`."""
    groups = [
        group.wire(core.workspace.id, with_users=args.flag("include_users"))
        for group in core.workspace.groups
        if args.flag("include_disabled") or not group.disabled
    ]
    return {"ok": True, "usergroups": groups}


def group_members(core: Core, args: Args) -> Json:
    """`usergroups.users.list`."""
    group = core.workspace.group(args.required("usergroup"))
    if group is None or (group.disabled and not args.flag("include_disabled")):
        refuse("no_such_subteam")
    return {"ok": True, "users": list(group.members)}
