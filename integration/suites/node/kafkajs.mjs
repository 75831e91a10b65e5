// Checks of kafkajs: records, groups and its admin client. lz4 and zstd need packages with native code, which it does not bring.

import kafkajs from 'kafkajs'
import snappy from 'kafkajs-snappy'
import { bootstrap, check, fresh, main, numbers, refused, same, until } from './checks.mjs'

const { Kafka, CompressionTypes, CompressionCodecs, ConfigResourceTypes, PartitionAssigners, logLevel } = kafkajs
CompressionCodecs[CompressionTypes.Snappy] = snappy

const client = new Kafka({ clientId: 'checks', brokers: [bootstrap], logLevel: logLevel.ERROR, retry: { retries: 8, initialRetryTime: 100 } })
const admin = client.admin()

async function topic (partitions = 1, configs = {}) {
  const name = fresh('topic')
  const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }))
  await admin.createTopics({ topics: [{ topic: name, numPartitions: partitions, replicationFactor: 1, configEntries }], waitForLeaders: true })
  return name
}

async function produce (name, messages, options = {}, settings = {}) {
  const p = client.producer({ allowAutoTopicCreation: false, ...settings })
  await p.connect()
  try {
    return await p.send({ topic: name, acks: -1, messages: messages.map(m => typeof m === 'string' ? { value: m, partition: 0 } : m), ...options })
  } finally {
    await p.disconnect()
  }
}

// reader runs a consumer that collects what it gets.
async function reader (name, group = fresh('group'), { settings = {}, subscription = {}, run = {} } = {}) {
  const c = client.consumer({ groupId: group, sessionTimeout: 10000, heartbeatInterval: 500, rebalanceTimeout: 10000, maxWaitTimeInMs: 300, ...settings })
  const got = []
  const held = []
  c.on(c.events.GROUP_JOIN, e => { held.splice(0, held.length, ...Object.values(e.payload.memberAssignment).flat()) })
  await c.connect()
  await c.subscribe({ topics: [name], fromBeginning: true, ...subscription })
  await c.run({ eachMessage: async m => { got.push(m) }, ...run })
  return { c, got, held, group, stop: () => c.disconnect() }
}

async function read (name, count, group, more) {
  const r = await reader(name, group, more)
  await until(() => r.got.length >= count, `${count} records (${r.got.length} are there)`)
  await r.stop()
  return r.got
}

const values = got => got.map(m => m.message.value?.toString() ?? null)

for (const [codec, compression] of Object.entries({ none: CompressionTypes.None, gzip: CompressionTypes.GZIP, snappy: CompressionTypes.Snappy })) {
  check(`produce/codec-${codec}`, async () => {
    const name = await topic()
    const sent = numbers(500).map(n => n + ' ' + 'x'.repeat(200))
    await produce(name, sent, { compression })
    same(values(await read(name, 500)), sent)
  })
}

check('produce/idempotent', async () => {
  const name = await topic()
  await produce(name, numbers(50), {}, { idempotent: true, maxInFlightRequests: 1 })
  same(values(await read(name, 50)), numbers(50))
})

check('produce/acks-0', async () => {
  const name = await topic()
  await produce(name, numbers(5), { acks: 0 })
  same(values(await read(name, 5)), numbers(5))
})

check('produce/too-large', async () => {
  const name = await topic(1, { 'max.message.bytes': '1000' })
  await refused(produce(name, ['x'.repeat(5000)]), 'MESSAGE_TOO_LARGE')
})

check('produce/unknown-topic', async () => {
  await refused(produce(fresh('nobody'), ['x'], {}, { retry: { retries: 1 } }), 'UNKNOWN_TOPIC_OR_PARTITION')
})

check('produce/auto-create', async () => {
  const name = fresh('topic')
  await produce(name, ['x'], {}, { allowAutoTopicCreation: true })
  same(values(await read(name, 1)), ['x'])
})

check('records/keys-headers-tombstones', async () => {
  const name = await topic()
  const headers = { a: '1', many: ['1', '2'] }
  await produce(name, [
    { key: 'k', value: 'v', headers, timestamp: '1600000000123', partition: 0 }, { key: 'k', value: null, partition: 0 }, { value: 'no key', partition: 0 }
  ])
  const got = await read(name, 3)
  same(got.map(m => [m.message.key?.toString() ?? null, m.message.value?.toString() ?? null]), [['k', 'v'], ['k', null], [null, 'no key']])
  same(got[0].message.timestamp, '1600000000123')
  same([got[0].message.headers.a.toString(), got[0].message.headers.many.map(String)], ['1', ['1', '2']])
})

check('consume/seek', async () => {
  const name = await topic()
  await produce(name, numbers(100))
  const r = await reader(name)
  await until(() => r.got.length === 100, '100 records')
  r.got.length = 0
  r.c.seek({ topic: name, partition: 0, offset: '42' })
  await until(() => r.got.length === 58, '58 records from 42 on')
  same(r.got[0].message.offset, '42')
  await r.stop()
})

check('consume/pause-and-resume', async () => {
  const name = await topic()
  const r = await reader(name)
  r.c.pause([{ topic: name }])
  await produce(name, numbers(5))
  r.c.resume([{ topic: name }])
  await until(() => r.got.length === 5, 'five records')
  await r.stop()
})

check('consume/each-batch', async () => {
  const name = await topic()
  await produce(name, numbers(100))
  const got = []
  const r = await reader(name, undefined, { run: { eachMessage: undefined, eachBatch: async ({ batch }) => { got.push(...batch.messages) } } })
  await until(() => got.length === 100, '100 records in batches')
  await r.stop()
})

check('group/commit-and-resume', async () => {
  const name = await topic()
  await produce(name, numbers(20))
  const r = await reader(name, undefined, { run: { autoCommit: false } })
  await until(() => r.got.length === 20, '20 records')
  await r.c.commitOffsets([{ topic: name, partition: 0, offset: '8', metadata: 'half' }])
  await r.stop()
  const [{ partitions }] = await admin.fetchOffsets({ groupId: r.group, topics: [name] })
  same(partitions.map(p => [p.partition, p.offset, p.metadata]), [[0, '8', 'half']])
  same((await read(name, 12, r.group))[0].message.offset, '8')
})

check('group/auto-commit', async () => {
  const name = await topic()
  await produce(name, numbers(20))
  const group = fresh('group')
  await read(name, 20, group)
  const [{ partitions }] = await admin.fetchOffsets({ groupId: group, topics: [name] })
  same(partitions[0].offset, '20')
})

check('group/unknown-group-has-no-offsets', async () => {
  const name = await topic()
  const [{ partitions }] = await admin.fetchOffsets({ groupId: fresh('group'), topics: [name] })
  same(partitions[0].offset, '-1')
})

check('group/rebalance-roundrobin', async () => {
  const name = await topic(4)
  const settings = { partitionAssigners: [PartitionAssigners.roundRobin] }
  const a = await reader(name, undefined, { settings })
  await until(() => a.held.length === 4, 'the first has all')
  const b = await reader(name, a.group, { settings })
  await until(() => a.held.length === 2 && b.held.length === 2, 'both have two')
  await a.stop()
  await until(() => b.held.length === 4, 'the second has all', 40_000)
  await b.stop()
})

check('group/pattern-subscription', async () => {
  const prefix = fresh('re')
  await admin.createTopics({ topics: numbers(3).map(n => ({ topic: `${prefix}-${n}`, numPartitions: 1 })), waitForLeaders: true })
  const c = client.consumer({ groupId: fresh('group') })
  let seen = {}
  c.on(c.events.GROUP_JOIN, e => { seen = e.payload.memberAssignment })
  await c.connect()
  await c.subscribe({ topic: new RegExp(`^${prefix}-.*`), fromBeginning: true })
  await c.run({ eachMessage: async () => {} })
  await until(() => Object.keys(seen).length === 3, 'three topics')
  await c.disconnect()
})

check('admin/cluster', async () => {
  const got = await admin.describeCluster()
  same([got.brokers.map(b => b.nodeId), got.controller], [[1], 1])
})

check('admin/topics', async () => {
  const name = await topic(3)
  const { topics: [got] } = await admin.fetchTopicMetadata({ topics: [name] })
  same(got.partitions.map(p => [p.partitionId, p.leader]).sort(), [[0, 1], [1, 1], [2, 1]])
  await admin.createPartitions({ topicPartitions: [{ topic: name, count: 5 }] })
  await until(async () => (await admin.fetchTopicMetadata({ topics: [name] })).topics[0].partitions.length === 5, 'five partitions')
  same(await admin.createTopics({ topics: [{ topic: name }] }), false, 'it is there already')
  await admin.deleteTopics({ topics: [name] })
  await until(async () => !(await admin.listTopics()).includes(name), 'the topic is gone')
})

check('admin/create-topic-errors', async () => {
  const create = t => admin.createTopics({ topics: [{ numPartitions: 1, replicationFactor: 1, ...t }] })
  await refused(create({ topic: 'a b' }), 'INVALID_TOPIC_EXCEPTION')
  await refused(create({ topic: fresh('t'), replicationFactor: 3 }), 'INVALID_REPLICATION_FACTOR')
  await refused(create({ topic: fresh('t'), configEntries: [{ name: 'no.such', value: '1' }] }), 'INVALID_CONFIG')
})

check('admin/configs', async () => {
  const name = await topic(1, { 'retention.ms': '12345' })
  const value = async key => {
    const { resources: [r] } = await admin.describeConfigs({ resources: [{ type: ConfigResourceTypes.TOPIC, name }], includeSynonyms: true })
    return r.configEntries.find(e => e.configName === key).configValue
  }
  same(await value('retention.ms'), '12345')
  await admin.alterConfigs({ resources: [{ type: ConfigResourceTypes.TOPIC, name, configEntries: [{ name: 'retention.ms', value: '777' }] }] })
  await until(async () => await value('retention.ms') === '777', 'the new value')
})

check('admin/offsets', async () => {
  const name = await topic()
  await produce(name, numbers(10).map((n, i) => ({ value: n, partition: 0, timestamp: String(1600000000000 + i * 1000) })))
  same((await admin.fetchTopicOffsets(name)).map(o => [o.low, o.high]), [['0', '10']])
  same((await admin.fetchTopicOffsetsByTimestamp(name, 1600000004500)).map(o => o.offset), ['5'])
  await admin.deleteTopicRecords({ topic: name, partitions: [{ partition: 0, offset: '4' }] })
  same((await admin.fetchTopicOffsets(name)).map(o => [o.low, o.high]), [['4', '10']])
})

check('admin/groups', async () => {
  const name = await topic()
  await produce(name, numbers(5))
  const r = await reader(name)
  await until(() => r.got.length === 5, 'five records')
  const listed = (await admin.listGroups()).groups.find(g => g.groupId === r.group)
  same(listed.protocolType, 'consumer')
  const { groups: [got] } = await admin.describeGroups([r.group])
  same([got.state, got.members.length, got.protocol], ['Stable', 1, 'RoundRobinAssigner'])
  await refused(admin.deleteGroups([r.group]), 'NON_EMPTY_GROUP')
  await r.stop()
  await admin.setOffsets({ groupId: r.group, topic: name, partitions: [{ partition: 0, offset: '2' }] })
  same((await admin.fetchOffsets({ groupId: r.group, topics: [name] }))[0].partitions[0].offset, '2')
  await admin.resetOffsets({ groupId: r.group, topic: name, earliest: true })
  same((await admin.fetchOffsets({ groupId: r.group, topics: [name], resolveOffsets: true }))[0].partitions[0].offset, '0')
  await admin.deleteGroups([r.group])
  await refused(admin.deleteGroups([r.group]), 'GROUP_ID_NOT_FOUND')
})

check('admin/reassignments', async () => {
  const name = await topic()
  await refused(admin.alterPartitionReassignments({ topics: [{ topic: name, partitionAssignment: [{ partition: 0, replicas: [7] }] }] }), 'INVALID_REPLICA_ASSIGNMENT')
  same((await admin.listPartitionReassignments({ topics: [{ topic: name, partitions: [0] }] })).topics, [])
})

await admin.connect()
await main()
