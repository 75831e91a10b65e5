package api

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/meta"
	"troupe/actors/partition"
	"troupe/kafka/code"
	"troupe/storage"
)

// ListOffsets (key 2, versions 1-11).
//
//	v2 isolation levels; v4 leader epochs (KIP-320); v5 OFFSET_NOT_AVAILABLE (KIP-207); v6 flexible; v7 the greatest timestamp, -3 (KIP-734);
//	v8 the earliest local offset, -4 (KIP-405); v9 the latest tiered one, -5 (KIP-1005); v10 a time-out for remote storage (KIP-1075);
//	v11 the earliest one that is to be uploaded, -6 (KIP-1023).
//
// The partition knows its ends; by time the store is searched on the pool.
func listOffsets(c *Call) {
	req := c.Req.(*kmsg.ListOffsetsRequest)
	c.whenKnown(func(img *meta.Image) bool {
		return slices.ContainsFunc(req.Topics, func(t kmsg.ListOffsetsRequestTopic) bool { return lacksName(img, t.Topic) })
	}, func() { beginListOffsets(c, req) })
}

func beginListOffsets(c *Call, req *kmsg.ListOffsetsRequest) {
	k := &offsetsCall{c: c, committed: req.IsolationLevel == readCommitted}
	refusal, _ := firstRefusal(checkIsolation(req.IsolationLevel))
	k.collect(req)
	c.Next = k.next
	for i := range k.rows {
		r := &k.rows[i]
		if r.code == code.OK {
			r.code = refusal
		}
		if r.code == code.OK {
			k.ask(r)
		}
	}
	k.maybeRespond()
}

// The special timestamps, and the version that brought each.
const (
	tsLatest        = -1
	tsEarliest      = -2
	tsMaxTimestamp  = -3
	tsEarliestLocal = -4
	tsLatestTiered  = -5
	tsEarliestToUp  = -6
)

func checkTimestamp(ts int64, version int16) check {
	return func() (code.Code, string) {
		since := int16(0)
		switch {
		case ts >= tsEarliest:
		case ts == tsMaxTimestamp:
			since = 7
		case ts == tsEarliestLocal:
			since = 8
		case ts == tsLatestTiered:
			since = 9
		case ts == tsEarliestToUp:
			since = 11
		default:
			return code.UnsupportedVersion, ""
		}
		if version < since {
			return code.UnsupportedVersion, ""
		}
		return code.OK, ""
	}
}

// offsetsCall is one ListOffsets under way.
type offsetsCall struct {
	c         *Call
	committed bool
	rows      []offsetRow
	asks      []*partition.Locate // by row, nil if it does not wait for one
	asked     int
	searches  []int // rows that wait for their search of the store
	searching int
}

// offsetRow is one partition and the answer for it.
type offsetRow struct {
	key       partKey
	timestamp int64 // wanted
	epoch     int32 // current leader epoch by the client, -1: none
	place     int   // in rows
	code      code.Code
	found     storage.TimeOffset
	located   partition.Located
}

// foundByTime is what a search of the store gave.
//
// From: kit's pool.
type foundByTime struct {
	row int
	at  storage.TimeOffset
	ok  bool
	err error
}

var notFound = storage.TimeOffset{Offset: -1, Timestamp: -1, LeaderEpoch: -1}

// collect lists the partitions, each once; one that is named twice is refused.
func (k *offsetsCall) collect(req *kmsg.ListOffsetsRequest) {
	at := map[partKey]int{}
	for i := range req.Topics {
		t := &req.Topics[i]
		for _, p := range t.Partitions {
			key := partKey{name: t.Topic, index: p.Partition}
			if n, ok := at[key]; ok {
				k.rows[n].code = code.InvalidRequest
				continue
			}
			at[key] = len(k.rows)
			r := offsetRow{key: key, timestamp: p.Timestamp, epoch: p.CurrentLeaderEpoch, place: len(k.rows), found: notFound}
			r.code, _ = firstRefusal(checkTimestamp(p.Timestamp, k.c.Version))
			k.rows = append(k.rows, r)
		}
	}
	k.asks = make([]*partition.Locate, len(k.rows))
}

// ask asks the partition where the offset is.
func (k *offsetsCall) ask(r *offsetRow) {
	p, e := partitionOf(k.c.View.Image, &r.key)
	if e != code.OK {
		r.code = e
		return
	}
	ref := k.c.View.Partition(p.ID)
	if ref == nil {
		r.code = code.NotLeaderForPartition
		return
	}
	m := &partition.Locate{Ask: k.c.Ask(), Timestamp: r.timestamp, LeaderEpoch: r.epoch, ReadCommitted: k.committed, Index: r.place}
	k.asks[r.place] = m
	k.asked++
	ref.Tell(m)
}

// partitionOf finds a partition of the image.
func partitionOf(img *meta.Image, k *partKey) (*meta.Partition, code.Code) {
	t := img.Topic(k.name)
	if t == nil {
		return nil, code.UnknownTopicOrPartition // an empty name too: nobody asks by id here
	}
	if k.index < 0 || int(k.index) >= len(t.Partitions) {
		return nil, code.UnknownTopicOrPartition
	}
	return &t.Partitions[k.index], code.OK
}

func (k *offsetsCall) next(_ *Call, answer any) {
	switch m := answer.(type) {
	case partition.Located:
		k.onLocated(m)
	case foundByTime:
		k.onFound(m)
	default:
		return
	}
	k.maybeRespond()
}

func (k *offsetsCall) onLocated(m partition.Located) {
	if k.asks[m.Index] != m.Locate {
		return
	}
	k.asks[m.Index] = nil
	k.asked--
	r := &k.rows[m.Index]
	switch {
	case m.Code != code.OK:
		r.code = offsetCode(m.Code, k.c.Version)
	case m.Search:
		r.located = m
		k.searches = append(k.searches, m.Index)
		k.search()
	default:
		r.found = storage.TimeOffset{Offset: m.Offset, Timestamp: m.Timestamp, LeaderEpoch: m.LeaderEpoch}
	}
}

// search looks through the store for the rows that wait, a few at a time.
func (k *offsetsCall) search() {
	for k.searching < parallelReads && len(k.searches) > 0 {
		row := k.searches[0]
		k.searches = k.searches[1:]
		k.searching++
		data, m, ts := k.c.Env.Data, k.rows[row].located, k.rows[row].timestamp
		k.c.Go(func() any {
			r := foundByTime{row: row}
			if ts == tsMaxTimestamp {
				r.at, r.ok, r.err = data.MaxTimestamp(m.PartID, m.Start, m.Limit)
			} else {
				r.at, r.ok, r.err = data.OffsetForTime(m.PartID, ts, m.Start, m.Limit)
			}
			return r
		})
	}
}

func (k *offsetsCall) onFound(m foundByTime) {
	k.searching--
	r := &k.rows[m.row]
	switch {
	case m.err != nil:
		k.c.Sys.Log().Error("a partition cannot be searched by time", "partition", r.located.PartID, "err", m.err)
		r.code = storageCode(m.err)
	case m.ok:
		r.found = m.at
	}
	k.search()
}

func (k *offsetsCall) maybeRespond() {
	if k.asked > 0 || k.searching > 0 || len(k.searches) > 0 || k.c.Ended() {
		return
	}
	resp := kmsg.NewPtrListOffsetsResponse()
	at := map[string]int{} // each topic once, wherever its partitions stood
	for i := range k.rows {
		r := &k.rows[i]
		if r.code != code.OK {
			r.found = notFound
		}
		x := kmsg.NewListOffsetsResponseTopicPartition()
		x.Partition, x.ErrorCode = r.key.index, int16(r.code)
		x.Offset, x.Timestamp, x.LeaderEpoch = r.found.Offset, r.found.Timestamp, r.found.LeaderEpoch
		n, ok := at[r.key.name]
		if !ok {
			n = len(resp.Topics)
			at[r.key.name] = n
			resp.Topics = append(resp.Topics, kmsg.ListOffsetsResponseTopic{Topic: r.key.name})
		}
		t := &resp.Topics[n]
		t.Partitions = append(t.Partitions, x)
	}
	k.c.Respond(resp)
}
