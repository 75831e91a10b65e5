package differential

import (
	"encoding/binary"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// software asks as a client of that name and version.
func software(name, version string) *kmsg.ApiVersionsRequest {
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion, req.NodeID = name, version, -1
	return req
}

var apiVersionsCases = []Case{
	{"keys", 0, 4, func(s *Side, v int16) {
		s.Ask(v, software("differential", "1.0"))
		s.Alive()
	}},
	{"software names", 3, 4, func(s *Side, v int16) {
		for _, x := range [][2]string{
			{"", "1"}, {"a", ""}, {" ", "1"}, {"-a", "1"}, {"_a", "1"}, {"a-", "1"}, {"a", "-1"}, {"a", "_1"}, {"a", " "}, {"a_b", "1"}, {"a.b-c", "1.0-x"},
			{"ü", "1"}, {"a/b", "1"}, {".", "."}, {strings.Repeat("x", 3000), "1"},
		} {
			s.Ask(v, software(x[0], x[1]))
		}
		s.Alive()
	}},
	{"unknown version", 0, 0, func(s *Side, _ int16) {
		for _, v := range []int16{5, 6, 99, 32767, -1, -32768} {
			req := kmsg.NewPtrApiVersionsRequest()
			req.SetVersion(0)
			s.RawAnswer("version", req, frame(header(18, v, 7, ptr("c"), v > 0)))
			s.Alive()
		}
	}},
	{"unknown version and no tags in the header", 0, 0, func(s *Side, _ int16) {
		s.Raw("version 99", frame(header(18, 99, 7, ptr("c"), false)))
	}},
	{"unknown version with a flexible body", 0, 0, func(s *Side, _ int16) {
		body := software("name", "1").AppendTo(nil)
		req := kmsg.NewPtrApiVersionsRequest()
		req.SetVersion(0)
		s.RawAnswer("version 77", req, frame(append(header(18, 77, 7, ptr("c"), true), body...)))
		s.Alive()
	}},
	{"asked twice", 0, 4, func(s *Side, v int16) {
		s.Ask(v, software("a", "1"))
		s.Ask(v, software("b", "2"))
	}},
}

var saslCases = []Case{
	{"handshake", 0, 1, func(s *Side, v int16) {
		for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "", "NONSENSE"} {
			req := kmsg.NewPtrSASLHandshakeRequest()
			req.Mechanism = mechanism
			s.Ask(v, req)
		}
		s.Alive()
	}},
	{"authenticate", 0, 2, func(s *Side, v int16) {
		req := kmsg.NewPtrSASLAuthenticateRequest()
		req.SASLAuthBytes = []byte("\x00user\x00password")
		s.Ask(v, req)
		s.Alive()
	}},
}

// payload gives header and body of a request in a version.
func payload(v int16, req kmsg.Request) []byte {
	req.SetVersion(v)
	return encode(req, 5)
}

// hostile makes a case of bytes for each of which a new connection is opened.
func hostile(name string, each ...func(s *Side) []byte) Case {
	return Case{name, 0, 0, func(s *Side, _ int16) {
		for i, b := range each {
			s.steps = i * 10 // the same for each broker, whatever became of the one before
			s.RawWithin(name, b(s), answerTime)
			if s.w != nil {
				s.Alive()
			}
			s.redial()
		}
	}}
}

func bytesOf(b []byte) func(*Side) []byte { return func(*Side) []byte { return b } }

// claim is a frame's length alone, with some bytes behind it.
func claim(n int32, rest ...byte) func(*Side) []byte {
	return bytesOf(append(binary.BigEndian.AppendUint32(nil, uint32(n)), rest...))
}

// known is a request header in a version, with a body of raw bytes.
func known(key, version int16, flexible bool, body ...byte) func(*Side) []byte {
	return bytesOf(frame(append(header(key, version, 5, ptr("c"), flexible), body...)))
}

// wireCases: what is wrong before any API is reached.
var wireCases = []Case{
	hostile("lengths", claim(0), claim(-1), claim(-2147483648), claim(2147483647, 0, 0), claim(104857601, 0, 0), claim(3, 0, 18, 0), claim(7, 0, 18, 0, 0, 0, 0, 0)),
	hostile("HTTP and TLS", bytesOf([]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")), bytesOf([]byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"))),
	hostile("unknown keys", known(-1, 0, false), known(999, 0, false), known(32767, 0, false), known(4, 0, false), known(5, 0, false), known(6, 0, false), known(7, 0, false)),
	hostile("keys of controllers", known(52, 0, true), known(53, 0, false), known(54, 0, false), known(56, 2, true), known(58, 0, true), known(59, 0, true), known(62, 0, true), known(63, 0, true),
		known(67, 0, true), known(70, 0, true), known(73, 0, true), known(82, 0, true)),
	hostile("unknown versions", known(0, 99, true), known(0, -1, false), known(1, 3, false), known(1, 19, true), known(2, 0, false), known(2, 12, true), known(3, 14, true),
		known(3, -1, false), known(17, 2, false), known(19, 1, false), known(19, 8, true), known(20, 0, false), known(20, 7, true), known(22, 7, true), known(23, 1, false),
		known(23, 5, true), known(36, 3, true), known(37, 4, true), known(42, 3, true), known(60, 3, true), known(75, 1, true)),
	hostile("arrays that are too long", known(3, 1, false, 0x7f, 0xff, 0xff, 0xff), known(3, 1, false, 0, 0, 0, 9, 0, 1, 'a'), known(3, 9, true, 0xff, 0xff, 0xff, 0xff, 0x0f),
		known(19, 2, false, 0x7f, 0xff, 0xff, 0xff), known(1, 4, false, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff)),
	hostile("null arrays", known(19, 2, false, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0), known(19, 5, true, 0, 0, 0, 0, 0, 0, 0), known(20, 1, false, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0),
		known(37, 0, false, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0), known(2, 1, false, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), known(75, 0, true, 0, 0, 0, 0, 0, 0xff, 0)),
	hostile("negative lengths that are not -1", known(3, 1, false, 0xff, 0xff, 0xff, 0xfe), known(3, 0, false, 0xff, 0xff, 0xff, 0xff), known(19, 2, false, 0xff, 0xff, 0xff, 0xf0)),
	hostile("null and negative strings", known(17, 0, false, 0xff, 0xff), known(17, 0, false, 0xff, 0xf0), known(3, 1, false, 0, 0, 0, 1, 0xff, 0xff), known(3, 9, true, 2, 0, 0, 0, 0, 0, 0),
		known(22, 0, false, 0xff, 0xf0, 0, 0, 0, 0)),
	hostile("tags", known(18, 3, true, 2, 'a', 2, '1', 0xff, 0xff, 0xff, 0xff, 0x0f), known(18, 3, true, 2, 'a', 2, '1', 1, 9, 1, 0), known(18, 3, true, 2, 'a', 2, '1', 2, 9, 1, 0, 9, 1, 0),
		known(18, 3, true, 2, 'a', 2, '1', 2, 9, 1, 0, 3, 1, 0), known(18, 3, true, 2, 'a', 2, '1', 1, 9, 99), known(60, 0, true, 0, 0xff, 0xff, 0xff, 0xff, 0x07)),
	hostile("tags in the header", bytesOf(frame(append(header(18, 3, 5, ptr("c"), false), 1, 3, 2, 'x', 'y', 2, 'a', 2, '1', 0))),
		bytesOf(frame(append(header(18, 3, 5, ptr("c"), false), 0xff, 0xff, 0xff, 0xff, 0x0f)))),
	hostile("client ids", bytesOf(frame(header(18, 0, 5, nil, false))), bytesOf(frame(header(18, 0, 5, ptr(""), false))), bytesOf(frame(header(18, 0, 5, ptr(strings.Repeat("x", 9000)), false))),
		bytesOf(frame([]byte{0, 18, 0, 0, 0, 0, 0, 5, 0xff, 0xf0})), bytesOf(frame([]byte{0, 18, 0, 0, 0, 0, 0, 5, 0, 9, 'x'})), bytesOf(frame([]byte{0, 18, 0, 0, 0, 0, 0, 5, 0, 2, 0xff, 0xfe}))),
	hostile("trailing bytes", known(18, 0, false, 1, 2, 3), known(18, 3, true, 2, 'a', 2, '1', 0, 9, 9), known(3, 1, false, 0, 0, 0, 0, 9)),
	hostile("varints too long", known(3, 9, true, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01), known(18, 3, true, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)),
	{"cut bodies", 0, 0, func(s *Side, _ int16) {
		t := s.Topic("t", 1)
		for _, p := range [][]byte{
			payload(3, s.produce(3, 1, part{t, 0, s.batchOf("a").bytes()})), payload(9, s.produce(9, 1, part{t, 0, s.batchOf("a").bytes()})),
			payload(4, s.fetch(4, 0, at{topic: t})), payload(12, s.fetch(12, 0, at{topic: t})), payload(1, listOffsets(when{topic: t, stamp: -1})),
			payload(6, listOffsets(when{topic: t, stamp: -1})), payload(4, byName(t)), payload(9, byName(t)), payload(2, createTopics(newTopic(s.Name("u"), 1, 1))),
			payload(5, createTopics(newTopic(s.Name("u"), 1, 1))), payload(1, deleteTopics(1, s.Name("u"))), payload(4, deleteTopics(4, s.Name("u"))),
			payload(0, kmsg.NewPtrInitProducerIDRequest()), payload(2, kmsg.NewPtrInitProducerIDRequest()), payload(2, leaderEpoch(t, 0, 0, -1)),
			payload(0, createPartitions(t, 2)), payload(0, kmsg.NewPtrDescribeClusterRequest()), payload(0, describeTopics(9, nil, t)), payload(3, software("a", "1")),
		} {
			for _, n := range []int{1, 3} {
				s.Raw("cut", shorten(p, n, false))
				s.redial()
			}
		}
		s.Ask(12, byName(t))
	}},
	{"half a frame, then the end", 0, 0, func(s *Side, _ int16) {
		p := payload(3, software("a", "1"))
		_ = s.wire().write(shorten(p, 2, true))
		s.redial()
		s.Ask(3, software("a", "1"))
	}},
	{"a frame in pieces", 0, 0, func(s *Side, _ int16) {
		b := frame(payload(3, software("a", "1")))
		for _, x := range b[:len(b)-1] {
			_ = s.wire().write([]byte{x})
		}
		s.RawAnswer("last piece", versioned(3, software("a", "1")), b[len(b)-1:])
		s.Alive()
	}},
	{"null where a topic's name must be", 0, 0, func(s *Side, _ int16) {
		s.Raw("metadata v4", frame(append(header(3, 4, 5, ptr("c"), false), 0, 0, 0, 1, 0xff, 0xff, 0)))
		s.redial()
		s.Raw("fetch v4", frame(append(header(1, 4, 5, ptr("c"), false), 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 0)))
	}},
}

// versioned sets the version of a request.
func versioned(v int16, req kmsg.Request) kmsg.Request {
	req.SetVersion(v)
	return req
}
