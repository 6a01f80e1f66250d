/** The emoji shortcodes that apps commonly write. An unknown one stays as it was typed, as in Slack. */

export const EMOJI = {
  "+1": "👍", "-1": "👎", thumbsup: "👍", thumbsdown: "👎", wave: "👋", eyes: "👀", tada: "🎉", pray: "🙏", clap: "👏",
  smile: "😄", slightly_smiling_face: "🙂", thinking_face: "🤔", sweat_smile: "😅", cry: "😢", heart: "❤️", fire: "🔥",
  white_check_mark: "✅", heavy_check_mark: "✔️", ballot_box_with_check: "☑️", x: "❌", negative_squared_cross_mark: "❎",
  no_entry: "⛔", no_entry_sign: "🚫", warning: "⚠️", rotating_light: "🚨", bangbang: "‼️", exclamation: "❗",
  heavy_exclamation_mark: "❗", question: "❓", grey_question: "❔", grey_exclamation: "❕", information_source: "ℹ️",
  hourglass: "⌛", hourglass_flowing_sand: "⏳", alarm_clock: "⏰", stopwatch: "⏱️", timer_clock: "⏲️", clock3: "🕒",
  arrows_counterclockwise: "🔄", arrows_clockwise: "🔃", repeat: "🔁", recycle: "♻️", rewind: "⏪", fast_forward: "⏩",
  arrow_right: "➡️", arrow_left: "⬅️", arrow_up: "⬆️", arrow_down: "⬇️", leftwards_arrow_with_hook: "↩️",
  red_circle: "🔴", large_blue_circle: "🔵", large_green_circle: "🟢", large_yellow_circle: "🟡", large_orange_circle: "🟠",
  white_circle: "⚪", black_circle: "⚫", lock: "🔒", unlock: "🔓", key: "🔑", old_key: "🗝️", shield: "🛡️", closed_lock_with_key: "🔐",
  memo: "📝", pencil: "📝", pencil2: "✏️", clipboard: "📋", page_facing_up: "📄", scroll: "📜", books: "📚", book: "📖",
  bookmark: "🔖", label: "🏷️", package: "📦", link: "🔗", paperclip: "📎", mag: "🔍", mag_right: "🔎", bulb: "💡",
  gear: "⚙️", wrench: "🔧", hammer_and_wrench: "🛠️", hammer: "🔨", construction: "🚧", rocket: "🚀", zap: "⚡", bell: "🔔",
  no_bell: "🔕", mega: "📣", loudspeaker: "📢", speech_balloon: "💬", envelope: "✉️", incoming_envelope: "📨", calendar: "📆",
  date: "📅", chart_with_upwards_trend: "📈", bar_chart: "📊", robot_face: "🤖", ghost: "👻", bug: "🐛", snowflake: "❄️",
  ice_cube: "🧊", sun: "☀️", sunny: "☀️", cloud: "☁️", star: "⭐", star2: "🌟", sparkles: "✨", boom: "💥", bust_in_silhouette: "👤",
  busts_in_silhouette: "👥", detective: "🕵️", raised_hand: "✋", ok_hand: "👌", muscle: "💪", point_right: "👉", point_down: "👇",
  wastebasket: "🗑️", put_litter_in_its_place: "🚮", trash: "🗑️", stop_sign: "🛑", octagonal_sign: "🛑", vertical_traffic_light: "🚦",
  checkered_flag: "🏁", triangular_flag_on_post: "🚩", pushpin: "📌", round_pushpin: "📍", house: "🏠", office: "🏢",
  inbox_tray: "📥", outbox_tray: "📤", file_folder: "📁", open_file_folder: "📂", electric_plug: "🔌", satellite: "🛰️", globe_with_meridians: "🌐",
  small_blue_diamond: "🔹", small_orange_diamond: "🔸", twisted_rightwards_arrows: "🔀", double_vertical_bar: "⏸️", pause_button: "⏸️",
  arrow_forward: "▶️", black_square_for_stop: "⏹️", heavy_plus_sign: "➕", heavy_minus_sign: "➖",
};

/** The character for a shortcode without its colons, or null. */
export function emojiFor(name) {
  return Object.hasOwn(EMOJI, name) ? EMOJI[name] : null;
}

/** Plain text with its shortcodes drawn (plain_text objects with `emoji`, the default). */
export function drawEmoji(text) {
  return text.replace(/:([a-z0-9_+-]+):/g, (whole, name) => emojiFor(name) ?? whole);
}
