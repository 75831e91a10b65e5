package kafka

import (
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"testing"

	"troupe/kafka/api"
)

// FuzzConnection: whatever comes over a socket is a request, an unknown version of ApiVersions, or the end of the connection; nothing stays
// charged, no slab is lost, and memory is taken in proportion to what came.
func FuzzConnection(f *testing.F) {
	r := rand.New(rand.NewPCG(9, 10))
	for _, b := range hostile() {
		f.Add(b, 1<<20)
	}
	for version := int16(3); version <= 13; version++ {
		f.Add(request(1, nil, produceRequest(f, version, 1+r.IntN(2), 1+r.IntN(3), r.IntN(40))), 7)
	}
	f.Add(request(1, nil, apiVersionsRequest(3)), 3)
	f.Fuzz(func(t *testing.T, b []byte, piece int) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		a, err := stream(t, b, max(1, piece), known)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > uint64(64*len(b)+8<<20) {
			t.Errorf("%d bytes allocate %d", len(b), n)
		}
		if err != nil {
			return
		}
		if c := a.call; c.Req == nil && c.Produce == nil && c.Key != 18 || c.Key != int16(binary.BigEndian.Uint16(b[4:])) || api.Find(api.Table, c.Key) == nil {
			t.Fatalf("key %d version %d: %+v", c.Key, c.Version, c)
		}
		a.Refuse()
	})
}
