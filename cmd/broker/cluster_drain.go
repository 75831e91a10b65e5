package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/cmd/broker/admin"
)

// drainBatch is how many partitions a drain moves at a time.
const drainBatch = 100

func clusterDrain(c *cli) *cobra.Command {
	var shrink, undo, dry bool
	var within time.Duration
	cmd := &cobra.Command{
		Use: "drain NODE", Short: "Move all replicas and leaderships off a node", Args: cobra.ExactArgs(1),
		Long: `Move all replicas off a node, and with them what it leads. The node gets no new ones from the start on (its setting cordoned.log.dirs) until
--undo. Run again after an interruption, the command goes on where it was.`,
		Example: "  broker cluster drain 3\n  broker cluster drain 3 --shrink\n  broker cluster drain 3 --dry-run\n  broker cluster drain 3 --undo",
	}
	f := cmd.Flags()
	f.BoolVar(&shrink, "shrink", false, "give partitions fewer replicas where too few other nodes are left")
	f.BoolVar(&undo, "undo", false, "let the node have replicas again; what has moved stays where it is")
	f.BoolVar(&dry, "dry-run", false, "only say what would move")
	f.DurationVar(&within, "within", time.Hour, "how long to wait for the moves")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		x, n, err := c.nodeOf(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if undo {
			if n.State != "running" {
				return failf(exitConflict, "node %d is %s: only the node itself can take its setting cordoned.log.dirs back", n.ID, n.State)
			}
			if err := c.cordon(cmd.Context(), n.ID, false); err != nil {
				return err
			}
			_, err := fmt.Fprintf(c.out, "node %d may have replicas again\n", n.ID)
			return err
		}
		return c.withAdmin(func(adm *kadm.Client) error {
			d := &drain{c: c, adm: adm, node: n.ID, running: n.State == "running", shrink: shrink, end: time.Now().Add(within), within: within}
			for _, o := range x.Nodes {
				if o.ID != n.ID && o.State == "running" && !o.Cordoned {
					d.others = append(d.others, o.ID)
				}
			}
			return d.run(cmd.Context(), dry)
		})
	}
	return cmd
}

// nodeOf finds a node by what was typed.
func (c *cli) nodeOf(ctx context.Context, arg string) (admin.Cluster, admin.Node, error) {
	id, err := strconv.Atoi(arg)
	if err != nil || id < 1 {
		return admin.Cluster{}, admin.Node{}, failf(exitUsage, "node %q: want the number of a node", arg)
	}
	x, err := c.readCluster(ctx)
	if err != nil {
		return x, admin.Node{}, err
	}
	i := slices.IndexFunc(x.Nodes, func(n admin.Node) bool { return n.ID == int32(id) })
	if i < 0 {
		return x, admin.Node{}, failf(exitNotFound, "the cluster has no node %d; see: broker cluster status", id)
	}
	return x, x.Nodes[i], nil
}

// cordon sets or clears what keeps new replicas away from a node. Only the node itself takes the change, as with Kafka; one that is out of service
// gets no replicas anyway.
func (c *cli) cordon(ctx context.Context, node int32, on bool) error {
	cl, err := c.briefClient()
	if err != nil {
		return err
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	set := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	set.Name, set.Op = "cordoned.log.dirs", kmsg.IncrementalAlterConfigOpDelete
	if on {
		set.Op, set.Value = kmsg.IncrementalAlterConfigOpSet, kmsg.StringPtr("*")
	}
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeBroker, strconv.Itoa(int(node))
	r.Configs = append(r.Configs, set)
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.Resources = append(req.Resources, r)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return kafkaError("cordon node", c.brokers, err)
	}
	for _, x := range resp.Resources {
		if err := kerr.ErrorForCode(x.ErrorCode); err != nil {
			return kafkaError(fmt.Sprintf("cordon node %d", node), c.brokers, err)
		}
	}
	return nil
}

// placed is a partition and its replicas, the preferred leader first.
type placed struct {
	topic    string
	index    int32
	replicas []int32
}

// drain empties a node.
type drain struct {
	c       *cli
	adm     *kadm.Client
	node    int32
	running bool
	others  []int32 // that may get replicas
	shrink  bool
	end     time.Time
	within  time.Duration
}

func (d *drain) run(ctx context.Context, dry bool) error {
	all, err := d.partitions(ctx)
	if err != nil {
		return err
	}
	moves, stuck := planDrain(all, d.node, d.others, d.shrink)
	if len(stuck) > 0 {
		why := "every other node in service has a replica already. Add a node, or say --shrink to give such partitions fewer replicas"
		if len(d.others) == 0 {
			why = "no other node is in service. Add one: broker cluster add"
		}
		return failf(exitConflict, "%s cannot leave node %d: %s", some(stuck), d.node, why)
	}
	if dry {
		for _, m := range moves {
			fmt.Fprintf(d.c.out, "%s/%d -> %v\n", m.topic, m.index, m.replicas)
		}
		return nil
	}
	if d.running {
		if err := d.c.cordon(ctx, d.node, true); err != nil {
			return err
		}
	}
	fmt.Fprintf(d.c.out, "node %d gets no new replicas; %s to others\n", d.node, admin.Counted(len(moves), "partition moves", "partitions move"))
	for done := 0; done < len(moves); {
		batch := moves[done:min(done+drainBatch, len(moves))]
		if err := d.move(ctx, batch); err != nil {
			return err
		}
		if err := d.await(ctx, batch, done, len(moves)); err != nil {
			return err
		}
		done += len(batch)
	}
	_, err = fmt.Fprintf(d.c.out, "node %d holds no replica any more\n", d.node)
	return err
}

// partitions are all partitions of the cluster.
func (d *drain) partitions(ctx context.Context) (list []placed, err error) {
	topics, err := d.adm.ListTopicsWithInternal(ctx)
	if err != nil {
		return nil, kafkaError("drain", d.c.brokers, err)
	}
	for _, t := range topics.Sorted() {
		if t.Err != nil {
			return nil, kafkaError("drain: topic "+t.Topic, d.c.brokers, t.Err)
		}
		for _, p := range t.Partitions.Sorted() {
			list = append(list, placed{t.Topic, p.Partition, p.Replicas})
		}
	}
	return list, nil
}

func (d *drain) move(ctx context.Context, batch []placed) error {
	var req kadm.AlterPartitionAssignmentsReq
	for _, m := range batch {
		req.Assign(m.topic, m.index, m.replicas)
	}
	resp, err := d.adm.AlterPartitionAssignments(ctx, req)
	if err != nil {
		return kafkaError("drain", d.c.brokers, err)
	}
	for _, r := range resp.Sorted() {
		if r.Err != nil {
			return failf(exitPartly, "%s/%d cannot move: %s %s", r.Topic, r.Partition, r.Err, r.ErrMessage)
		}
	}
	return nil
}

// await waits until the partitions of a batch have left the node.
func (d *drain) await(ctx context.Context, batch []placed, done, of int) error {
	for last := -1; ; {
		all, err := d.partitions(ctx)
		if err != nil {
			return err
		}
		left := 0
		for _, p := range all {
			if slices.Contains(p.replicas, d.node) && slices.ContainsFunc(batch, func(m placed) bool { return m.topic == p.topic && m.index == p.index }) {
				left++
			}
		}
		if left != last {
			last = left
			fmt.Fprintf(d.c.out, "%d of %d moved\n", done+len(batch)-left, of)
		}
		if left == 0 {
			return nil
		}
		if time.Now().After(d.end) {
			return failf(exitNoConnect, "%d of %d have moved after %s; the others are on their way. See: broker cluster status; run the command again to wait on",
				done+len(batch)-left, of, d.within)
		}
		if err := pause(ctx, 500*time.Millisecond); err != nil {
			return err
		}
	}
}

// planDrain says where the partitions of a node go: to the one of the others that holds the fewest replicas and none of the partition's. Those for
// which there is none are shrunk, if that is allowed and leaves a replica, or named.
func planDrain(all []placed, node int32, others []int32, shrink bool) (moves []placed, stuck []string) {
	load := map[int32]int{}
	for _, p := range all {
		for _, id := range p.replicas {
			load[id]++
		}
	}
	for _, p := range all {
		at := slices.Index(p.replicas, node)
		if at < 0 {
			continue
		}
		to := slices.Clone(p.replicas)
		free := slices.DeleteFunc(slices.Clone(others), func(id int32) bool { return slices.Contains(to, id) })
		switch {
		case len(free) > 0:
			to[at] = slices.MinFunc(free, func(a, b int32) int { return load[a] - load[b] })
			load[to[at]]++
		case shrink && len(to) > 1:
			to = slices.Delete(to, at, at+1)
		default:
			stuck = append(stuck, fmt.Sprintf("%s/%d", p.topic, p.index))
			continue
		}
		moves = append(moves, placed{p.topic, p.index, to})
	}
	return moves, stuck
}

// some names up to three of a list, and how many more there are.
func some(list []string) string {
	text := ""
	for i, s := range list[:min(len(list), 3)] {
		if i > 0 {
			text += ", "
		}
		text += s
	}
	if n := len(list) - 3; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}
