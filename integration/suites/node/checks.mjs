// Runs a list of named checks against a broker and prints one line for each: CHECK verdict milliseconds name reason.

import { isDeepStrictEqual, inspect } from 'node:util'
import { randomBytes } from 'node:crypto'

export const bootstrap = process.argv[2] ?? '127.0.0.1:9092'

const patience = 60_000 // milliseconds that one check may take
const all = []

export const check = (name, run) => all.push({ name, run })
export const fresh = kind => `${kind}-${randomBytes(5).toString('hex')}` // a name that no other check uses
export const sleep = ms => new Promise(done => setTimeout(done, ms))
export const numbers = count => Array.from({ length: count }, (_, i) => String(i))

export function same (got, want, what = '') {
  if (!isDeepStrictEqual(got, want)) {
    throw new Error(`${what}: got ${inspect(got).slice(0, 400)}, want ${inspect(want).slice(0, 400)}`)
  }
}

// until asks again until the answer is true, and gives it.
export async function until (ask, what, ms = 20_000) {
  for (const end = Date.now() + ms; Date.now() < end; await sleep(100)) {
    const answer = await ask()
    if (answer) return answer
  }
  throw new Error(`not within ${ms} ms: ${what}`)
}

// refused wants the promise to fail with an error whose description holds one of the names.
export async function refused (promise, ...names) {
  let got
  try {
    got = await promise
  } catch (e) {
    const text = inspect(e, { depth: 8 })
    if (names.some(n => text.includes(n))) return
    throw new Error(`want ${names.join(' or ')}, got ${text.slice(0, 400)}`)
  }
  throw new Error(`want ${names.join(' or ')}, got an answer: ${inspect(got)}`)
}

function late (ms) {
  let timer
  const promise = new Promise((_, fail) => { timer = setTimeout(() => fail(new Error(`not done within ${ms} ms`)), ms) })
  return { promise, stop: () => clearTimeout(timer) }
}

export async function main () {
  const only = new RegExp(process.env.ONLY ?? '')
  for (const { name, run } of all.filter(c => only.test(c.name))) {
    const start = Date.now()
    const limit = late(patience)
    let verdict = 'pass'
    let why = ''
    try {
      await Promise.race([run(), limit.promise])
    } catch (e) {
      verdict = 'fail'
      why = String(e.message ?? e).replace(/\s+/g, ' ')
      console.error(e)
    }
    limit.stop()
    console.log('CHECK', verdict, Date.now() - start, name, why)
  }
  process.exit(0) // a client's sockets that linger must not keep the process
}

// Errors that a client throws at nobody are told, and end nothing.
process.on('unhandledRejection', e => console.error('unhandled:', e))
process.on('uncaughtException', e => console.error('uncaught:', e))
