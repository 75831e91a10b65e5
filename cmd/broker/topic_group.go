package main

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// consumeGroup prints as a member of a group until f.n records, or with -e until nothing comes any more. What has been printed is
// committed, at the latest when it ends.
func (c *cli) consumeGroup(ctx context.Context, topic string, f consumeFlags) error {
	if len(f.partitions) > 0 {
		return failf(exitUsage, "--partition: a group shares out the partitions itself; leave out one of --partition and --group")
	}
	p, err := c.printer(f)
	if err != nil {
		return err
	}
	reset, err := resetOffset(f.offset)
	if err != nil {
		return err
	}
	if err := c.withAdmin(func(adm *kadm.Client) error { return c.mustExist(ctx, adm, "consume", topic) }); err != nil {
		return err
	}
	var joined atomic.Bool
	cl, err := c.client(kgo.ConsumerGroup(f.group), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(reset), kgo.AutoCommitMarks(),
		kgo.FetchMaxWait(500*time.Millisecond), kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { joined.Store(true) }))
	if err != nil {
		return err
	}
	defer cl.Close()
	err = c.drainGroup(ctx, cl, topic, f, p, &joined)
	last, cancel := context.WithTimeout(context.Background(), c.timeout) // also after an interrupt
	defer cancel()
	if e := cl.CommitMarkedOffsets(last); err == nil && e != nil {
		err = kafkaError("commit for group "+f.group, c.brokers, e)
	}
	return err
}

// quietEnough is how often in a row nothing may come before -e ends although the group has not read all there is: the last offsets of a
// partition need not hold a record, and with --offset end a group may have nothing to commit.
const quietEnough = 5

func (c *cli) drainGroup(ctx context.Context, cl *kgo.Client, topic string, f consumeFlags, p *recordPrinter, joined *atomic.Bool) error {
	for seen, quiet := 0, 0; ; {
		member := joined.Load()
		fetches, idle := poll(ctx, cl, f.exit)
		if ctx.Err() != nil {
			return p.flush()
		}
		if !idle {
			quiet = 0
		} else if member {
			if quiet++; quiet == quietEnough || c.caughtUp(ctx, cl, f.group) {
				return p.flush()
			}
		}
		for _, e := range fetches.Errors() {
			return kafkaError("consume "+topic, c.brokers, e.Err)
		}
		for it := fetches.RecordIter(); !it.Done(); {
			r := it.Next()
			if err := p.print(r); err != nil {
				return err
			}
			cl.MarkCommitRecords(r)
			if seen++; seen == f.n {
				return p.flush()
			}
		}
		if err := p.flush(); err != nil {
			return err
		}
	}
}

// caughtUp says whether this member has committed all that its partitions hold.
func (c *cli) caughtUp(ctx context.Context, cl *kgo.Client, group string) bool {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if cl.CommitMarkedOffsets(ctx) != nil {
		return false
	}
	self, _ := cl.GroupMetadata()
	lags, err := kadm.NewClient(cl).Lag(ctx, group)
	of := lags[group]
	if err != nil || of.Error() != nil {
		return false
	}
	left := int64(0)
	for _, l := range of.Lag.Sorted() {
		if l.Member != nil && l.Member.MemberID == self {
			left += l.Lag // -1: an error
		}
	}
	return left == 0
}

// resetOffset is where a group begins that has committed nothing.
func resetOffset(s string) (kgo.Offset, error) {
	where, err := parseOffset(s, time.Now())
	switch o := kgo.NewOffset(); where.kind {
	case fromStart:
		return o.AtStart().Relative(where.n), err
	case fromEnd:
		return o.AtEnd().Relative(where.n), err
	case atTime:
		return o.AfterMilli(where.n), err
	default:
		return o.At(where.n), err
	}
}

// mustExist refuses a topic that is not there.
func (c *cli) mustExist(ctx context.Context, adm *kadm.Client, verb, topic string) error {
	td, err := adm.ListTopicsWithInternal(ctx, topic)
	if err != nil {
		return kafkaError(verb+" "+topic, c.brokers, err)
	}
	if err := td[topic].Err; isUnknownTopic(err) {
		return c.unknownTopic(ctx, adm, verb, topic)
	} else if err != nil {
		return kafkaError(verb+" "+topic, c.brokers, err)
	}
	return nil
}
