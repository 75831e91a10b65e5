package main

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"troupe/cmd/broker/admin"
)

func actorCommand(c *cli) *cobra.Command {
	cmd := &cobra.Command{Use: "actor", Short: "Look at the broker's living actors", RunE: groupOnly, Example: "  broker actor top"}
	c.adminFlag(cmd)
	cmd.AddCommand(actorTop(c), actorTree(c), actorBlockers(c))
	return cmd
}

func actorTop(c *cli) *cobra.Command {
	var by string
	var n int
	var watch, over time.Duration
	cmd := &cobra.Command{
		Use: "top", Short: "The busiest actors, by wait, run, depth, rate or messages, and what blocks beside them", Args: cobra.NoArgs,
		Example: "  broker actor top\n  broker actor top --by depth --watch 1s\n  broker actor top --over 0 -o json",
	}
	cmd.Flags().StringVar(&by, "by", "wait", "wait, run, depth, rate, busy or messages")
	cmd.Flags().IntVarP(&n, "num", "n", 20, "how many")
	cmd.Flags().DurationVar(&watch, "watch", 0, "repeat at this interval until interrupted")
	cmd.Flags().DurationVar(&over, "over", 500*time.Millisecond, "look at this much time for the rates; 0: no rates")
	c.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		less, ok := actorOrders[by]
		if !ok {
			return failf(exitUsage, "--by %s: want wait, run, depth, rate, busy or messages", by)
		}
		if n < 0 {
			return failf(exitUsage, "--num %d: want 0 or more", n)
		}
		pause := func(d time.Duration) bool {
			select {
			case <-cmd.Context().Done():
				return false
			case <-time.After(d):
				return true
			}
		}
		before, err := c.readActors(cmd.Context())
		if err != nil {
			return err
		}
		for wait := over; ; wait = watch {
			now := before
			if wait > 0 {
				if !pause(wait) {
					return nil
				}
				if now, err = c.readActors(cmd.Context()); err != nil {
					return err
				}
			}
			list := rates(before, now)
			sort.SliceStable(list, func(i, j int) bool { return less(list[i], list[j]) })
			if err := c.printActors(list[:min(len(list), n)]); err != nil {
				return err
			}
			if err := c.printBlocked(cmd.Context()); err != nil || watch <= 0 {
				return err
			}
			fmt.Fprintln(c.out)
			before = now
		}
	}
	return cmd
}

// actorsAt are the actors at one moment.
type actorsAt struct {
	at   time.Time
	list []admin.Actor
}

func (c *cli) readActors(ctx context.Context) (actorsAt, error) {
	a := actorsAt{at: time.Now()}
	err := c.getJSON(ctx, "/api/v1/actors", &a.list)
	return a, err
}

// rates fills in what each actor took and handled per second since the moment before.
func rates(before, now actorsAt) []admin.Actor {
	seconds := now.at.Sub(before.at).Seconds()
	if seconds <= 0 {
		return now.list
	}
	was := make(map[string]*admin.Actor, len(before.list))
	for i := range before.list {
		was[before.list[i].Name] = &before.list[i]
	}
	for i := range now.list {
		a := &now.list[i]
		if w := was[a.Name]; w != nil && a.In >= w.In && a.Processed >= w.Processed {
			a.InPerSec, a.OutPerSec = float64(a.In-w.In)/seconds, float64(a.Processed-w.Processed)/seconds
		}
	}
	return now.list
}

// blockedFrom is from when on a piece of blocking work is shown below the actors.
const blockedFrom = 100 // ms

// printBlocked says what blocks beside the actors: the pool, and disks that take long.
func (c *cli) printBlocked(ctx context.Context) error {
	if c.output != "table" {
		return nil
	}
	var w admin.Work
	if err := c.getJSON(ctx, "/api/v1/work", &w); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "\npool: %d of %d at work, %d wait\n", w.Pool.Busy, w.Pool.Size, w.Pool.Queued)
	for _, b := range w.Blockers {
		if !b.Waits && b.RunningMs > blockedFrom {
			fmt.Fprintf(c.out, "%s %s: at one piece of work for %.1f s, %d wait\n", b.Actor, b.Name, b.RunningMs/1000, b.Queued)
		}
	}
	return nil
}

func actorBlockers(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use: "blockers", Short: "The goroutines that may block for an actor (disk, sockets), and the pool for short reads", Args: cobra.NoArgs,
		Example: "  broker actor blockers\n  broker actor blockers -o json",
	}
	c.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var w admin.Work
		if err := c.getJSON(cmd.Context(), "/api/v1/work", &w); err != nil {
			return err
		}
		if c.output == "table" {
			fmt.Fprintf(c.out, "pool: %d of %d at work, %d wait, the oldest for %.0f ms; %d done, at most %d waited\n", w.Pool.Busy, w.Pool.Size, w.Pool.Queued,
				w.Pool.OldestWaitMs, w.Pool.Done, w.Pool.HighWater)
		}
		rows := make([][]string, len(w.Blockers))
		for i, b := range w.Blockers {
			state := "idle"
			switch {
			case b.Waits:
				state = "waits for clients"
			case b.RunningMs > 0:
				state = fmt.Sprintf("at work for %.0f ms", b.RunningMs)
			}
			rows[i] = []string{b.Actor, b.Name, state, fmt.Sprint(b.Queued), fmt.Sprint(b.Done)}
		}
		if c.output == "json" {
			return c.print(w, nil, nil)
		}
		return c.print(w, []string{"ACTOR", "BLOCKER", "STATE", "WAITING", "DONE"}, rows)
	}
	return cmd
}

var actorOrders = map[string]func(a, b admin.Actor) bool{
	"wait":     func(a, b admin.Actor) bool { return a.WaitP99Us > b.WaitP99Us },
	"run":      func(a, b admin.Actor) bool { return a.RunP99Us > b.RunP99Us },
	"depth":    func(a, b admin.Actor) bool { return a.Depth > b.Depth },
	"busy":     func(a, b admin.Actor) bool { return a.BusyMs > b.BusyMs },
	"rate":     func(a, b admin.Actor) bool { return a.OutPerSec > b.OutPerSec },
	"messages": func(a, b admin.Actor) bool { return a.Processed > b.Processed },
}

func (c *cli) printActors(list []admin.Actor) error {
	rows := make([][]string, 0, len(list))
	for _, a := range list {
		current := a.Current
		if current != "" {
			current = fmt.Sprintf("%s %.0f ms", current, a.CurrentMs)
		}
		rows = append(rows, []string{a.Title, a.State, fmt.Sprint(a.Depth), fmt.Sprint(a.HighWater), fmt.Sprintf("%.0f", a.InPerSec), fmt.Sprintf("%.0f", a.OutPerSec), fmt.Sprint(a.Processed),
			micros(a.WaitP50Us), micros(a.WaitP99Us), micros(a.RunP50Us), micros(a.RunP99Us), current})
	}
	return c.print(list, []string{"ACTOR", "STATE", "DEPTH", "HIGH", "IN/S", "OUT/S", "MESSAGES", "WAIT P50", "P99", "RUN P50", "P99", "IN HAND"}, rows)
}

func micros(us float64) string {
	switch {
	case us >= 1e6:
		return fmt.Sprintf("%.1fs", us/1e6)
	case us >= 1e3:
		return fmt.Sprintf("%.1fms", us/1e3)
	default:
		return fmt.Sprintf("%.0fus", us)
	}
}

func actorTree(c *cli) *cobra.Command {
	cmd := &cobra.Command{Use: "tree", Short: "All living actors by name", Args: cobra.NoArgs, Example: "  broker actor tree"}
	c.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var list []admin.Actor
		if err := c.getJSON(cmd.Context(), "/api/v1/actors", &list); err != nil {
			return err
		}
		sort.Slice(list, func(i, j int) bool { return list[i].Title < list[j].Title })
		if c.output == "json" {
			return c.print(list, nil, nil)
		}
		parent := ""
		for _, a := range list {
			head, leaf, nested := strings.Cut(a.Title, "/")
			if nested && head != parent {
				fmt.Fprintln(c.out, head)
			}
			parent = head
			if !nested {
				fmt.Fprintf(c.out, "%s  (%s, %d waiting)\n", a.Title, a.State, a.Depth)
				continue
			}
			fmt.Fprintf(c.out, "  %s  (%s, %d waiting)\n", leaf, a.State, a.Depth)
		}
		return nil
	}
	return cmd
}
