package differential

import (
	"fmt"
	"strings"
	"time"
)

// codecNames are compression.type's, by the number in a batch's attributes.
var codecNames = []string{"uncompressed", "gzip", "snappy", "lz4", "zstd"}

// recompressed makes a case of batches sent to a topic that stores them by a codec of its own. Sizes are compared unpacked: no two
// libraries pack alike.
func recompressed(name string, min, max int16, configs string, build func(s *Side) []batch) Case {
	return Case{name, min, max, func(s *Side, v int16) {
		s.packed = true
		t := s.Topic("t", 1, strings.Fields(configs)...)
		for _, b := range build(s) {
			s.Ask(v, s.produce(v, -1, part{t, 0, b.bytes()}))
		}
		s.Back(t, 0)
	}}
}

// recompressCases: compression.type and the levels of KIP-390.
var recompressCases = append(pairs(),
	recompressed("producer", 9, 9, "compression.type=producer", fromAll),
	recompressed("levels, gzip", 9, 9, "compression.type=gzip compression.gzip.level=9", fromAll),
	recompressed("levels, lz4", 9, 9, "compression.type=lz4 compression.lz4.level=17", fromAll),
	recompressed("levels, zstd", 9, 9, "compression.type=zstd compression.zstd.level=-7", fromAll),
	recompressed("append time", 3, 13, "compression.type=lz4 message.timestamp.type=LogAppendTime", fromAll),
	recompressed("append time, same codec", 9, 9, "compression.type=gzip message.timestamp.type=LogAppendTime", func(s *Side) []batch {
		return []batch{s.rich(gzipped)}
	}),
	recompressed("null keys on a compacted topic", 9, 9, "compression.type=zstd cleanup.policy=compact", func(s *Side) []batch {
		b := s.rich(plain)
		b.records[1].key = nil
		return []batch{b}
	}),
	recompressed("attribute bits", 3, 13, "compression.type=gzip", func(s *Side) []batch {
		b := s.rich(snappied)
		b.attrs, b.records[0].attrs = b.attrs|0x40c0, 5
		return []batch{b}
	}),
	recompressed("attribute bits, same codec", 3, 13, "compression.type=gzip", func(s *Side) []batch {
		b, c := s.rich(gzipped), s.rich(gzipped)
		b.attrs, c.attrs, c.maxStamp = b.attrs|0x40c0, c.attrs|0x40c0, ptr(c.firstStamp)
		return []batch{b, c}
	}),
	recompressed("append time by the client", 3, 13, "compression.type=lz4", func(s *Side) []batch {
		b, c := s.rich(gzipped), s.rich(lz4ed)
		b.attrs, c.attrs = b.attrs|1<<3, c.attrs|1<<3
		return []batch{b, c}
	}),
	recompressed("first timestamp is not the base", 9, 9, "compression.type=uncompressed", func(s *Side) []batch {
		b := s.rich(gzipped)
		b.records[0].stampDelta, b.records[1].stampDelta = 400, -300
		return []batch{b}
	}),
	recompressed("max timestamp wrong", 9, 9, "compression.type=snappy", func(s *Side) []batch {
		b := s.rich(plain)
		b.maxStamp = ptr(b.firstStamp + 999)
		return []batch{b}
	}),
	recompressed("timestamp -1", 9, 9, "compression.type=lz4", func(s *Side) []batch {
		b := s.rich(plain)
		b.firstStamp = -1
		for i := range b.records {
			b.records[i].stampDelta = 0
		}
		return []batch{b}
	}),
	recompressed("delta gaps", 3, 13, "compression.type=lz4", func(s *Side) []batch {
		var out []batch
		for _, codec := range []int16{plain, gzipped, zstded} {
			b := s.rich(codec)
			b.records[2].delta = ptr(int64(7))
			out = append(out, b)
		}
		return out
	}),
	recompressed("wrong count", 3, 13, "compression.type=gzip", func(s *Side) []batch {
		b, c := s.rich(plain), s.rich(lz4ed)
		b.count, b.lastDelta, c.count, c.lastDelta = ptr(int32(5)), ptr(int32(4)), ptr(int32(2)), ptr(int32(1))
		return []batch{b, c}
	}),
	recompressed("timestamp in two hours", 3, 13, "compression.type=gzip", func(s *Side) []batch {
		b := s.rich(zstded)
		b.records[1].stampDelta = (3 * time.Hour).Milliseconds()
		return []batch{b}
	}),
	recompressed("too large when unpacked", 3, 13, "compression.type=uncompressed max.message.bytes=1000", func(s *Side) []batch {
		b, c := s.batchOf(strings.Repeat("x", 2000)), s.batchOf(strings.Repeat("x", 2000))
		b.attrs = gzipped
		return []batch{b, c, s.batchOf("fits")}
	}),
	recompressed("too large as it came", 3, 13, "compression.type=gzip max.message.bytes=1000", func(s *Side) []batch {
		return []batch{s.batchOf(strings.Repeat("x", 2000))}
	}),
	Case{"idempotent", 3, 13, func(s *Side, v int16) {
		s.packed = true
		t := s.Topic("t", 1, "compression.type=zstd")
		pid, _ := s.Producer()
		for i, x := range []send{{0, 0, 2}, {0, 2, 3}, {0, 2, 3}, {0, 5, 1}, {0, 7, 1}, {1, 0, 1}} {
			b := s.numbered(pid, x)
			b.attrs = int16(i % 5)
			s.Ask(v, s.produce(v, -1, part{t, 0, b.bytes()}))
		}
		s.Back(t, 0)
	}},
	Case{"several topics in one request", 3, 13, func(s *Side, v int16) {
		s.packed = true
		var parts []part
		for i, name := range codecNames {
			t := s.Topic(name, 2, "compression.type="+name)
			parts = append(parts, part{t, 0, s.rich(int16(i)).bytes()}, part{t, 1, s.rich(int16((i + 1) % 5)).bytes()})
		}
		s.Ask(v, s.produce(v, -1, parts...))
		for i := range codecNames {
			s.Back(parts[2*i].topic, 0)
			s.Back(parts[2*i].topic, 1)
		}
	}},
	Case{"zstd for old fetches", 4, 18, func(s *Side, v int16) {
		t, u := s.Topic("t", 1, "compression.type=zstd"), s.Topic("u", 1)
		z := s.rich(zstded)
		s.Must(9, s.produce(9, -1, part{t, 0, z.bytes()}, part{u, 0, z.bytes()}))
		s.Ask(v, s.fetch(v, 0, at{topic: t}))
		s.Ask(v, s.fetch(v, 0, at{topic: u}))
		s.Ask(v, s.fetch(v, 0, at{topic: t}, at{topic: u}))
		empty := s.Topic("e", 1, "compression.type=zstd")
		s.Ask(v, s.fetch(v, 0, at{topic: empty}))
		s.Ask(v, s.fetch(v, 0, at{topic: empty, offset: 9}))
	}},
	Case{"zstd for old produces", 3, 8, func(s *Side, v int16) {
		t, u := s.Topic("t", 1, "compression.type=zstd"), s.Topic("u", 1)
		z := s.rich(zstded)
		s.Ask(v, s.produce(v, -1, part{t, 0, s.rich(gzipped).bytes()}))
		s.Ask(v, s.produce(v, -1, part{t, 0, z.bytes()}, part{u, 0, z.bytes()}))
	}},
)

// pairs are all codecs to all.
func pairs() []Case {
	var out []Case
	for _, name := range codecNames {
		for from := range codecNames {
			out = append(out, recompressed(fmt.Sprintf("%s to %s", codecNames[from], name), 9, 9, "compression.type="+name, func(s *Side) []batch {
				return []batch{s.rich(int16(from)), s.batchOf("one")}
			}))
		}
	}
	return out
}

// fromAll are batches by all codecs.
func fromAll(s *Side) []batch {
	var out []batch
	for codec := range codecNames {
		out = append(out, s.rich(int16(codec)))
	}
	return out
}

// rich is a batch with all that records can have.
func (s *Side) rich(codec int16) batch {
	b := s.batchOf("a", "", "c", strings.Repeat("long ", 60))
	b.attrs = codec
	b.records[1].value, b.records[2].key = nil, nil
	b.records[0].headers = []field{{"h", []byte("1")}, {"h", nil}, {"", []byte{}}}
	return b
}
