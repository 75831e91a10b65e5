package api

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/actors/kit"
	"troupe/actors/peer"
)

// link makes a broker that passes requests on. What it asks of others comes out of the function, which is to answer it.
func (w *world) link() func() *peer.Ask {
	var asked []*peer.Ask
	w.env.Peers = w.ref("peers", func(m any) { asked = append(asked, m.(*peer.Ask)) })
	return func() *peer.Ask {
		w.run()
		if len(asked) != 1 {
			w.t.Fatalf("%d asks", len(asked))
		}
		a := asked[0]
		asked = nil
		return a
	}
}

// leader makes the forwarder of a broker that leads the metadata log. The function has it answer an ask.
func (w *world) leader() (forwarder *kit.Ref, answer func(head []byte) peer.Answer) {
	registered := 0
	w.env.Peers = w.ref("peers", func(m any) {
		if r, ok := m.(peer.Register); ok && r.Kind == peer.KindForward && !r.Guests {
			registered++
		}
	})
	f := worldContext{w, nil}.Spawn(ForwarderName, newForwarder(w.env), kit.Options{})
	f.Tell(kit.Started{})
	w.run()
	if registered != 1 {
		w.t.Fatal("the forwarder is not registered")
	}
	return f, func(head []byte) (got peer.Answer) {
		n := 0
		to := w.ref("link", func(m any) { got, n = m.(peer.Answer), n+1 })
		f.Tell(&peer.Asked{Ask: kit.Ask{ReplyTo: to}, Kind: peer.KindForward, Head: head})
		w.run()
		if n != 1 {
			w.t.Fatalf("%d answers", n)
		}
		return got
	}
}

func quorumRequest(version int16) *kmsg.DescribeQuorumRequest {
	req := kmsg.NewPtrDescribeQuorumRequest()
	req.SetVersion(version)
	req.Topics = []kmsg.DescribeQuorumRequestTopic{{Topic: metadataLog, Partitions: []kmsg.DescribeQuorumRequestTopicPartition{{}}}}
	return req
}

func quorumShown(m kmsg.Response) string {
	p := m.(*kmsg.DescribeQuorumResponse).Topics[0].Partitions[0]
	return fmt.Sprintf("%d leader %d/%d voters %d", p.ErrorCode, p.LeaderID, p.LeaderEpoch, len(p.CurrentVoters))
}

func TestForward(t *testing.T) {
	from, to := newWorld(t, 3, nil), newWorld(t, 3, nil)
	from.quorum.Leader, from.quorum.ID = 2<<32|3, 1
	ask := from.link()
	_, answer := to.leader()
	for v := int16(0); v <= 2; v++ {
		f := from.begin(v, quorumRequest(v))
		a := ask()
		if a.To != 3 || a.Kind != peer.KindForward || f.resp != nil {
			t.Errorf("%+v", a)
		}
		got := answer(a.Head)
		a.Reply(peer.Answered{Ask: a, Reason: got.Reason, Head: got.Head})
		from.run()
		expect(t, fmt.Sprint("v", v), quorumShown(f.answer()), "0 leader 1/3 voters 1")
	}
	for _, r := range []peer.Reason{peer.Unreachable, peer.Lost, peer.TimedOut, peer.Refused, peer.OK} { // OK, and no answer in it
		f := from.begin(1, quorumRequest(1))
		a := ask()
		a.Reply(peer.Answered{Ask: a, Reason: r})
		from.run()
		expect(t, r.String(), quorumShown(f.answer()), "6 leader 3/3 voters 0")
	}
	from.quorum.Leader = 0 // nobody to ask
	expect(t, "no leader", quorumShown(from.ask(1, quorumRequest(1))), "6 leader -1/3 voters 0")
	from.quorum.Leader = 1 // this one
	expect(t, "its own", quorumShown(from.ask(1, quorumRequest(1))), "0 leader 1/3 voters 1")
}

// One that leads no more says so, and does not pass the request on: it would go round.
func TestForwardedOnce(t *testing.T) {
	w := newWorld(t, 3, nil)
	_, answer := w.leader()
	w.quorum.Leader = 2
	got := answer(quorumRequest(1).AppendTo([]byte{0, 55, 0, 1}))
	resp := kmsg.NewPtrDescribeQuorumResponse()
	resp.SetVersion(1)
	if err := resp.ReadFrom(got.Head); err != nil || got.Reason != peer.OK {
		t.Fatal(got.Reason, err)
	}
	expect(t, "", quorumShown(resp), "6 leader 2/3 voters 0")
}

func TestForwardedNonsense(t *testing.T) {
	w := newWorld(t, 1, nil)
	f, answer := w.leader()
	good := quorumRequest(1).AppendTo([]byte{0, 55, 0, 1})
	for _, head := range [][]byte{nil, {0, 55, 0}, good[:7], {0, 55, 0, 9}, {0, 99, 0, 0}, metadataOf("a").AppendTo([]byte{0, 3, 0, 12}),
		append([]byte{0, 55, 0, 1}, 0xff, 0xff, 0xff, 0xff, 0x0f)} {
		if got := answer(head); got.Reason != peer.Refused {
			t.Errorf("%x: %v", head, got.Reason)
		}
	}
	f.Tell(peer.Up{Node: 2})
	f.Tell(peer.Down{Node: 2})
	if got := answer(good); got.Reason != peer.OK {
		t.Error(got.Reason)
	}
}
