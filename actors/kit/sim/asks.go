package sim

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"troupe/actors/kit"
)

// asks follows every message that embeds kit.Ask from when it is told until it is answered.
type asks struct {
	open  map[*kit.Ask]*openAsk
	seq   uint64
	sweep int // size at which answered ones are dropped
}

type openAsk struct {
	seq  uint64
	typ  string
	to   *kit.Ref
	box  *box // of the actor that has it; nil: a probe
	told int64
}

// told notes an ask. One that is passed on keeps its time and moves to who has it now.
func (a *asks) told(m any, b *box, to *kit.Ref, now int64) {
	k := kit.AskOf(m)
	if k == nil || k.ReplyTo == nil || k.Answered() {
		return
	}
	if o := a.open[k]; o != nil {
		o.box, o.to = b, to
		return
	}
	a.seq++
	a.open[k] = &openAsk{a.seq, kit.TypeName(m), to, b, now}
	if len(a.open) > a.sweep {
		a.drop(func(k *kit.Ask, _ *openAsk) bool { return k.Answered() })
		a.sweep = 2*len(a.open) + 1024
	}
}

func (a *asks) drop(f func(*kit.Ask, *openAsk) bool) {
	for k, o := range a.open {
		if f(k, o) {
			delete(a.open, k)
		}
	}
}

// crashed forgets the asks that died with their asker or with who had them.
func (a *asks) crashed() {
	a.drop(func(k *kit.Ask, o *openAsk) bool {
		asker, _ := k.ReplyTo.Box().(*box)
		return o.box != nil && o.box.life.dead || asker != nil && asker.life.dead
	})
}

// Unanswered lists the asks that actors were told at least age ago and have not answered, oldest first. Asks that probes
// have are not among them. At the end of a run, when every actor was stopped, there must be none.
func (s *Sim) Unanswered(age time.Duration) []string {
	var list []*openAsk
	for k, o := range s.asks.open {
		if o.box != nil && !k.Answered() && s.now-o.told >= int64(age) {
			list = append(list, o)
		}
	}
	slices.SortFunc(list, func(a, b *openAsk) int { return cmp.Compare(a.seq, b.seq) })
	var out []string
	for _, o := range list {
		out = append(out, fmt.Sprintf("%s told to %s at %s", o.typ, o.to.Name(), time.Duration(o.told)))
	}
	return out
}
