// Checks of @platformatic/kafka: records, groups and its admin client.

import { Admin, Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka'
import { bootstrap, check, fresh, main, numbers, refused, same, until } from './checks.mjs'

const base = { clientId: 'checks', bootstrapBrokers: [bootstrap], retries: 3 }
const admin = new Admin(base)

const topicKind = 2 // ConfigResource.Type.TOPIC

async function topic (partitions = 1, configs = {}) {
  const name = fresh('topic')
  await admin.createTopics({ topics: [name], partitions, replicas: 1, configs: Object.entries(configs).map(([name, value]) => ({ name, value })) })
  await until(async () => (await admin.listTopics()).includes(name), 'the topic is there')
  return name
}

async function produce (name, values, options = {}) {
  const p = new Producer({ ...base, serializers: stringSerializers, autocreateTopics: false, ...options })
  try {
    return await p.send({ messages: values.map(v => typeof v === 'string' ? { topic: name, value: v, partition: 0 } : { topic: name, ...v }), acks: -1 })
  } finally {
    await p.close()
  }
}

function consumer (group = fresh('group'), options = {}) {
  return new Consumer({ ...base, groupId: group, deserializers: stringDeserializers, sessionTimeout: 10000, heartbeatInterval: 500, rebalanceTimeout: 10000, ...options })
}

async function take (stream, count) {
  const got = []
  for await (const m of stream) {
    got.push(m)
    if (got.length === count) break
  }
  return got
}

async function read (name, count, options = {}) {
  const c = consumer(options.group)
  const stream = await c.consume({ topics: [name], mode: 'earliest', autocommit: false, maxWaitTime: 500, ...options })
  const got = await take(stream, count)
  await c.close(true)
  return got
}

for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
  check(`produce/codec-${codec}`, async () => {
    const name = await topic()
    const sent = numbers(500).map(n => n + ' ' + 'x'.repeat(200))
    await produce(name, sent, { compression: codec })
    same((await read(name, 500)).map(m => m.value), sent)
  })
}

check('produce/idempotent', async () => {
  const name = await topic()
  const got = await produce(name, numbers(50), { idempotent: true })
  same(got.offsets.map(o => o.offset), [0n])
})

check('produce/too-large', async () => {
  await refused(produce(await topic(1, { 'max.message.bytes': '1000' }), ['x'.repeat(5000)]), 'MESSAGE_TOO_LARGE')
})

check('produce/unknown-topic', async () => {
  await refused(produce(fresh('nobody'), ['x']), 'UNKNOWN_TOPIC_OR_PARTITION', 'Unknown topic')
})

check('produce/auto-create', async () => {
  const name = fresh('topic')
  await produce(name, ['x'], { autocreateTopics: true })
  same((await read(name, 1)).map(m => m.value), ['x'])
})

check('records/keys-headers-tombstones', async () => {
  const name = await topic()
  await produce(name, [
    { key: 'k', value: 'v', headers: new Map([['a', '1'], ['b', '']]), timestamp: 1600000000123n, partition: 0 },
    { key: 'k', value: undefined, partition: 0 }, { value: 'no key', partition: 0 }
  ])
  const got = await read(name, 3)
  same(got.map(m => [m.key ?? null, m.value ?? null]), [['k', 'v'], ['k', null], [null, 'no key']])
  same(got[0].timestamp, 1600000000123n)
  same([...got[0].headers], [['a', '1'], ['b', '']])
})

check('consume/from-offset', async () => {
  const name = await topic()
  await produce(name, numbers(100))
  const got = await read(name, 58, { mode: 'manual', offsets: [{ topic: name, partition: 0, offset: 42n }] })
  same(got[0].offset, 42n)
})

check('consume/latest', async () => {
  const name = await topic()
  await produce(name, numbers(5))
  const c = consumer()
  const stream = await c.consume({ topics: [name], mode: 'latest', autocommit: false, maxWaitTime: 200 })
  const reading = take(stream, 1)
  await until(() => stream.offsetsToFetch.size > 0, 'the stream knows where it starts')
  await produce(name, ['new'])
  same((await reading).map(m => m.value), ['new'])
  await c.close(true)
})

check('consume/offsets-and-times', async () => {
  const name = await topic()
  await produce(name, numbers(10).map((n, i) => ({ value: n, partition: 0, timestamp: BigInt(1600000000000 + i * 1000) })))
  const at = async timestamp => (await admin.listOffsets({ topics: [{ name, partitions: [{ partitionIndex: 0, timestamp }] }] }))[0].partitions[0].offset
  same([await at(-2n), await at(-1n), await at(1600000004500n), await at(-3n)], [0n, 10n, 5n, 9n])
})

check('group/commit-and-resume', async () => {
  const name = await topic()
  await produce(name, numbers(20))
  const group = fresh('group')
  const c = consumer(group)
  const stream = await c.consume({ topics: [name], mode: 'earliest', autocommit: false, maxWaitTime: 500 })
  const got = await take(stream, 8)
  await got[7].commit()
  await c.close(true)
  const next = await read(name, 1, { group, mode: 'committed' })
  same(next[0].offset, 8n)
})

check('group/lag', async () => {
  const name = await topic()
  await produce(name, numbers(20))
  const group = fresh('group')
  const c = consumer(group)
  const stream = await c.consume({ topics: [name], mode: 'earliest', autocommit: false, maxWaitTime: 500 })
  const got = await take(stream, 5)
  await got[4].commit()
  await c.close(true)
  const [{ topics: [t] }] = await admin.listConsumerGroupOffsets({ groups: [group] })
  same(t.partitions.map(p => [p.partitionIndex, p.committedOffset]), [[0, 5n]])
})

check('group/rebalance', async () => {
  const name = await topic(4)
  const group = fresh('group')
  const held = c => (c.assignments ?? []).flatMap(a => a.partitions).length
  const a = consumer(group)
  const streams = [await a.consume({ topics: [name], mode: 'earliest', autocommit: false, maxWaitTime: 200 })]
  streams[0].on('data', () => {})
  await until(() => held(a) === 4, 'the first has all')
  const b = consumer(group)
  streams.push(await b.consume({ topics: [name], mode: 'earliest', autocommit: false, maxWaitTime: 200 }))
  streams[1].on('data', () => {})
  await until(() => held(a) === 2 && held(b) === 2, 'both have two')
  await a.close(true)
  await until(() => held(b) === 4, 'the second has all', 40_000)
  await b.close(true)
})

check('group/static-member', async () => {
  const name = await topic(2)
  const group = fresh('group')
  const c = consumer(group, { groupInstanceId: 'one' })
  const stream = await c.consume({ topics: [name], mode: 'earliest', autocommit: false, maxWaitTime: 200 })
  stream.on('data', () => {})
  await until(async () => {
    const got = (await admin.describeGroups({ groups: [group] })).get(group)
    return got.state === 'Stable' && [...got.members.values()].every(m => m.groupInstanceId === 'one')
  }, 'the member has its instance id')
  await c.close(true)
})

check('admin/groups', async () => {
  const name = await topic()
  await produce(name, numbers(5))
  const group = fresh('group')
  const c = consumer(group)
  const stream = await c.consume({ topics: [name], mode: 'earliest', autocommit: false, maxWaitTime: 200 })
  stream.on('data', () => {})
  await until(async () => (await admin.describeGroups({ groups: [group] })).get(group).state === 'Stable', 'the group is stable')
  same((await admin.listGroups()).get(group).protocolType, 'consumer')
  await refused(admin.deleteGroups({ groups: [group] }), 'NON_EMPTY_GROUP')
  await c.close(true)
  await admin.alterConsumerGroupOffsets({ groupId: group, topics: [{ name, partitionOffsets: [{ partition: 0, offset: 3n }] }] })
  const [{ topics: [t] }] = await admin.listConsumerGroupOffsets({ groups: [group] })
  same(t.partitions[0].committedOffset, 3n)
  await admin.deleteConsumerGroupOffsets({ groupId: group, topics: [{ name, partitionIndexes: [0] }] })
  await admin.deleteGroups({ groups: [group] })
  await refused(admin.deleteGroups({ groups: [group] }), 'GROUP_ID_NOT_FOUND')
})

check('admin/find-coordinator', async () => {
  same((await admin.findCoordinator({ keyType: 0, keys: ['a', 'b'] })).map(c => [c.key, c.nodeId]), [['a', 1], ['b', 1]])
})

check('admin/topics', async () => {
  const name = await topic(3)
  const metadata = await admin.metadata({ topics: [name], forceUpdate: true })
  same(metadata.topics.get(name).partitions.map(p => p.leader), [1, 1, 1])
  await admin.createPartitions({ topics: [{ name, count: 5, assignments: [{ brokerIds: [1] }, { brokerIds: [1] }] }] })
  await until(async () => (await admin.metadata({ topics: [name], forceUpdate: true })).topics.get(name).partitionsCount === 5, 'five partitions')
  await refused(admin.createTopics({ topics: [name], partitions: 1, replicas: 1 }), 'TOPIC_ALREADY_EXISTS')
  await refused(admin.createTopics({ topics: ['a b'], partitions: 1, replicas: 1 }), 'INVALID_TOPIC_EXCEPTION')
  await refused(admin.createTopics({ topics: [fresh('t')], partitions: 1, replicas: 3 }), 'INVALID_REPLICATION_FACTOR')
  await admin.deleteTopics({ topics: [name] })
  await until(async () => !(await admin.listTopics()).includes(name), 'the topic is gone')
})

check('admin/configs', async () => {
  const name = await topic(1, { 'retention.ms': '12345' })
  const value = async key => {
    const [got] = await admin.describeConfigs({ resources: [{ resourceType: topicKind, resourceName: name }], includeSynonyms: true, includeDocumentation: true })
    const found = got.configs.find(c => c.name === key)
    return [found.value, found.synonyms.length > 0, Boolean(found.documentation)]
  }
  same(await value('retention.ms'), ['12345', true, true])
  await admin.incrementalAlterConfigs({ resources: [{ resourceType: topicKind, resourceName: name, configs: [{ name: 'retention.ms', configOperation: 0, value: '777' }] }] })
  await until(async () => (await value('retention.ms'))[0] === '777', 'the new value')
  await admin.alterConfigs({ resources: [{ resourceType: topicKind, resourceName: name, configs: [{ name: 'segment.ms', value: '888888' }] }] })
  await until(async () => (await value('segment.ms'))[0] === '888888', 'the new value, the old way')
})

check('admin/delete-records', async () => {
  const name = await topic()
  await produce(name, numbers(10))
  const [got] = await admin.deleteRecords({ topics: [{ name, partitions: [{ partition: 0, offset: 4n }] }] })
  same(got.partitions, [{ partition: 0, lowWatermark: 4n }])
})

check('admin/log-dirs', async () => {
  const name = await topic()
  await produce(name, numbers(10))
  const [got] = await admin.describeLogDirs({ topics: [{ name, partitions: [0] }] })
  same(got.results[0].topics.map(t => t.name), [name])
})

await main()
