package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"troupe/cmd/broker/admin"
	"troupe/cmd/broker/run"
	stored "troupe/storage/record"
)

func debugCommand(c *cli) *cobra.Command {
	cmd := &cobra.Command{Use: "debug", Short: "Look into a data directory", Args: cobra.ArbitraryArgs, RunE: groupOnly,
		Long:    "Look into the data directory of a broker that is stopped. Nothing is changed.",
		Example: "  broker debug verify\n  broker debug dump orders/3 --records"}
	var dir string
	cmd.PersistentFlags().StringVar(&dir, "data-dir", env("BROKER_DATA_DIR", ""), "the data directory; default: that of a broker without flags (env BROKER_DATA_DIR)")
	cmd.AddCommand(debugVerifyCommand(c, &dir), debugDumpCommand(c, &dir))
	return cmd
}

// place is a TOPIC or TOPIC/PARTITION of the command line; partition -1: all. The zero topic is every topic.
type place struct {
	topic     string
	partition int32
}

func parsePlace(args []string) (place, error) {
	if len(args) == 0 {
		return place{partition: -1}, nil
	}
	topic, number, cut := strings.Cut(args[0], "/")
	if !cut {
		return place{args[0], -1}, nil
	}
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil || n < 0 {
		return place{}, failf(exitUsage, "%q: want TOPIC or TOPIC/PARTITION, such as orders/3", args[0])
	}
	return place{topic, int32(n)}, nil
}

func (p place) has(topic string, partition int32) bool {
	return (p.topic == "" || p.topic == topic) && (p.partition < 0 || p.partition == partition)
}

// checkedRow is one partition in the output of verify.
type checkedRow struct {
	Topic     string   `json:"topic"`
	Partition int32    `json:"partition"`
	PartID    uint32   `json:"part_id"`
	Pending   bool     `json:"pending,omitempty"`
	Start     int64    `json:"start"`
	End       int64    `json:"end"`
	Batches   int64    `json:"batches"`
	Records   int64    `json:"records"`
	Bytes     int64    `json:"bytes"`
	Gaps      int64    `json:"gaps"`
	Producers int      `json:"producers"`
	Problems  []string `json:"problems"`
	More      int      `json:"more_problems,omitempty"`
}

func debugVerifyCommand(c *cli, dir *string) *cobra.Command {
	cmd := &cobra.Command{
		Use: "verify [TOPIC[/PARTITION]]", Short: "Read everything that is stored and check it", Args: cobra.MaximumNArgs(1),
		Long: `Read everything that a stopped broker has stored: metadata, then every record batch with its checksum, offsets and epochs, and what is
kept beside them. Exit code 3 if anything is wrong. GAPS are offsets without a record, as compaction leaves them.`,
		Example: "  broker debug verify --data-dir /var/lib/broker\n  broker debug verify orders/3 -o json",
	}
	c.outputFlag(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		at, err := parsePlace(args)
		if err != nil {
			return err
		}
		in, err := run.Inspect(*dir)
		if err != nil {
			return err
		}
		defer in.Close()
		return c.verify(in, at)
	}
	return cmd
}

func (c *cli) verify(in *run.Inspection, at place) error {
	list, bad := []checkedRow{}, 0
	var rows [][]string
	num := func(n int64) string { return strconv.FormatInt(n, 10) }
	err := in.Verify(at.has, func(p run.Checked) {
		state := "ok"
		if !p.OK() {
			bad++
			state = admin.Counted(len(p.Problems)+p.More(), "problem", "problems")
		}
		problems := append([]string{}, p.Problems...)
		list = append(list, checkedRow{p.Topic, p.Partition, p.PartID, p.Pending, p.Start, p.End, p.Batches, p.Records, p.Bytes, p.Gaps, p.Producers, problems, p.More()})
		rows = append(rows, []string{p.Name(), num(p.Start), num(p.End), num(p.Batches), num(p.Records), num(p.Bytes), num(p.Gaps), state})
		for _, text := range problems {
			rows = append(rows, []string{"  " + text})
		}
	})
	if err != nil {
		return failf(exitError, "data directory %s: %v", in.Dir, err)
	}
	if at.topic != "" && len(list) == 0 { // what holds no record is in no list
		switch t := in.Image.Topic(at.topic); {
		case t == nil:
			return unnamed(in, fmt.Sprintf("topic %q", at.topic))
		case int(at.partition) >= len(t.Partitions):
			return unnamed(in, fmt.Sprintf("partition %s/%d", at.topic, at.partition))
		}
	}
	if err := c.print(list, []string{"PARTITION", "START", "END", "BATCHES", "RECORDS", "BYTES", "GAPS", "STATE"}, rows); err != nil {
		return err
	}
	if bad > 0 {
		return failf(exitUnhealthy, "%d of %d partitions are damaged: restore them from a replica or a backup; what is not named above is whole", bad, len(list))
	}
	return nil
}

// unnamed is the error about what the metadata of a directory does not name; after a crash it may be in the end of the log.
func unnamed(in *run.Inspection, what string) error {
	later := ""
	if n := int64(in.Loaded.LastIndex - in.Loaded.Applied); n > 0 {
		later = fmt.Sprintf(" (the next start of the broker may apply %s of the metadata log)", admin.Counted(n, "more entry", "more entries"))
	}
	return failf(exitNotFound, "data directory %s knows no %s%s; list what it knows with: broker debug dump", in.Dir, what, later)
}

func debugDumpCommand(c *cli, dir *string) *cobra.Command {
	var from, count int64
	var records bool
	cmd := &cobra.Command{
		Use: "dump [TOPIC/PARTITION]", Short: "Print the metadata, or the batches of a partition", Args: cobra.MaximumNArgs(1),
		Long:    "Print what a stopped broker knows of its cluster, or, with a partition, its record batches one a line, and with --records their records.",
		Example: "  broker debug dump --data-dir /var/lib/broker\n  broker debug dump orders/3 --from 90000 -n 20 --records",
	}
	f := cmd.Flags()
	f.Int64Var(&from, "from", 0, "first offset")
	f.Int64VarP(&count, "num", "n", -1, "how many batches; -1 is all")
	f.BoolVar(&records, "records", false, "the records too")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		at, err := parsePlace(args)
		if err != nil {
			return err
		}
		if len(args) > 0 && at.partition < 0 {
			return failf(exitUsage, "%q: want TOPIC/PARTITION, such as %s/0", args[0], args[0])
		}
		in, err := run.Inspect(*dir)
		if err != nil {
			return err
		}
		defer in.Close()
		if len(args) == 0 {
			fmt.Fprintf(c.out, "node %d cluster %s incarnation %d\nraft applied %d log (%d, %d]\n%s", in.Identity.NodeID, in.Identity.ClusterID,
				in.Identity.Incarnation, in.Loaded.Applied, in.Loaded.TruncIndex, in.Loaded.LastIndex, in.Image)
			return nil
		}
		return c.dump(in, at, from, count, records)
	}
	return cmd
}

// dumpChunk is how many bytes of batches are read at a time.
const dumpChunk = 1 << 20

func (c *cli) dump(in *run.Inspection, at place, from, count int64, records bool) error {
	t := in.Image.Topic(at.topic)
	if t == nil || int(at.partition) >= len(t.Partitions) {
		return unnamed(in, fmt.Sprintf("partition %s/%d", at.topic, at.partition))
	}
	id := t.Partitions[at.partition].ID
	l, err := in.Data.Load(id)
	if err != nil {
		return err
	}
	for next := max(from, l.Start); next < l.End && count != 0; {
		b, err := in.Data.Read(id, next, l.End, dumpChunk, true)
		if err != nil {
			return err
		}
		if b.Bytes == 0 {
			return nil
		}
		for _, piece := range b.Data {
			for len(piece) > 0 && count != 0 {
				size := int(stored.Batch(piece).Length()) + stored.Overhead
				if err := c.dumpBatch(stored.Batch(piece[:size]), records); err != nil {
					return err
				}
				next = stored.Batch(piece).LastOffset() + 1
				piece, count = piece[size:], count-1
			}
		}
		b.Release()
	}
	return nil
}

func (c *cli) dumpBatch(b stored.Batch, records bool) error {
	fmt.Fprintf(c.out, "%d-%d records=%d bytes=%d epoch=%d codec=%s attributes=%#x time=%s crc=%08x", b.BaseOffset(), b.LastOffset(), b.Count(), len(b), b.LeaderEpoch(),
		b.Codec(), b.Attributes(), millis(b.MaxTimestamp()), b.CRC())
	if b.ProducerID() != stored.NoProducer {
		fmt.Fprintf(c.out, " producer=%d/%d sequence=%d-%d", b.ProducerID(), b.ProducerEpoch(), b.BaseSequence(), b.LastSequence())
	}
	fmt.Fprintln(c.out)
	if !records {
		return nil
	}
	list, err := stored.Records(b)
	if err != nil {
		return err
	}
	for _, r := range list {
		fmt.Fprintf(c.out, "  %d time=%s key=%s value=%s", r.Offset, millis(r.Timestamp), quoted(r.Key), quoted(r.Value))
		for _, h := range r.Headers {
			fmt.Fprintf(c.out, " %q=%s", h.Key, quoted(h.Value))
		}
		fmt.Fprintln(c.out)
	}
	return nil
}

func millis(ms int64) string {
	if ms < 0 {
		return "none"
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
}

func quoted(b []byte) string {
	if b == nil {
		return "null"
	}
	return strconv.Quote(string(b))
}
