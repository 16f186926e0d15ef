// What promptfoo asks for one avatar: post, poll, fetch, keep. Pictures are kept as files; what is handed to
// promptfoo, and held in its cache, is a path. A prediction that is no longer wanted is canceled.
import { createHash } from 'node:crypto';
import { createWriteStream, existsSync } from 'node:fs';
import { readFile, rename, unlink } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const API = process.env.REPLICATE_BASE_URL;
const HEADERS = { authorization: `Bearer ${process.env.REPLICATE_API_TOKEN}`, 'content-type': 'application/json' };
const FOLDER = process.env.RACE_PICTURES;
const BY_FILE = process.env.RACE_KNOWN_BY === 'file';
// Eight looks at once every 0.2 s are 40 a second; Replicate allows 50.
const LOOK_MS = 200;
const LIMIT_MS = 300_000;
const ENDED = ['succeeded', 'failed', 'canceled', 'aborted'];

export default class Replicate {
  id() {
    return 'replicate';
  }

  async callApi(prompt, context, options) {
    const { quality, selfie: photo } = context.vars;
    const input = { prompt, quality, aspect_ratio: '1:1', output_format: 'png' };
    const selfie = await readFile(photo);
    const request = createHash('sha256').update(JSON.stringify(input)).update(selfie).digest('hex');
    const file = path.join(FOLDER, `${request}-${context.repeatIndex ?? 0}.png`);
    if (await this.owned(context, request, file)) {
      return { output: file, cached: true, cost: 0 };
    }
    const uri = `data:image/jpeg;base64,${selfie.toString('base64')}`;
    const drawn = await draw({ ...input, input_images: [uri], openai_api_key: 'sk-bench' }, options?.abortSignal);
    if (drawn.status !== 'succeeded') {
      return { error: drawn.error ?? `It ended as ${drawn.status}.` };
    }
    await keep(drawn.output[0], file);
    if (!BY_FILE) {
      await context.getCache().set(request, file);
    }
    return { output: file };
  }

  // Two ways to know a picture that was bought before: promptfoo's cache, or that its file is there.
  async owned(context, request, file) {
    if (BY_FILE) {
      return existsSync(file);
    }
    const known = await context.getCache().get(request);
    return Boolean(known) && existsSync(known);
  }
}

async function draw(input, signal) {
  let found = await ask('POST', `/v1/models/${process.env.RACE_MODEL}/predictions`, { input });
  const late = Date.now() + LIMIT_MS;
  while (!ENDED.includes(found.status)) {
    if (signal?.aborted || Date.now() > late) {
      return ask('POST', `/v1/predictions/${found.id}/cancel`);
    }
    await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
    found = await ask('GET', `/v1/predictions/${found.id}`);
  }
  return found;
}

async function ask(method, where, body) {
  const answer = await fetch(API + where, { method, headers: HEADERS, body: body && JSON.stringify(body) });
  if (!answer.ok) {
    throw new Error(`${method} ${where} answered ${answer.status}: ${await answer.text()}`);
  }
  return answer.json();
}

async function keep(url, file) {
  const answer = await fetch(url);
  if (!answer.ok) {
    throw new Error(`The picture's address answered ${answer.status}.`);
  }
  const part = `${file}.part`;
  try {
    await pipeline(Readable.fromWeb(answer.body), createWriteStream(part));
    await rename(part, file);
  } catch (error) {
    await unlink(part).catch(() => {});
    throw error;
  }
}
