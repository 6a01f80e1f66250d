/** What happens when a person uses an element: the same for messages, modals and the Home tab. */

import { post } from "./api.js";

/**
 * Sends one interaction (block_actions).
 * @param {Object} where `{channel, ts}` or `{view_id}`
 * @param {Object} value `{value}`, `{selected_option}` or `{selected_options}`
 * @param {FormState} [form] of a view: what stands in the fields goes along, as Slack's `view.state`
 */
export function interact(me, where, blockId, element, value, form) {
  return post("click", {
    as: me, where, block_id: blockId, action_id: element.action_id, type: element.type, value, values: form?.untold() ?? {},
  });
}

/** Asks the app for options while a person types in a modal. Resolves to what Select wants. */
export async function ask(me, viewId, blockId, element, query, form) {
  const answer = await post("options", {
    as: me, view_id: viewId, block_id: blockId, action_id: element.action_id, query, values: form.untold(),
  });
  const groups = answer.option_groups.length ? answer.option_groups : [{ label: null, options: answer.options }];
  return { groups };
}
