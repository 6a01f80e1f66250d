// The yardstick in JavaScript: the app of Bolt's own documentation, acknowledging a command, or opening a view as well.
const { App, LogLevel } = require('@slack/bolt');
const view = JSON.parse(require('fs').readFileSync(process.env.BENCH_VIEW, 'utf8'));
const app = new App({
  token: process.env.SLACK_BOT_TOKEN,
  signingSecret: process.env.SLACK_SIGNING_SECRET,
  clientOptions: { slackApiUrl: process.env.SLACK_API_URL },
  logLevel: LogLevel.ERROR,
});
app.command('/bare', async ({ ack }) => { await ack(); });
app.command('/view', async ({ ack, body, client }) => {
  await ack();
  await client.views.open({ trigger_id: body.trigger_id, view });
});
app.start(Number(process.env.PORT)).then(() => console.log('ready'));
