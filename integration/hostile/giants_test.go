package hostile

import (
	"fmt"
	"os"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/kafka/api"
)

// A giant is a request that names very many things in one of its arrays. It is made by the form of the request, so every key that is
// served has its giants.
type giant struct {
	what string
	req  kmsg.Request
}

// size of a giant: elements, and bytes of each name.
type size struct{ n, length int }

// giantsOf makes one giant for each array of a request, with names that differ, or that are all that of a topic that exists.
func giantsOf(key, version int16, s size, same bool) []giant {
	var out []giant
	for _, path := range arrays(reflect.TypeOf(kmsg.RequestForKey(key)).Elem(), nil) {
		req := kmsg.RequestForKey(key)
		req.SetVersion(version)
		f := filler{s: s, same: same, path: path}
		f.fill(reflect.ValueOf(req).Elem(), 0, 0)
		out = append(out, giant{fmt.Sprintf("%s %s", kmsg.NameForKey(key), name(reflect.TypeOf(req).Elem(), path)), req})
	}
	return out
}

// arrays are the paths to all arrays of a struct, by field numbers.
func arrays(t reflect.Type, at []int) [][]int {
	var out [][]int
	for i := range t.NumField() {
		ft := t.Field(i).Type
		path := append(at[:len(at):len(at)], i)
		switch {
		case ft.Kind() != reflect.Slice || ft.Elem().Kind() == reflect.Uint8:
		case ft.Elem().Kind() == reflect.Struct:
			out = append(append(out, path), arrays(ft.Elem(), path)...)
		default:
			out = append(out, path)
		}
	}
	return out
}

func name(t reflect.Type, path []int) string {
	s := ""
	for _, i := range path {
		if t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		f := t.Field(i)
		s, t = s+"."+f.Name, f.Type
	}
	return s[1:]
}

// filler fills a request: one element in each array on the way, very many in the last.
type filler struct {
	s    size
	same bool
	path []int
}

func (f *filler) fill(v reflect.Value, depth, n int) {
	if d := v.Addr().MethodByName("Default"); d.IsValid() {
		d.Call(nil)
	}
	for i := range v.NumField() {
		fv := v.Field(i)
		switch fv.Kind() {
		case reflect.String:
			fv.SetString(f.name(n))
		case reflect.Pointer:
			if fv.Type().Elem().Kind() == reflect.String {
				s := f.name(n)
				fv.Set(reflect.ValueOf(&s))
			}
		case reflect.Int32:
			f.number(v.Type().Field(i).Name, fv, n)
		case reflect.Int8:
			if fv.Type() == reflect.TypeFor[kmsg.ACLResourcePatternType]() {
				fv.SetInt(3) // literal
			} else if fv.Type() != reflect.TypeFor[int8]() {
				fv.SetInt(2) // topics, everything, allowed
			}
		case reflect.Int16:
			if v.Type().Field(i).Name == "Acks" {
				fv.SetInt(-1)
			}
		case reflect.Slice:
			if depth < len(f.path) && i == f.path[depth] {
				f.array(fv, depth)
			}
		}
	}
}

// number leaves limits and times large enough for the request to be taken seriously.
func (f *filler) number(field string, v reflect.Value, n int) {
	switch field {
	case "Partition", "PartitionIndex":
		if !f.same {
			v.SetInt(int64(n))
		}
	case "MaxWaitMillis":
		v.SetInt(0)
	case "TimeoutMillis", "PartitionMaxBytes", "MaxBytes", "SessionTimeoutMillis":
		v.SetInt(10_000)
	}
}

func (f *filler) array(v reflect.Value, depth int) {
	n := 1
	if depth == len(f.path)-1 {
		n = f.s.n
	}
	list := reflect.MakeSlice(v.Type(), n, n)
	for i := range n {
		switch e := list.Index(i); e.Kind() {
		case reflect.Struct:
			f.fill(e, depth+1, i)
		case reflect.String:
			e.SetString(f.name(i))
		case reflect.Int32:
			if !f.same {
				e.SetInt(int64(i))
			}
		}
	}
	v.Set(list)
}

func (f *filler) name(i int) string {
	if f.same {
		return "honest"
	}
	return fmt.Sprintf("%0*d", f.s.length, i)
}

// TestGiants sends the largest requests there can be, those of each key to a broker of its own: answered or refused, they cost little. GIANTS=all
// adds more sizes.
func TestGiants(t *testing.T) {
	t.Parallel()
	sizes := []size{{190_000, 90}}
	if os.Getenv("GIANTS") == "all" {
		sizes = append(sizes, size{2_000, 8}, size{100_000, 8}, size{190_000, 8}, size{1_000_000, 8}, size{1_000_000, 90})
	}
	for i := range api.Table {
		e := &api.Table[i]
		t.Run(kmsg.NameForKey(e.Key), func(t *testing.T) {
			g := start(t)
			g.nothingStays = true
			for _, s := range sizes {
				for _, same := range []bool{false, true} {
					for _, x := range giantsOf(e.Key, e.Max, s, same) {
						g.giant(t, fmt.Sprintf("%s/%d of %d bytes, same %v", x.what, s.n, s.length, same), s, x.req)
					}
				}
			}
		})
	}
}

func (g *target) giant(t *testing.T, what string, s size, req kmsg.Request) {
	t.Run(what, func(t *testing.T) {
		b := request(req)
		if len(b) > 100<<20 {
			t.Skip("longer than a frame may be")
		}
		g.watch(t, maxCPU, func(t *testing.T) {
			c := g.dial(t)
			defer c.Close()
			c.send(b)
			answered := c.ended()
			t.Logf("%d bytes, answered: %v", len(b), answered)
			if !answered && s.n <= 2_000 {
				t.Error("closed, but this is what the clients of a large cluster ask")
			}
		})
	})
}
