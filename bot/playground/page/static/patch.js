/**
 * Brings drawn blocks up to date without touching those that did not change, so that what one types in a modal, an
 * open menu or the focus survives the app's updates.
 */

import { drawBlock } from "./blocks.js";

/** The place that has the focus inside `root`, to be found again after redrawing. */
export function focusedSpot(root) {
  const node = document.activeElement;
  if (!node || !root.contains(node)) return null;
  const block = node.closest("[data-block]")?.dataset.block;
  const range = typeof node.selectionStart === "number" ? [node.selectionStart, node.selectionEnd] : null;
  return { node, block, action: node.dataset.action, range };
}

/** Gives the focus back when redrawing took it away. Returns whether something has it. */
export function restoreFocus(root, spot) {
  if (!spot) return false;
  if (spot.node.isConnected) {
    if (document.activeElement !== spot.node) spot.node.focus();
    return true;
  }
  const block = [...root.querySelectorAll("[data-block]")].find((node) => node.dataset.block === spot.block);
  const again = block && ([...block.querySelectorAll("[data-action]")].find((node) => node.dataset.action === spot.action) ?? block.querySelector("button, input, textarea, a"));
  return again ? focusAgain(again, spot) : restoreByAction(root, spot);
}

/** An update may renew the ids of all blocks: the only element of the same action is the same one then. */
function restoreByAction(root, spot) {
  const same = spot.action ? [...root.querySelectorAll("[data-action]")].filter((node) => node.dataset.action === spot.action) : [];
  return same.length === 1 && focusAgain(same[0], spot);
}

function focusAgain(again, spot) {
  again.focus();
  if (spot.range && again.setSelectionRange) again.setSelectionRange(...spot.range);
  return true;
}

/** Makes `container` hold the nodes of `next`, in order, moving nothing that is in its place. Both are Maps to `{node}`. */
export function exchange(container, before, next) {
  for (const [key, { node }] of before) if (next.get(key)?.node !== node) node.remove();
  let at = container.firstChild;
  for (const { node } of next.values()) {
    if (node === at) at = at.nextSibling;
    else container.insertBefore(node, at);
  }
}

export class BlockList {
  /** @param {Element} container @param {Object} surface see elements.js */
  constructor(container, surface) {
    this.container = container;
    this.surface = surface;
    this.drawn = new Map();
  }

  /** Shows exactly these blocks. `errors` maps block ids to the words under their field. */
  show(blocks, errors = {}) {
    const spot = focusedSpot(this.container);
    const next = new Map();
    blocks.forEach((block, index) => {
      const key = block.block_id ?? `#${index}`;
      const sign = JSON.stringify([block, errors[block.block_id] ?? null]);
      const before = this.drawn.get(key);
      next.set(key, before?.sign === sign ? before : { sign, node: drawBlock(block, this.surface, errors[block.block_id], index) });
    });
    exchange(this.container, this.drawn, next);
    this.drawn = next;
    restoreFocus(this.container, spot);
  }
}
