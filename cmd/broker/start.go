package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"troupe/cmd/broker/run"
)

// stopWithin bounds an orderly end; what is not done by then is left to the next start.
const stopWithin = 20 * time.Second

func startCommand(c *cli) *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use: "start", Short: "Run a broker", Args: cobra.NoArgs,
		Long: `Run a broker. Without any flag it keeps its data in $STATE_DIRECTORY or ~/.local/share/broker and serves
Kafka clients on 127.0.0.1:9092. When it serves, it prints one line on stdout: "ready kafka=... admin=... peer=... node=... cluster=...".
Every flag but --set can be given as BROKER_<NAME> in the environment, or as a key of the YAML file of --config (which takes Kafka
broker properties too, and Kafka's own server.properties); flags win, then the environment. A variable BROKER_... that is none of these is warned of.`,
		Example: "  broker start\n  broker start --data-dir /var/lib/broker --listen :9092 --advertise kafka.example.org:9092\n  broker start --set num.partitions=6 --set message.max.bytes=2000000\n  broker start --config server.properties",
	}
	s.flags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := s.load(cmd)
		if err != nil {
			return err
		}
		return c.serve(cfg)
	}
	return cmd
}

// spareP gives the runtime one P more than there are processors, unless GOMAXPROCS says how many: a goroutine in a write or a sync of the disk keeps its P
// until the runtime takes it away, up to 10 ms later, and the broker is in one most of the time (decision 59).
func spareP() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1)
	}
}

func (c *cli) serve(cfg run.Config) error {
	spareP()
	cfg.LogLevel = &slog.LevelVar{}
	log := slog.New(slog.NewTextHandler(c.errOut, &slog.HandlerOptions{Level: cfg.LogLevel}))
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	stop := make(chan struct{})
	go func() {
		untilSecond(signals, stop, sameWish)
		fmt.Fprintln(c.errOut, "broker: second signal: ended at once; the next start recovers")
		os.Exit(exitError)
	}()
	b, err := run.Start(cfg, log)
	if err != nil {
		return err
	}
	failed := wait(b, stop, func() {
		fmt.Fprintf(c.out, "ready kafka=%s admin=%s peer=%s node=%d cluster=%s\n", b.KafkaAddr(), b.AdminAddr(), b.PeerAddr(), b.NodeID(), b.ClusterID())
	}, func() {
		step, what := b.Awaits()
		log.Warn("not in service yet", "step", step, "waits_for", what)
	})
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	if err := b.Stop(ctx); failed == nil {
		return err
	}
	return failed
}

// sameWish is how soon a signal is the same one again: timeout(1) sends it to the process and to its group.
const sameWish = 300 * time.Millisecond

// untilSecond closes stop at the first signal, and returns at a second one: that does not wait, whatever the first one found.
func untilSecond(signals <-chan os.Signal, stop chan<- struct{}, same time.Duration) {
	<-signals
	close(stop)
	for first := time.Now(); ; {
		if <-signals; time.Since(first) >= same {
			return
		}
	}
}

// A broker that does not serve by itself after lateAfter says what it waits for, then and each lateEvery.
const (
	lateAfter = 5 * time.Second
	lateEvery = time.Minute
)

// wait returns when the broker is to end, with the reason if that is an error. It calls ready when it serves, and late while it takes long until then.
func wait(b *run.Broker, stop <-chan struct{}, ready, late func()) error {
	serves := b.Ready()
	timer := time.NewTimer(lateAfter)
	defer timer.Stop()
	for {
		select {
		case <-serves:
			ready()
			timer.Stop()
			serves = nil
		case <-timer.C:
			late()
			timer.Reset(lateEvery)
		case err := <-b.Failed():
			return err
		case <-stop:
			return nil
		}
	}
}
