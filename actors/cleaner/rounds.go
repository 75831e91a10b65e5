package cleaner

import (
	"fmt"
	"time"

	"troupe/actors/kit"
	"troupe/actors/partition"
	"troupe/kafka/code"
)

// How a compaction ended, in words; or by an error.
const (
	done      = "done"
	calledOff = "called off"
)

// onMapped goes on with the first pass, or begins the second.
func (k *Cleaner) onMapped(c kit.Context, m mapped) {
	j := m.job
	switch {
	case j.err != nil:
		k.failed(c, j)
	case !k.wanted(j):
		k.end(c, j, calledOff)
	case j.done:
		j.begin()
		k.state = shrinking
		k.goOn(c, j)
	default:
		k.goOn(c, j)
	}
}

// onShrunk sends a step to the disk.
func (k *Cleaner) onShrunk(c kit.Context, m shrunk) {
	j := m.job
	e := k.kept[j.partID]
	switch {
	case j.err != nil:
		k.failed(c, j)
	case !k.wanted(j) || k.o.Gate.Full():
		k.end(c, j, calledOff)
	case len(j.step.Batches) == 0 && !j.done:
		k.goOn(c, j)
	default:
		k.state = writing
		e.Ref.Tell(&partition.Rewrite{Ask: kit.Ask{ReplyTo: c.Self()}, Epoch: j.epoch, Step: j.step, Reclaim: j.done && j.removed > 0})
	}
}

func (k *Cleaner) onRewritten(c kit.Context, m partition.Rewritten) {
	j := k.job
	switch {
	case m.Code != code.OK:
		k.end(c, j, "refused: "+m.Code.String())
	case j.done:
		k.o.Stats.Rounds.Add(1)
		k.end(c, j, done)
	default:
		k.state = shrinking
		k.goOn(c, j)
	}
}

// wanted says whether the log is still to be compacted.
func (k *Cleaner) wanted(j *job) bool {
	e := k.kept[j.partID]
	return e != nil && e.Config.DeleteRetentionMs == j.cfg.DeleteRetentionMs && k.set.Enabled && !k.stopped
}

// goOn runs the next piece of the pass, when the disk's share allows.
func (k *Cleaner) goOn(c kit.Context, j *job) {
	if rate := k.set.BytesPerSecond; rate > 0 {
		if rest := time.Duration(min(float64(j.took)/rate, maxRest.Seconds()) * float64(time.Second)); rest >= time.Millisecond {
			j.took = 0
			j.pass = k.state
			k.state = resting
			c.After(c.Self(), rest, next{j})
			return
		}
	}
	k.run(c, j)
}

// maxRest bounds how long a compaction rests between two pieces.
const maxRest = time.Minute

func (k *Cleaner) onNext(c kit.Context, m next) {
	if m.job != k.job || k.state != resting {
		return
	}
	k.state = m.job.pass
	k.run(c, m.job)
}

func (k *Cleaner) run(c kit.Context, j *job) {
	j.now = c.Now().UnixMilli()
	if k.state == mapping {
		k.blocker.Do(j.mapSome)
	} else {
		k.blocker.Do(j.shrinkSome)
	}
}

// failed ends a compaction that could not read its log. What was written stays: each step is right by itself.
func (k *Cleaner) failed(c kit.Context, j *job) {
	if e := k.kept[j.partID]; e != nil && !k.stopped {
		k.giveUp(c, e, j.err)
	}
	k.end(c, j, j.err.Error())
}

// end notes what a compaction did. After one that went well there may be more to do at once.
func (k *Cleaner) end(c kit.Context, j *job, how string) {
	s := k.o.Stats
	s.Running.Store(0)
	s.Read.Add(j.read)
	s.Written.Add(j.written)
	s.Removed.Add(j.removed)
	took := time.Duration(c.Now().UnixMilli()-j.began) * time.Millisecond
	k.last = fmt.Sprintf("%s: %s, up to offset %d in %s: %d bytes read, %d written, %d records removed", j.name, how, j.to, took, j.read, j.written, j.removed)
	k.job = nil
	if how == done {
		k.look()
		return
	}
	if e := k.kept[j.partID]; e != nil {
		e.passed = true
	}
	k.choose(c)
}
