package record

import (
	"fmt"
	"strings"
	"testing"
)

// A producer that marks its time as the broker's is refused where Kafka looks at the mark, and told which records.
func TestMarkedByTheProducer(t *testing.T) {
	batch := func(c Codec, ms int64, recs ...Record) Batch {
		o := Plain()
		o.Codec = c
		for i := range recs {
			recs[i].Timestamp = ms
		}
		b, err := Build(o, recs)
		if err != nil {
			t.Fatal(err)
		}
		be.PutUint16(b[atAttributes:], uint16(b.Attributes()|attrLogAppendTime))
		b.SetCRC()
		return b
	}
	f := func(b Batch, o Opts, want string) {
		t.Helper()
		info, err := Check(b, o)
		got := ""
		if err != nil {
			got = fmt.Sprint(err.Code, err.Custom, err.Validating)
			for _, r := range err.Records {
				got += fmt.Sprintf(" %d:%s", r.Index, r.Message)
			}
		} else if b.LogAppendTime() || !info.Changed {
			t.Error("the mark stays")
		}
		got = strings.ReplaceAll(got, "Invalid timestamp type in message ", "")
		if got = strings.ReplaceAll(got, " Producer should not set timestamp type to LogAppendTime.", ""); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	recs := []Record{{Key: []byte("k"), Value: []byte("ab")}, {}}
	own := Opts{OwnTime: true}
	f(batch(None, 7, recs...), Opts{}, "")
	f(batch(None, 7, recs...), own, "32 true true 0:DefaultRecord(offset=0, timestamp=7, key=1 bytes, value=2 bytes). 1:DefaultRecord(offset=1, timestamp=7, key=0 bytes, value=0 bytes).")
	f(batch(Gzip, 7, recs...), own, "32 true true 0:PartialDefaultRecord(offset=0, timestamp=7, key=1 bytes, value=2 bytes). 1:PartialDefaultRecord(offset=1, timestamp=7, key=-1 bytes, value=-1 bytes).")
	f(batch(Gzip, 7, recs[0]), Opts{OwnTime: true, Renumber: true}, "32 true true 0:DefaultRecord(offset=0, timestamp=7, key=1 bytes, value=2 bytes).")
	f(batch(None, 7, recs...), Opts{OwnTime: true, NeedKeys: true, Topic: "t", Partition: 3},
		"32 true true 0:DefaultRecord(offset=0, timestamp=7, key=1 bytes, value=2 bytes). 1:Compacted topic cannot accept message without key in topic partition t-3")
	f(batch(None, NoTime, recs[0]), Opts{}, "32 true true 0:DefaultRecord(offset=0, timestamp=-1, key=1 bytes, value=2 bytes).")
	if _, err := Check(batch(None, 7, make([]Record, maxShownRecords+1)...), own); err == nil || err.Code != codeInvalidTimestamp || len(err.Records) != 0 {
		t.Errorf("%+v", err)
	}
}
