package group

import "testing"

func TestPartitionFor(t *testing.T) {
	f := func(id string, n, want int32) {
		t.Helper()
		if got := PartitionFor(id, n); got != want {
			t.Fatalf("PartitionFor(%q, %d) = %d, want %d", id, n, got, want)
		}
	}
	f("", 50, 0)
	f("a", 50, 97%50)
	f("group", 50, 98629247%50)
	f("polygenelubricants", 50, 0)             // Java's hash is MinValue: Utils.abs makes it 0
	f("\U0001F600", 50, (0xd83d*31+0xde00)%50) // hashed as UTF-16
	f("tools-g", 50, 21)                       // negative hashes, seen in a real Kafka
	f("tools-h", 50, 20)
	f("tools-member", 50, 40)
	f("group", 1, 0)
	f("group", 0, -1)
}

func TestJavaLen(t *testing.T) {
	for s, want := range map[string]int{"": 0, "abc": 3, "äöü": 3, "𝄞": 2} {
		if got := javaLen(s); got != want {
			t.Errorf("%q: %d, want %d", s, got, want)
		}
	}
}
