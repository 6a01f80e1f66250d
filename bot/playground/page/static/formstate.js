/**
 * What has been typed and chosen on a surface, in the shape of Slack's `state.values`. As in Slack, a value stays
 * when the app updates the view, as long as the block's and the element's ids stay; `initial_…` counts for new ones.
 */

const EMPTY = {
  plain_text_input: { value: null },
  static_select: { selected_option: null },
  external_select: { selected_option: null },
  radio_buttons: { selected_option: null },
  multi_static_select: { selected_options: [] },
  multi_external_select: { selected_options: [] },
  checkboxes: { selected_options: [] },
};

export class FormState {
  constructor() {
    this.values = {};
    this.blocks = [];
  }

  /** Takes in the blocks as they are now: forgets what is gone, starts what is new. */
  adopt(blocks) {
    const next = {};
    for (const block of blocks) {
      for (const element of elementsOf(block)) {
        if (!(element.type in EMPTY)) continue;
        next[block.block_id] ??= {};
        next[block.block_id][element.action_id] = this.kept(block.block_id, element) ?? initial(element);
      }
    }
    this.values = next;
    this.blocks = blocks;
  }

  /** The values of form fields that the app is not told of at each change: they travel with the next interaction. */
  untold() {
    const silent = this.blocks.filter((block) => block.type === "input" && !block.dispatch_action).map((block) => block.block_id);
    return Object.fromEntries(silent.filter((id) => id in this.values).map((id) => [id, this.values[id]]));
  }

  /** The value that an updated element can still hold: an option that is gone from its menu is no longer chosen. */
  kept(blockId, element) {
    const value = this.get(blockId, element.action_id, element.type);
    if (!value || element.type.endsWith("external_select") || element.type === "plain_text_input") return value;
    const offered = new Set((element.options ?? element.option_groups.flatMap((group) => group.options)).map((option) => option.value));
    const still = (option) => offered.has(option.value);
    if (value.selected_options) return { ...value, selected_options: value.selected_options.filter(still) };
    return value.selected_option && !still(value.selected_option) ? undefined : value;
  }

  /** The value of an element, or undefined when there is none of that type. */
  get(blockId, actionId, type) {
    const value = this.values[blockId]?.[actionId];
    return value?.type === type ? value : undefined;
  }

  set(blockId, actionId, value) {
    this.values[blockId] ??= {};
    this.values[blockId][actionId] = value;
  }
}

/** Every interactive element of a block. */
export function elementsOf(block) {
  if (block.type === "input") return [block.element];
  if (block.type === "actions") return block.elements;
  return block.accessory?.action_id ? [block.accessory] : [];
}

function initial(element) {
  const value = { type: element.type, ...EMPTY[element.type] };
  if (element.initial_value !== undefined) value.value = element.initial_value;
  if (element.initial_option !== undefined) value.selected_option = element.initial_option;
  if (element.initial_options !== undefined) value.selected_options = element.initial_options;
  return value;
}
