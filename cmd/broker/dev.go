package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"troupe/cmd/broker/dev"
)

// What a playground takes if nothing else is said.
const (
	devNodes  = 3
	devPort   = 9092
	devAdmin  = 9644
	devMemory = "256MiB" // each node
	devReady  = 30 * time.Second
)

func devCommand(c *cli) *cobra.Command {
	var nodes, port, adminPort int
	var dir, memory string
	cmd := &cobra.Command{
		Use: "dev", Short: "Run a playground: some brokers in one process, with faults on demand", Args: cobra.NoArgs,
		Long: `Run some brokers in this process: a cluster to try things on. Node i serves clients on --port + i - 1 and other brokers 100 above that, and its
admin door is on --admin-port + i - 1. Kill, pause and partition do to the nodes what their names say, and heal ends all of it.`,
		Example: "  broker dev\n  broker dev --nodes 5 --data-dir ./playground\n  broker dev kill 2\n  broker dev partition 1 2,3\n  broker dev heal",
	}
	cmd.PersistentFlags().IntVar(&port, "port", devPort, "port of node 1 for clients; it names the playground")
	f := cmd.Flags()
	f.IntVar(&nodes, "nodes", devNodes, "how many brokers")
	f.IntVar(&adminPort, "admin-port", devAdmin, "port of node 1 for health, metrics and inspection")
	f.StringVar(&dir, "data-dir", "", "where data is kept (default: a temporary directory, removed at the end)")
	f.StringVar(&memory, "memory", devMemory, "memory that each node uses")
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		o := dev.Options{Nodes: nodes, Port: port, Admin: adminPort, Dir: dir}
		if o.Memory, err = parseBytes(memory); err != nil {
			return failf(exitUsage, "--memory %s: %s", memory, err)
		}
		return c.playground(o)
	}
	cmd.AddCommand(devFault(c, &port, "kill", "End a node without telling anybody"), devFault(c, &port, "pause", "Hold all that goes into a node and out of it"))
	cmd.AddCommand(devPartition(c, &port), devHeal(c, &port))
	return cmd
}

// playground runs until a signal ends it.
func (c *cli) playground(o dev.Options) (err error) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(signals)
	kept := o.Dir != ""
	if !kept {
		if o.Dir, err = os.MkdirTemp("", "broker-dev"); err != nil {
			return err
		}
		defer os.RemoveAll(o.Dir)
	}
	d, err := dev.Start(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Stop()) }()
	control, err := d.Serve()
	if err != nil {
		return err
	}
	defer control.Close()
	ctx, cancel := context.WithTimeout(context.Background(), devReady)
	defer cancel()
	ended := make(chan os.Signal, 1)
	go func() {
		ended <- <-signals
		cancel()
	}()
	err = d.Ready(ctx)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return failf(exitNoConnect, "the brokers do not serve after %v; their logs are node-*.log in %s", devReady, o.Dir)
	}
	if err != nil {
		return err
	}
	c.screen(d, o, kept)
	select {
	case err := <-d.Failed():
		return err
	case <-ended:
		return nil
	}
}

// screen says what there is, and what to try.
func (c *cli) screen(d *dev.Cluster, o dev.Options, kept bool) {
	var addresses []string
	var rows [][]string
	for id := 1; id <= o.Nodes; id++ {
		addresses = append(addresses, d.Kafka(id))
		rows = append(rows, []string{strconv.Itoa(id), d.Kafka(id), "http://" + d.Admin(id), d.LogFile(id)})
	}
	what := "removed at the end"
	if kept {
		what = "kept"
	}
	fmt.Fprintf(c.out, "ready kafka=%s\n\n", strings.Join(addresses, ","))
	table := cli{out: c.out, output: "table"}
	table.print(nil, []string{"NODE", "KAFKA", "ADMIN", "LOG"}, rows)
	fmt.Fprintf(c.out, `
data is in %s (%s); Ctrl-C ends all

  export BROKER_BROKERS=%s BROKER_ADMIN=%s
  broker topic create orders -p 6
  echo hello | broker topic produce orders
  broker topic consume orders -n 1
  broker cluster status

  broker dev kill 2%[5]s           broker dev partition 1 2,3%[5]s
  broker dev pause 3%[5]s          broker dev heal%[5]s
`, filepath.Clean(o.Dir), what, strings.Join(addresses, ","), d.Admin(1), devPortFlag(o.Port))
}

// devPortFlag is what names a playground in a command, if it is not the default one.
func devPortFlag(port int) string {
	if port == devPort {
		return ""
	}
	return fmt.Sprintf(" --port %d", port)
}

// order gives an order to the playground and says that it was done.
func (c *cli) order(ctx context.Context, port int, o dev.Order, done string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*c.timeout)
	defer cancel()
	err := dev.Send(ctx, port, o)
	if errors.Is(err, dev.ErrNotRunning) {
		return failf(exitNoConnect, "no playground runs on port %d: start one with broker dev, or name its port with --port", port)
	}
	if errors.As(err, new(dev.NotFoundError)) {
		return failf(exitNotFound, "%s", err)
	}
	if err != nil {
		return err
	}
	if o.Do != "heal" {
		done += "; broker dev heal" + devPortFlag(port) + " ends that"
	}
	_, err = fmt.Fprintln(c.out, done)
	return err
}

func devFault(c *cli, port *int, do, short string) *cobra.Command {
	past := map[string]string{"kill": "was killed", "pause": "is paused"}[do]
	return &cobra.Command{
		Use: do + " NODE", Short: short, Args: cobra.ExactArgs(1), Example: "  broker dev " + do + " 2",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.Atoi(args[0])
			if err != nil {
				return failf(exitUsage, "node %q: want a number", args[0])
			}
			return c.order(cmd.Context(), *port, dev.Order{Do: do, Node: id}, fmt.Sprintf("node %d %s", id, past))
		},
	}
}

func devPartition(c *cli, port *int) *cobra.Command {
	return &cobra.Command{
		Use: "partition NODE,... NODE,...", Short: "Cut the nodes into sides that do not reach each other", Args: cobra.MinimumNArgs(1),
		Long:    "Cut the nodes into sides that do not reach each other. Clients still reach all of them. Sides are arguments of their own, or parted by |.",
		Example: "  broker dev partition 1 2,3\n  broker dev partition '1|2|3'",
		RunE: func(cmd *cobra.Command, args []string) error {
			sides, err := sidesOf(args)
			if err != nil {
				return err
			}
			return c.order(cmd.Context(), *port, dev.Order{Do: "partition", Sides: sides}, "partitioned")
		},
	}
}

// sidesOf reads the sides of a partition.
func sidesOf(args []string) (sides [][]int, err error) {
	for _, text := range strings.Split(strings.Join(args, "|"), "|") {
		var side []int
		for _, word := range splitList(text) {
			id, err := strconv.Atoi(word)
			if err != nil {
				return nil, failf(exitUsage, "node %q: want a number", word)
			}
			side = append(side, id)
		}
		sides = append(sides, side)
	}
	return sides, nil
}

func devHeal(c *cli, port *int) *cobra.Command {
	return &cobra.Command{
		Use: "heal", Short: "Start who was killed, and end all pauses and partitions", Args: cobra.NoArgs, Example: "  broker dev heal",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.order(cmd.Context(), *port, dev.Order{Do: "heal"}, "healed")
		},
	}
}
