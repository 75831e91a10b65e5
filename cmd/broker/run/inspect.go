package run

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"troupe/actors/meta"
	"troupe/actors/metadata"
	"troupe/storage"
)

// Inspection is a data directory whose broker is stopped, opened without changing anything.
type Inspection struct {
	Dir      string
	Identity storage.Identity
	Image    *meta.Image // as of the last applied command
	Loaded   storage.MetaLoaded
	Data     storage.Data

	meta storage.Meta
}

// Inspect opens a data directory to read it. An empty dir is the one that a broker started without flags would take.
//
// Errors: ConflictError if a broker runs on it, DataDirError if it is none or is damaged; each one line.
func Inspect(dir string) (*Inspection, error) {
	if dir == "" {
		var err error
		if dir, err = defaultDataDir(); err != nil {
			return nil, err
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "meta")); errors.Is(err, fs.ErrNotExist) {
		return nil, DataDirError{fmt.Sprintf("data directory %s: %v", dir, storage.ErrNoStore)}
	}
	in := &Inspection{Dir: dir}
	if err := in.open(); err != nil {
		in.Close()
		return nil, explain(dir, err)
	}
	return in, nil
}

func (in *Inspection) open() (err error) {
	fatal := func(string) {} // a store that fails says so by its error too
	if in.meta, err = storage.OpenMeta(filepath.Join(in.Dir, "meta"), storage.MetaOptions{ReadOnly: true, Fatal: fatal}); err != nil {
		return err
	}
	if in.Data, err = storage.Open(filepath.Join(in.Dir, "log"), storage.Options{ReadOnly: true, OnFatal: fatal, VerifyReads: true}); err != nil {
		return err
	}
	if in.Identity, err = in.meta.Identity(); err != nil {
		return err
	}
	if in.Loaded, err = in.meta.Load(); err != nil {
		return err
	}
	in.Image, err = metadata.LoadImage(in.Loaded)
	return err
}

// Close ends the inspection.
func (in *Inspection) Close() {
	if in.Data != nil {
		_ = in.Data.Close() // nothing was written
	}
	if in.meta != nil {
		_ = in.meta.Close()
	}
}

// Checked is one partition, by the name that people know it by.
type Checked struct {
	Topic     string
	Partition int32
	// Pending: the last applied state does not know it. Its topic is in the commands that the next start applies, or was deleted and goes then.
	Pending bool
	storage.Verified
}

// Name is topic and partition, or what the store knows it by.
func (c *Checked) Name() string {
	if c.Pending {
		return fmt.Sprintf("part-%d (not in the applied metadata)", c.PartID)
	}
	return fmt.Sprintf("%s/%d", c.Topic, c.Partition)
}

// Verify reads all records of the partitions that want asks for, and tells each result, in the order of names.
func (in *Inspection) Verify(want func(topic string, partition int32) bool, tell func(Checked)) error {
	ids, err := in.Data.Partitions()
	if err != nil {
		return err
	}
	list := make([]Checked, 0, len(ids))
	for _, id := range ids {
		c := Checked{Verified: storage.Verified{PartID: id}, Pending: true}
		if t, p := in.Image.ByPartID(id); t != nil {
			c.Topic, c.Partition, c.Pending = t.Name, p.Index, false
		}
		if want(c.Topic, c.Partition) {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b Checked) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.PartID, b.PartID))
	})
	for _, c := range list {
		if c.Verified, err = storage.Verify(in.Data, c.PartID); err != nil {
			return err
		}
		tell(c)
	}
	return nil
}
