package meta

import (
	"bytes"
	"maps"
	"reflect"
	"testing"
)

// TestRandomCommands drives random commands through two images: one that goes on, and one that is replaced now and then by what was
// stored of it, as a restart or an installed snapshot does. After each command every invariant is checked, both have the same
// fingerprint and give the same result, and the stored records, kept up by Diff alone, are those of the image.
func TestRandomCommands(t *testing.T) {
	seeds, steps := uint64(45), 250
	if testing.Short() {
		seeds = 10
	}
	changed, ok := 0, 0
	for seed := range seeds {
		g := newGenerator(seed)
		img, twin := NewImage(), NewImage()
		stored := map[string][]byte{}
		at := img
		for step := range steps {
			env := g.next(img)
			decoded, err := Decode(Encode(env))
			if err != nil || !reflect.DeepEqual(decoded, env) {
				t.Fatalf("seed %d step %d: %v decodes to %v: %v", seed, step, env, decoded, err)
			}
			hash := img.Hash()
			next, changes, r := Apply(img, uint64(step+1), env)
			twin, _, _ = applySame(t, seed, step, twin, decoded, r)
			if img.Hash() != hash {
				t.Fatalf("seed %d step %d: %v wrote to the old image", seed, step, env)
			}
			mustHold(t, seed, step, env, img, next, changes)
			if r.Code == 0 {
				ok++
			}
			changed += len(changes.Topics)
			img = next
			if twin.Hash() != img.Hash() {
				t.Fatalf("seed %d step %d: %v leads to\n%s\nhere and to\n%s", seed, step, env, img, twin)
			}
			switch g.r.IntN(8) {
			case 0:
				if twin, err = LoadSnapshot(twin.Snapshot()); err != nil {
					t.Fatalf("seed %d step %d: %v", seed, step, err)
				}
			case 1:
				store(stored, Diff(at, img))
				mustCompare(t, seed, step, at, img)
				at, twin = img, reload(t, seed, step, stored, img)
			}
		}
	}
	if changed < 2000 || ok < 4000 {
		t.Errorf("only %d topic changes and %d accepted commands: the test does too little", changed, ok)
	}
}

func applySame(t *testing.T, seed uint64, step int, img *Image, env Envelope, want Result) (*Image, Changes, Result) {
	t.Helper()
	next, changes, r := Apply(img, uint64(step+1), env)
	if !reflect.DeepEqual(r, want) {
		t.Fatalf("seed %d step %d: %v gives %+v and %+v", seed, step, env, want, r)
	}
	return next, changes, r
}

func mustHold(t *testing.T, seed uint64, step int, env Envelope, old, img *Image, changes Changes) {
	t.Helper()
	if err := Check(img); err != nil {
		t.Fatalf("seed %d step %d: %v: %v\n%s", seed, step, env, err, img)
	}
	if err := CheckStep(old, img); err != nil {
		t.Fatalf("seed %d step %d: %v: %v", seed, step, env, err)
	}
	// The changes are exactly what differs.
	said := map[TopicID]bool{}
	for _, c := range changes.Topics {
		id := topicOf(c.Old, c.New).ID
		if said[id] || old.TopicByID(id) != c.Old || img.TopicByID(id) != c.New {
			t.Fatalf("seed %d step %d: %v: a wrong change of %s", seed, step, env, id)
		}
		said[id] = true
	}
	for topic := range img.Topics() {
		if old.TopicByID(topic.ID) != topic && !said[topic.ID] {
			t.Fatalf("seed %d step %d: %v: %s changed in silence", seed, step, env, topic.Name)
		}
	}
	if n := img.TopicCount() - old.TopicCount(); n < 0 && len(said) < -n {
		t.Fatalf("seed %d step %d: %v: topics went in silence", seed, step, env)
	}
}

// mustCompare checks that Compare finds the same between images that share structure and between those that do not.
func mustCompare(t *testing.T, seed uint64, step int, old, img *Image) {
	t.Helper()
	loaded, err := LoadSnapshot(img.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	near, far := Compare(old, img), Compare(old, loaded)
	if len(near.Topics) != len(far.Topics) || !reflect.DeepEqual(near.Brokers, far.Brokers) || !reflect.DeepEqual(near.Configs, far.Configs) {
		t.Fatalf("seed %d step %d: %+v and %+v", seed, step, near, far)
	}
	said := map[TopicID]bool{}
	for _, c := range far.Topics {
		id := topicOf(c.Old, c.New).ID
		said[id] = true
		if old.TopicByID(id) != c.Old || loaded.TopicByID(id) != c.New {
			t.Fatalf("seed %d step %d: a wrong change of %s", seed, step, id)
		}
	}
	for topic := range img.Topics() {
		if was := old.TopicByID(topic.ID); (was == nil || !reflect.DeepEqual(was, topic)) != said[topic.ID] {
			t.Fatalf("seed %d step %d: %s: said to be changed: %v", seed, step, topic.Name, said[topic.ID])
		}
	}
	if len(Diff(img, loaded)) != 0 || len(Compare(img, loaded).Topics) != 0 {
		t.Fatalf("seed %d step %d: an image differs from itself loaded again", seed, step)
	}
}

func store(stored map[string][]byte, records []Record) {
	for _, r := range records {
		if r.Value == nil {
			delete(stored, string(r.Key))
		} else {
			stored[string(r.Key)] = r.Value
		}
	}
}

// reload checks that the stored records are those of the image, and builds an image of them.
func reload(t *testing.T, seed uint64, step int, stored map[string][]byte, img *Image) *Image {
	t.Helper()
	whole := map[string][]byte{}
	for r := range img.Records() {
		whole[string(r.Key)] = r.Value
	}
	if !maps.EqualFunc(stored, whole, bytes.Equal) {
		for k := range whole {
			if !bytes.Equal(stored[k], whole[k]) {
				t.Errorf("key %q: stored %x, is %x", k, stored[k], whole[k])
			}
		}
		for k := range stored {
			if whole[k] == nil {
				t.Errorf("key %q is stored and gone", k)
			}
		}
		t.Fatalf("seed %d step %d: the stored records are not those of the image", seed, step)
	}
	got, err := LoadRecords(func(yield func(k, v []byte) bool) {
		for k, v := range stored { // in any order
			if !yield([]byte(k), v) {
				return
			}
		}
	})
	if err != nil {
		t.Fatalf("seed %d step %d: %v", seed, step, err)
	}
	return got
}

// TestApplyDoesNotTouchSiblings applies two different commands to one image: images share structure, and neither may see the other's.
func TestApplyDoesNotTouchSiblings(t *testing.T) {
	c := newCluster(t, 3)
	for i := range byte(50) {
		c.topic("t"+string(rune('a'+i%26))+string(rune('a'+i/26)), i+1, nil, []int32{1, 2, 3})
	}
	g := newGenerator(7)
	base := c.img
	hash := base.Hash()
	for range 300 {
		a, b := Envelope{ID: request(9, 1, 1), Cmd: g.command(base)}, Envelope{ID: request(9, 1, 2), Cmd: g.command(base)}
		left, _, _ := Apply(base, base.Index()+1, a)
		leftHash := left.Hash()
		right, _, _ := Apply(base, base.Index()+1, b)
		if base.Hash() != hash || left.Hash() != leftHash || Check(right) != nil {
			t.Fatalf("%v and %v disturb each other", a, b)
		}
	}
}
