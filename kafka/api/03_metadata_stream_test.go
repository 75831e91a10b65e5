package api

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A wide answer is made piece by piece, each of them small, and together they are what is said in one go.
func TestMetadataIsMadeInPieces(t *testing.T) {
	w := newWorld(t, 3, nil)
	wide := make([][]int32, 3000)
	for i := range wide {
		wide[i] = []int32{1, 2, 3}
	}
	w.topic("wide", wide...)
	for i := range 500 {
		w.topic(fmt.Sprint("narrow-", i), []int32{1})
	}
	all := kmsg.NewPtrMetadataRequest()
	named := metadataOf("wide", "narrow-7", "unknown", "wide")
	named.AllowAutoTopicCreation = false
	for _, v := range []int16{4, 9, 12} {
		for what, req := range map[string]*kmsg.MetadataRequest{"all": all, "named": named} {
			body, ok := w.begin(v, req).resp.(Streamed)
			if !ok {
				t.Fatalf("v%d %s: not streamed", v, what)
			}
			size := body.Size()
			var pieces []byte
			n := 0
			for {
				p := body.Next(nil)
				if len(p) == 0 {
					break
				}
				if len(p) > chunk {
					t.Errorf("v%d %s: a piece of %d bytes", v, what, len(p))
				}
				pieces, n = append(pieces, p...), n+1
			}
			whole, _, _ := body.AppendTo(nil)
			if string(pieces) != string(whole) || len(whole) != size || n < 3 {
				t.Errorf("v%d %s: %d bytes in %d pieces, %d in one, said to be %d", v, what, len(pieces), n, len(whole), size)
			}
			resp := kmsg.NewPtrMetadataResponse()
			resp.Version = v
			if err := resp.ReadFrom(whole); err != nil {
				t.Fatal(err)
			}
			if again := resp.AppendTo(nil); string(again) != string(whole) {
				t.Errorf("v%d %s: not what it says when it is read and written", v, what)
			}
			if want := map[string]int{"all": 501, "named": 3}[what]; len(resp.Topics) != want {
				t.Errorf("v%d %s: %d topics, want %d", v, what, len(resp.Topics), want)
			}
		}
	}
}
