// Command sarama runs a list of checks of IBM's sarama against a broker, and prints one line for each:
// CHECK verdict milliseconds name reason.
package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/IBM/sarama"
)

// A check fails by the error that it gives.
type check struct {
	name string
	run  func(c client) error
}

// client is the broker's address and a configuration to start from.
type client struct{ brokers []string }

func (client) config() *sarama.Config {
	c := sarama.NewConfig()
	c.ClientID = "checks"
	c.Version = sarama.MaxVersion
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Return.Successes = true
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Offsets.AutoCommit.Enable = false
	c.Consumer.Group.Session.Timeout = 10 * time.Second
	c.Consumer.Group.Heartbeat.Interval = time.Second
	return c
}

// patience bounds one check.
const patience = 60 * time.Second

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: sarama HOST:PORT")
		os.Exit(2)
	}
	only := regexp.MustCompile(os.Getenv("ONLY"))
	c := client{os.Args[1:]}
	for _, k := range append(append(recordChecks, groupChecks...), adminChecks...) {
		if !only.MatchString(k.name) {
			continue
		}
		start, done := time.Now(), make(chan error, 1)
		go func() { done <- k.run(c) }()
		var err error
		select {
		case err = <-done:
		case <-time.After(patience):
			err = fmt.Errorf("not done within %v", patience)
		}
		verdict, why := "pass", ""
		if err != nil {
			verdict, why = "fail", strings.Join(strings.Fields(err.Error()), " ")
		}
		fmt.Println("CHECK", verdict, time.Since(start).Milliseconds(), k.name, why)
	}
}

// fresh is a name that no other check uses.
func fresh(kind string) string { return kind + "-" + strings.ToLower(rand.Text()[:10]) }

func same[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("%s: got %v, want %v", what, got, want)
	}
	return nil
}

// is wants this error.
func is(err, want error) error {
	if !errors.Is(err, want) {
		return fmt.Errorf("got error %v, want %v", err, want)
	}
	return nil
}

// until asks again until the answer is true.
func until(what string, ask func() bool) error {
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if ask() {
			return nil
		}
	}
	return fmt.Errorf("not within 30 s: %s", what)
}

func (c client) admin() (sarama.ClusterAdmin, error) {
	return sarama.NewClusterAdmin(c.brokers, c.config())
}

// topic makes a topic.
func (c client) topic(partitions int32, configs map[string]string) (string, error) {
	a, err := c.admin()
	if err != nil {
		return "", err
	}
	defer a.Close()
	entries := map[string]*string{}
	for k, v := range configs {
		entries[k] = &v
	}
	name := fresh("topic")
	return name, a.CreateTopic(name, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1, ConfigEntries: entries}, false)
}

// produce writes values to partition 0 and wants them at the next offsets.
func (c client) produce(topic string, values []string, change func(*sarama.Config)) error {
	conf := c.config()
	conf.Producer.Partitioner = sarama.NewManualPartitioner
	if change != nil {
		change(conf)
	}
	p, err := sarama.NewSyncProducer(c.brokers, conf)
	if err != nil {
		return err
	}
	defer p.Close()
	var all []*sarama.ProducerMessage
	for _, v := range values {
		all = append(all, &sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder(v)})
	}
	return p.SendMessages(all)
}

func numbers(count int) []string {
	var all []string
	for i := range count {
		all = append(all, fmt.Sprint(i))
	}
	return all
}
