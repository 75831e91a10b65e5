package partition

import (
	"slices"
	"testing"
)

// three is what a leader, broker 1, knows of two followers that have everything.
func three() isrView {
	m := mate{up: true, streaming: true, durable: 100, caughtAt: 10_000, since: 5_000, joined: 1}
	a, b := m, m
	a.id, b.id = 2, 3
	return isrView{self: 1, min: 2, lagMs: 3_000, isr: []int32{1, 2, 3}, mates: []mate{a, b}, high: 100, durable: 100, epochStart: 90, next: 100}
}

func TestShrinks(t *testing.T) {
	const now = 10_000
	for name, x := range map[string]struct {
		change func(v *isrView)
		want   []int32
	}{
		"nothing":               {func(*isrView) {}, []int32{1, 2, 3}},
		"link down, just now":   {func(v *isrView) { v.mates[0].up, v.mates[0].changedAt = false, now-499 }, []int32{1, 2, 3}},
		"link down":             {func(v *isrView) { v.mates[0].up, v.mates[0].changedAt = false, now-500 }, []int32{1, 3}},
		"both down":             {func(v *isrView) { v.mates[0].up, v.mates[1].up = false, false }, []int32{1, 3}},
		"both down, one enough": {func(v *isrView) { v.mates[0].up, v.mates[1].up, v.min = false, false, 1 }, []int32{1}},
		"lags":                  {func(v *isrView) { v.mates[1].caughtAt = now - 3_000 }, []int32{1, 2}},
		"both lag":              {func(v *isrView) { v.mates[0].caughtAt, v.mates[1].caughtAt = 0, 0 }, []int32{1}},
		"both stall, one goes": {func(v *isrView) { v.high, v.mates[0].durable, v.mates[1].durable, v.stalled = 80, 80, 80, 2_000 },
			[]int32{1, 3}},
		"both stall for less":   {func(v *isrView) { v.high, v.mates[0].durable, v.mates[1].durable, v.stalled = 80, 80, 80, 1_999 }, []int32{1, 2, 3}},
		"stalls, but is needed": {func(v *isrView) { v.high, v.mates[0].durable, v.stalled, v.min = 80, 80, 2_000, 3 }, []int32{1, 2, 3}},
		"stalls alone":          {func(v *isrView) { v.high, v.mates[0].durable, v.mates[1].durable, v.stalled = 80, 80, 90, 500 }, []int32{1, 3}},
		"stalls alone for less": {func(v *isrView) { v.high, v.mates[0].durable, v.stalled = 80, 80, 499 }, []int32{1, 2, 3}},
		"stalls, and so does the leader": {func(v *isrView) {
			v.high, v.durable, v.mates[0].durable, v.mates[1].durable, v.stalled = 80, 80, 80, 90, 1_999
		},
			[]int32{1, 2, 3}},
		"stalls, of two": {func(v *isrView) {
			v.isr, v.mates, v.min, v.high, v.mates[0].durable, v.stalled = []int32{1, 2}, v.mates[:1], 1, 80, 80, 1_999
		},
			[]int32{1, 2}},
		"stalls long, of two": {func(v *isrView) {
			v.isr, v.mates, v.min, v.high, v.mates[0].durable, v.stalled = []int32{1, 2}, v.mates[:1], 1, 80, 80, 2_000
		},
			[]int32{1}},
		"stalls, and the third is not in sync": {func(v *isrView) {
			v.isr, v.min, v.high, v.mates[0].durable, v.mates[1].streaming, v.stalled = []int32{1, 2}, 1, 80, 80, false, 1_999
		}, []int32{1, 2}},
		"confirms, and the leader does not": {func(v *isrView) { v.high, v.mates[0].durable, v.mates[1].durable, v.stalled = 80, 90, 90, 5_000 }, []int32{1, 2, 3}},
	} {
		v := three()
		x.change(&v)
		if got := v.judge(now); !slices.Equal(got, x.want) {
			t.Errorf("%s: ISR %v, want %v", name, got, x.want)
		}
	}
}

func TestJoins(t *testing.T) {
	const now = 10_000
	for name, x := range map[string]struct {
		change func(v *isrView)
		joins  bool
	}{
		"has everything":                                {func(*isrView) {}, true},
		"below the high watermark":                      {func(v *isrView) { v.mates[1].durable = 99 }, false},
		"below the epoch's start":                       {func(v *isrView) { v.high, v.mates[1].durable = 50, 89 }, false},
		"the high watermark is below the epoch's start": {func(v *isrView) { v.high = 50 }, true},
		"holds what was deleted":                        {func(v *isrView) { v.gone, v.mates[1].start = 40, 39 }, false},
		"holds nothing that was deleted":                {func(v *isrView) { v.gone, v.mates[1].start = 40, 40 }, true},
		"recovering":                                    {func(v *isrView) { v.recovering = true }, false},
		"caught up just now":                            {func(v *isrView) { v.mates[1].since = now - 999 }, false},
		"not caught up":                                 {func(v *isrView) { v.mates[1].since = 0 }, false},
		"has come and gone, once":                       {func(v *isrView) { v.mates[1].since, v.mates[1].flaps = now-1_999, 1 }, false},
		"has come and gone, often":                      {func(v *isrView) { v.mates[1].since, v.mates[1].flaps = now-4_000, 30 }, true},
		"was refused just now":                          {func(v *isrView) { v.mates[1].tryAt = now + 1 }, false},
		"no subscription":                               {func(v *isrView) { v.mates[1].streaming = false }, false},
		"no link":                                       {func(v *isrView) { v.mates[1].up = false }, false},
	} {
		v := three()
		v.isr = []int32{1, 2}
		x.change(&v)
		if got := slices.Contains(v.judge(now), 3); got != x.joins {
			t.Errorf("%s: joins %v, want %v", name, got, x.joins)
		}
	}
}

func TestGivesUp(t *testing.T) {
	v := three()
	if v.short() {
		t.Error("everybody is within reach, and it gives up")
	}
	v.mates[0].up = false
	if v.short() {
		t.Error("two of two are within reach, and it gives up")
	}
	v.mates[1].up = false
	if !v.short() {
		t.Error("alone, and it does not give up")
	}
	v.isr, v.elr = []int32{1}, []int32{3}
	if !v.short() {
		t.Error("somebody eligible is out of reach, and it does not give up")
	}
	v.mates[1].up = true
	if v.short() {
		t.Error("somebody eligible is within reach, and it gives up")
	}
	v.elr, v.mates[1].up = nil, false
	if v.short() {
		t.Error("nobody could take over, and it gives up")
	}
}

// A replica that has come and gone is forgotten to have done so after a while in the ISR.
func TestFlaps(t *testing.T) {
	v := three()
	v.isr = []int32{1, 2}
	v.note(20_000)
	if m := v.mates[1]; m.flaps != 1 || m.joined != 0 || m.pause() != 2_000 {
		t.Errorf("gone: %+v", m)
	}
	v.isr = []int32{1, 2, 3}
	v.note(21_000)
	v.note(30_999)
	if m := v.mates[1]; m.flaps != 1 || m.joined != 21_000 {
		t.Errorf("back: %+v", m)
	}
	if v.note(31_000); v.mates[1].flaps != 0 {
		t.Errorf("calm: %+v", v.mates[1])
	}
}

func TestKeepsUp(t *testing.T) {
	m := mate{streaming: true, durable: -1, ackAt: 1_000, ackEnd: 50}
	if m.acked(40, 60, 1_100); m.since != 0 || m.caughtAt != 0 {
		t.Errorf("behind: %+v", m)
	}
	if m.acked(60, 70, 1_200); m.caughtAt != 1_100 || m.since != 1_200 {
		t.Errorf("it has what there was at its last ack: %+v", m)
	}
	if m.acked(70, 70, 1_300); m.caughtAt != 1_300 || m.since != 1_200 {
		t.Errorf("it has everything: %+v", m)
	}
	if m.keepsUp(200, 1_801); m.since != 0 {
		t.Errorf("it has not kept up for long: %+v", m)
	}
}

// Until it is known what became of a wish, both the old and the wished ISR hold the high watermark.
func TestMaximalISR(t *testing.T) {
	c := newTestCore()
	c.isr, c.replicas, c.next, c.durable = []int32{1, 2}, 3, 100, 100
	c.ack(2, 80)
	c.wanted = []int32{1, 2, 3}
	c.advance(2)
	if c.high != 0 {
		t.Errorf("high %d, and nothing is known of a replica that may be in sync", c.high)
	}
	c.ack(3, 60)
	c.advance(2)
	if c.high != 60 {
		t.Errorf("high %d, want 60", c.high)
	}
	c.wanted = nil
	if c.advance(3); c.high != 60 {
		t.Errorf("high %d with an ISR below the minimum", c.high)
	}
	if c.advance(2); c.high != 80 {
		t.Errorf("high %d, want 80", c.high)
	}
	c.forgetEnd(2)
	c.durable = 120
	if c.advance(2); c.high != 80 {
		t.Errorf("high %d, and where the other replica ends is not known", c.high)
	}
}

func TestFollowersLog(t *testing.T) {
	leader := newTestCore()
	leader.epochs, leader.next, leader.floor, leader.start = []epochBegin{{Epoch: 1, Start: 10}, {Epoch: 3, Start: 40}, {Epoch: 6, Start: 70}}, 90, 20, 20
	for _, x := range []struct {
		from  int64
		epoch int32
		end   *EpochEnd
		out   bool
	}{
		{90, 6, nil, false},
		{80, 6, nil, false},
		{60, 3, nil, false},
		{91, 6, &EpochEnd{6, 90}, false},
		{75, 3, &EpochEnd{3, 70}, false},
		{75, 4, &EpochEnd{3, 70}, false},
		{50, 2, &EpochEnd{1, 40}, false},
		{15, 1, nil, true},
		{0, -1, nil, true},
		{20, -1, nil, false},
		{100, -1, nil, true},
		{20, 9, nil, true},
	} {
		end, out := leader.parts(x.from, x.epoch)
		if (end == nil) != (x.end == nil) || end != nil && *end != *x.end || out != x.out {
			t.Errorf("a log to %d in epoch %d: %v %v, want %v %v", x.from, x.epoch, end, out, x.end, x.out)
		}
	}
	f := newTestCore()
	f.epochs, f.next = []epochBegin{{Epoch: 1, Start: 10}, {Epoch: 2, Start: 30}, {Epoch: 5, Start: 60}}, 80
	for _, x := range []struct {
		epoch int32
		end   int64
		want  int64
	}{{5, 70, 70}, {5, 90, 80}, {3, 70, 60}, {2, 50, 50}, {1, 40, 30}, {1, 20, 20}, {0, 5, 5}} {
		if got := f.cutTo(x.epoch, x.end); got != x.want {
			t.Errorf("epoch %d ends at %d: cut to %d, want %d", x.epoch, x.end, got, x.want)
		}
	}
}
