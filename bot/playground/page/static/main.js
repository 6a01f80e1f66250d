/** Starts the page. Everything else lives in `Page`. */

import { Page } from "./page.js";

const page = new Page();
page.start().catch((error) => page.fail(error));
