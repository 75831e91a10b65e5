package readyline

import "testing"

func TestParse(t *testing.T) {
	f := func(line string, ok bool, kafka, cluster string) {
		t.Helper()
		got, good := Parse(line)
		if good != ok || got["kafka"] != kafka || got["cluster"] != cluster {
			t.Errorf("%q: %v %v", line, got, good)
		}
	}
	f("ready kafka=127.0.0.1:9092 admin=127.0.0.1:9644 peer=127.0.0.1:9093 node=1 cluster=x\n", true, "127.0.0.1:9092", "x")
	f("ready kafka=[::1]:9092", true, "[::1]:9092", "")
	f("ready admin=127.0.0.1:9644\n", false, "", "")
	f("already kafka=127.0.0.1:9092\n", false, "", "")
	f("", false, "", "")
}
