package peer

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// The handshake of one connection. Every step has a fixed size, so that nothing a stranger says decides how much is read:
//
//	dialler                                   acceptor
//	greeting: magic, version, nonce  ------>
//	                                 <------  greeting: magic, version, nonce
//	proof, hello                     ------>  checks the proof before it looks at the hello
//	                                 <------  proof, verdict, hello
//
// A proof is HMAC-SHA256, under the shared secret, of the side, both greetings and the rest of the step: it can neither be replayed
// nor sent back to its maker, and the secret itself never travels. A refusal for a wrong secret carries no proof, for there is none
// that the other side could check: it is a hint, no more.
const (
	greetingSize = 44
	helloSize    = 512
	stepSize     = sha256.Size + 1 + helloSize

	// version of the protocol between brokers. Others are refused.
	version = 1
)

var magic = [8]byte{'T', 'r', 'o', 'u', 'p', 'e', '/', 'p'}

// laneVisit is the lane of a connection for one question, by who need not have a node id yet.
const laneVisit Lane = 0x10

// Identity is who a broker is.
type Identity struct {
	ClusterID   string   // "": none yet
	NodeID      int32    // 0: none yet
	StoreID     [16]byte // of its data directory
	Incarnation uint64   // number of this run of the node: storage.Identity.Run
	Address     string   // where others reach it; "" if it will not say
}

// hello is what each side says of itself and of the connection.
type hello struct {
	Identity
	lane    Lane
	session uint64
	last    uint64        // the session between the two that the sender last knew as up
	windows [lanes]uint32 // bytes that it takes on a lane before it has given credit
}

// verdict of the acceptor on a hello, or of the dialler on the answer.
type verdict uint8

const (
	welcome verdict = iota
	wrongSecret
	wrongVersion
	wrongCluster
	noCluster // one of the two has no cluster or no node id yet: only visits are possible
	itself    // the dialler reached itself
	sameNode  // the node id is ours, the store is not
	wrongNode // the dialler wanted another node
	wrongStore
	tooMany
	verdicts
)

var verdictText = [verdicts]string{
	welcome: "welcome", wrongSecret: "the peer secrets differ", wrongVersion: "the versions of the peer protocol differ",
	wrongCluster: "it belongs to another cluster", noCluster: "it has no cluster and node id yet", itself: "it is this broker itself",
	sameNode: "it has the same node id, but another data directory", wrongNode: "another node answers at this address",
	wrongStore: "its data directory is not the one that the cluster knows under its node id", tooMany: "too many connections",
}

func (v verdict) String() string {
	if v < verdicts {
		return verdictText[v]
	}
	return fmt.Sprintf("verdict %d", v)
}

// refusal is why a handshake failed.
type refusal struct {
	verdict verdict
	by      string // "us", "them", or "them, unproven"
	who     Identity
	detail  string
}

func (r *refusal) Error() string {
	text := r.verdict.String()
	if r.detail != "" {
		text += " (" + r.detail + ")"
	}
	if r.by == "us" {
		return "refused: " + text
	}
	return "refused by " + r.by + ": " + text
}

// handshake is one side of one handshake. judge decides on the other's hello.
type handshake struct {
	dialler bool
	me      hello
	secret  []byte
	judge   func(h hello) (verdict, string)

	mine, theirs [greetingSize]byte
	them         hello
	step         int
}

// begin is what to write first and how many bytes to read then. nonce must be 32 bytes of fresh chance.
func (s *handshake) begin(nonce []byte) (write []byte, want int) {
	copy(s.mine[:], magic[:])
	binary.BigEndian.PutUint32(s.mine[8:], version)
	copy(s.mine[12:], nonce)
	if s.dialler {
		return s.mine[:], greetingSize
	}
	return nil, greetingSize
}

// next takes what was read. When want is 0 the handshake is over as soon as write is written; with an error, write is the last word.
func (s *handshake) next(data []byte) (write []byte, want int, err error) {
	s.step++
	switch {
	case s.step == 1:
		return s.greeted(data)
	case s.dialler:
		return nil, 0, s.answered(data)
	default:
		return s.asked(data)
	}
}

func (s *handshake) greeted(data []byte) (write []byte, want int, err error) {
	copy(s.theirs[:], data)
	if !bytes.Equal(data[:8], magic[:]) {
		return nil, 0, fmt.Errorf("not a broker of this kind: it says %q%s", clipped(data), hint(data))
	}
	if v := binary.BigEndian.Uint32(data[8:]); v != version {
		r := &refusal{verdict: wrongVersion, by: "us", detail: fmt.Sprintf("%d here, %d there", version, v)}
		if s.dialler {
			return nil, 0, r
		}
		return s.mine[:], 0, r // it sees our version and says the same
	}
	if s.dialler {
		return s.seal(welcome), stepSize, nil
	}
	return s.mine[:], stepSize, nil
}

// asked judges a dialler. The proof comes first: nothing of a stranger's hello is looked at.
func (s *handshake) asked(data []byte) (write []byte, want int, err error) {
	if !s.proven(data) {
		denied := make([]byte, stepSize)
		denied[sha256.Size] = byte(wrongSecret)
		return denied, 0, &refusal{verdict: wrongSecret, by: "us"}
	}
	if s.them, err = parseHello(data[sha256.Size+1:]); err != nil {
		return nil, 0, err
	}
	s.me.lane, s.me.session = s.them.lane, s.them.session // the answer says to what
	v, detail := s.judge(s.them)
	if v != welcome {
		return s.seal(v), 0, &refusal{v, "us", s.them.Identity, detail}
	}
	return s.seal(welcome), 0, nil
}

func (s *handshake) answered(data []byte) (err error) {
	v := verdict(data[sha256.Size])
	if !s.proven(data) {
		if v == wrongSecret {
			return &refusal{verdict: wrongSecret, by: "them, unproven"}
		}
		return &refusal{verdict: wrongSecret, by: "us"}
	}
	if s.them, err = parseHello(data[sha256.Size+1:]); err != nil {
		return err
	}
	if s.them.lane != s.me.lane || s.them.session != s.me.session {
		return fmt.Errorf("answer to another connection")
	}
	if mine, detail := s.judge(s.them); mine != welcome {
		return &refusal{mine, "us", s.them.Identity, detail}
	}
	if v != welcome {
		return &refusal{v, "them", s.them.Identity, ""}
	}
	return nil
}

// seal is our second step: proof, verdict, hello.
func (s *handshake) seal(v verdict) []byte {
	b := make([]byte, stepSize)
	b[sha256.Size] = byte(v)
	s.me.put(b[sha256.Size+1:])
	copy(b, s.proof(s.dialler, b[sha256.Size:]))
	return b
}

func (s *handshake) proven(data []byte) bool {
	return hmac.Equal(data[:sha256.Size], s.proof(!s.dialler, data[sha256.Size:]))
}

// proof is the MAC that a side makes of its second step.
func (s *handshake) proof(byDialler bool, step []byte) []byte {
	m := hmac.New(sha256.New, s.secret)
	side, first, second := byte('a'), s.theirs[:], s.mine[:] // first: the dialler's greeting
	if s.dialler {
		first, second = s.mine[:], s.theirs[:]
	}
	if byDialler {
		side = 'd'
	}
	m.Write([]byte{side})
	m.Write(first)
	m.Write(second)
	m.Write(step)
	return m.Sum(nil)
}

const maxText = 160 // of a cluster id or an address, in a hello

// put encodes h into b, which has helloSize bytes.
func (h *hello) put(b []byte) {
	binary.BigEndian.PutUint32(b[0:], uint32(h.NodeID))
	copy(b[4:20], h.StoreID[:])
	binary.BigEndian.PutUint64(b[20:], h.Incarnation)
	b[28] = byte(h.lane)
	binary.BigEndian.PutUint64(b[29:], h.session)
	binary.BigEndian.PutUint64(b[37:], h.last)
	for i, w := range h.windows {
		binary.BigEndian.PutUint32(b[45+4*i:], w)
	}
	b = b[64:]
	for _, t := range []string{h.ClusterID, h.Address} {
		if len(t) > maxText {
			t = "" // no id and no address is that long
		}
		b[0] = byte(len(t))
		copy(b[1:], t)
		b = b[1+maxText:]
	}
}

func parseHello(b []byte) (h hello, err error) {
	h.NodeID = int32(binary.BigEndian.Uint32(b[0:]))
	copy(h.StoreID[:], b[4:20])
	h.Incarnation = binary.BigEndian.Uint64(b[20:])
	h.lane = Lane(b[28])
	h.session, h.last = binary.BigEndian.Uint64(b[29:]), binary.BigEndian.Uint64(b[37:])
	for i := range h.windows {
		h.windows[i] = binary.BigEndian.Uint32(b[45+4*i:])
	}
	b = b[64:]
	for _, t := range []*string{&h.ClusterID, &h.Address} {
		n := int(b[0])
		if n > maxText {
			return h, fmt.Errorf("hello with a text of %d bytes", n)
		}
		*t = string(b[1 : 1+n])
		b = b[1+maxText:]
	}
	switch {
	case h.NodeID < 0:
		return h, fmt.Errorf("hello of node %d", h.NodeID)
	case h.lane >= lanes && h.lane != laneVisit:
		return h, fmt.Errorf("hello for lane %d", h.lane)
	}
	return h, nil
}

// judge decides on another broker by what both are.
func (i Identity) judge(h hello) (verdict, string) {
	switch {
	case h.StoreID == i.StoreID && h.StoreID != [16]byte{}:
		return itself, ""
	case h.ClusterID != "" && i.ClusterID != "" && h.ClusterID != i.ClusterID:
		return wrongCluster, fmt.Sprintf("%s here, %s there", i.ClusterID, h.ClusterID)
	case h.lane == laneVisit:
		return welcome, ""
	case h.ClusterID == "" || i.ClusterID == "" || h.NodeID == 0 || i.NodeID == 0:
		return noCluster, ""
	case h.NodeID == i.NodeID:
		return sameNode, fmt.Sprintf("node %d", h.NodeID)
	}
	return welcome, ""
}

func clipped(b []byte) string { return string(b[:min(len(b), 12)]) }

// hint guesses what a stranger wanted.
func hint(b []byte) string {
	switch {
	case bytes.HasPrefix(b, []byte("GET ")), bytes.HasPrefix(b, []byte("POST ")), bytes.HasPrefix(b, []byte("HEAD ")):
		return ", which looks like HTTP"
	case b[0] == 0x16 && b[1] == 3:
		return ", which looks like TLS"
	case b[0] == 0 && b[1] == 0:
		return ", which looks like a Kafka client: its address is --listen"
	}
	return ""
}
