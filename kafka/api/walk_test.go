package api

import (
	"encoding/binary"
	"math/rand/v2"
	"reflect"
	"runtime"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sys/unix"
)

// fill sets every field of a request to something: many gives the lengths of arrays.
func fill(v reflect.Value, r *rand.Rand, many int) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(int8(r.Uint32())))
	case reflect.String:
		v.SetString("topic-name"[:r.IntN(10)])
	case reflect.Pointer:
		if r.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), r, many)
		}
	case reflect.Slice:
		n := r.IntN(many + 1)
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(v.Index(i), r, many)
		}
	case reflect.Array:
		for i := range v.Len() {
			v.Index(i).SetUint(uint64(byte(r.Uint32())))
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[kmsg.Tags]() {
			if r.IntN(4) == 0 {
				v.Addr().Interface().(*kmsg.Tags).Set(uint32(100+r.IntN(5)), []byte("tag"))
			}
			return
		}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Name != "Version" {
				fill(v.Field(i), r, many)
			}
		}
	}
	if v.Kind() == reflect.Uint8 {
		v.SetUint(uint64(byte(r.Uint32())))
	}
}

// sample is a request of key and version with random content.
func sample(key, version int16, r *rand.Rand, many int) kmsg.Request {
	req := kmsg.RequestForKey(key)
	req.SetVersion(version)
	fill(reflect.ValueOf(req).Elem(), r, many)
	return req
}

func eachWalked(f func(e Entry, version int16)) {
	for _, e := range Table {
		if e.Key == 0 {
			continue // streamed
		}
		for v := e.Min; v <= e.Max; v++ {
			f(e, v)
		}
	}
}

func decodes(key, version int16, body []byte) bool {
	req := kmsg.RequestForKey(key)
	req.SetVersion(version)
	return req.ReadFrom(body) == nil
}

// What kmsg encodes must pass, cut anywhere it must not pass, and trailing bytes do no harm.
func TestWalkOfValid(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	eachWalked(func(e Entry, v int16) {
		for range 30 {
			req := sample(e.Key, v, r, 3)
			body := req.AppendTo(nil)
			// Null strings and arrays that the protocol forbids cannot come from kmsg but for these.
			if _, err := Walk(e.Key, v, body); err != nil {
				t.Fatalf("%s v%d: %v: %x", kmsg.NameForKey(e.Key), v, err, body)
			}
			if _, err := Walk(e.Key, v, append(body, 1, 2, 3)); err != nil {
				t.Fatalf("%s v%d with trailing bytes: %v", kmsg.NameForKey(e.Key), v, err)
			}
			for cut := range body {
				_, werr := Walk(e.Key, v, body[:cut])
				walks := werr == nil
				if walks != decodes(e.Key, v, body[:cut:cut]) {
					t.Fatalf("%s v%d cut at %d of %d: walks %v: %x", kmsg.NameForKey(e.Key), v, cut, len(body), walks, body)
				}
			}
		}
	})
}

// nulls reports whether body differs from what kmsg accepts only in nulls that have no meaning: kmsg takes them for empty.
func nulls(err error) bool {
	return err != nil && contains(err.Error(), "null where", "too much in", "more tags", "longer than it can", "string too long")
}

func contains(s string, any ...string) bool {
	for _, a := range any {
		for i := 0; i+len(a) <= len(s); i++ {
			if s[i:i+len(a)] == a {
				return true
			}
		}
	}
	return false
}

// Bytes changed at random: what walks must decode, and what decodes must walk unless the walk is stricter on purpose.
func TestWalkAgainstKmsg(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	passed, refused := 0, 0
	eachWalked(func(e Entry, v int16) {
		for range 400 {
			body := sample(e.Key, v, r, 2).AppendTo(nil)
			for range 1 + r.IntN(3) {
				if len(body) > 0 {
					body[r.IntN(len(body))] = []byte{0, 1, 2, 0xff, 0x7f, 0x80, byte(r.Uint32())}[r.IntN(7)]
				}
			}
			if agree(t, e.Key, v, body) {
				passed++
			} else {
				refused++
			}
		}
	})
	if passed < 1000 || refused < 1000 {
		t.Errorf("%d passed, %d were refused: the test is worth little", passed, refused)
	}
}

func agree(t *testing.T, key, v int16, body []byte) bool {
	_, err := Walk(key, v, body)
	if err == nil && !decodes(key, v, body) {
		t.Fatalf("%s v%d walks and does not decode: %x", kmsg.NameForKey(key), v, body)
	}
	// kmsg must not be asked to decode a huge count of tags: it would take minutes.
	if err != nil && !nulls(err) && decodes(key, v, body) {
		t.Fatalf("%s v%d decodes and does not walk: %v: %x", kmsg.NameForKey(key), v, err, body)
	}
	return err == nil
}

func TestWalkRefuses(t *testing.T) {
	huge := binary.AppendUvarint(nil, 1<<32-1)
	for _, x := range []struct {
		name         string
		key, version int16
		body         []byte
	}{
		{"nine bytes that burn a core", 18, 3, append([]byte{1, 1}, huge...)},
		{"a million empty topics", 3, 1, append([]byte{0, 15, 66, 65}, make([]byte, 4<<20)...)},
		{"more topics than bytes", 3, 1, []byte{0, 0, 1, 0, 0, 0}},
		{"null topics in v0", 3, 0, []byte{255, 255, 255, 255}},
		{"null name in v9", 3, 9, []byte{2, 0, 0, 0, 0, 0, 0}},
		{"null topic list of DeleteTopics", 20, 1, []byte{255, 255, 255, 255, 0, 0, 0, 0}},
		{"short tag", 1, 17, append(make([]byte, 4+4+4+1+4+4), 1, 1, 1, 1, 0, 5, 1)},
		{"unknown key", 99, 0, nil},
	} {
		if _, err := Walk(x.key, x.version, x.body); err == nil {
			t.Errorf("%s: passed", x.name)
		}
	}
	if _, err := Walk(3, 1, []byte{255, 255, 255, 255}); err != nil {
		t.Errorf("Metadata v1 with null topics: %v", err)
	}
}

// Half a megabyte of topics with one-letter names asks for more than it may; a few are welcome.
func TestWalkBudget(t *testing.T) {
	body := func(n int) []byte {
		b := binary.AppendUvarint(nil, uint64(n)+1)
		for range n {
			b = append(b, 2, 'a', 0)
		}
		return append(b, 1, 0, 0, 0)
	}
	if _, err := Walk(3, 9, body(1000)); err != nil {
		t.Error(err)
	}
	if _, err := Walk(3, 9, body(200_000)); err == nil {
		t.Error("200,000 topics in 600 kB passed")
	}
}

// cpu is the processor time of this thread: other work on the machine does not count.
func cpu(t *testing.T) time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		t.Skip(err)
	}
	return time.Duration(ts.Nano())
}

func FuzzFrame(f *testing.F) {
	r := rand.New(rand.NewPCG(5, 6))
	eachWalked(func(e Entry, v int16) { f.Add(e.Key, v, sample(e.Key, v, r, 2).AppendTo(nil)) })
	f.Add(int16(18), int16(3), append([]byte{1, 1}, binary.AppendUvarint(nil, 1<<32-1)...))
	f.Fuzz(func(t *testing.T, key, version int16, body []byte) {
		e := Find(Table, key)
		if e == nil || key == 0 || !e.Serves(version) {
			return
		}
		var before, after runtime.MemStats
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		begin := cpu(t)
		decoded, err := Walk(key, version, body)
		if err != nil {
			if d := cpu(t) - begin; d > 10*time.Millisecond && len(body) < 1<<20 {
				t.Errorf("refused after %v", d)
			}
			if !nulls(err) && decodes(key, version, body) {
				t.Errorf("decodes and does not walk: %v", err)
			}
			return
		}
		runtime.ReadMemStats(&before)
		ok := decodes(key, version, body)
		runtime.ReadMemStats(&after)
		if !ok {
			t.Fatal("walks and does not decode")
		}
		if d := cpu(t) - begin; d > 10*time.Millisecond && len(body) < 1<<16 {
			t.Errorf("%d bytes took %v", len(body), d)
		}
		if a := after.TotalAlloc - before.TotalAlloc; a > uint64(decodeFactor*len(body)+decodeSpare+64<<10) || a > uint64(4*decoded+4*len(body)+64<<10) {
			t.Errorf("%d bytes allocate %d, the walk says %d", len(body), a, decoded)
		}
	})
}

func BenchmarkWalkFetch(b *testing.B) {
	req := kmsg.NewPtrFetchRequest()
	req.SetVersion(17)
	for range 4 {
		t := kmsg.NewFetchRequestTopic()
		for i := range 250 {
			p := kmsg.NewFetchRequestTopicPartition()
			p.Partition = int32(i)
			t.Partitions = append(t.Partitions, p)
		}
		req.Topics = append(req.Topics, t)
	}
	body := req.AppendTo(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Walk(1, 17, body); err != nil {
			b.Fatal(err)
		}
	}
}
