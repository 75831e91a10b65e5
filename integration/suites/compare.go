package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// compareAll sets both targets' results side by side. It fails if something passes on Kafka and not on Troupe.
func compareAll(w io.Writer, cache cache, chosen []suite) error {
	lost := 0
	for _, s := range chosen {
		onKafka, err := cache.load(kafka, s)
		if err == nil {
			var onTroupe results
			if onTroupe, err = cache.load(troupe, s); err == nil {
				lost += compare(onKafka, onTroupe).write(w, s)
				continue
			}
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		fmt.Fprintf(w, "%s %s: not run on both yet\n", s.name, s.version)
	}
	if lost > 0 {
		return fmt.Errorf("%d pass on Kafka and not on Troupe", lost)
	}
	return nil
}

// A pair is one test on both targets.
type pair struct {
	name          string
	kafka, troupe result
}

// A comparison of one suite.
type comparison struct {
	both, neither, skipped int
	lost, gained, same     []pair // lost: passes on Kafka only; gained: on Troupe only; same: fails on both
}

func compare(onKafka, onTroupe results) (c comparison) {
	pairs := map[string]*pair{}
	var order []*pair
	at := func(name string) *pair {
		p := pairs[name]
		if p == nil {
			p = &pair{name: name, kafka: result{verdict: absent}, troupe: result{verdict: absent}}
			pairs[name] = p
			order = append(order, p)
		}
		return p
	}
	for _, r := range onKafka {
		at(r.name).kafka = r
	}
	for _, r := range onTroupe {
		at(r.name).troupe = r
	}
	for _, p := range order {
		switch k, t := p.kafka.verdict == passed, p.troupe.verdict == passed; {
		case k && t:
			c.both++
		case k:
			c.lost = append(c.lost, *p)
		case t:
			c.gained = append(c.gained, *p)
		case p.kafka.verdict == skipped && p.troupe.verdict == skipped:
			c.skipped++
		default:
			c.neither++
			c.same = append(c.same, *p)
		}
	}
	return c
}

// write prints the comparison and gives how many Troupe loses.
func (c comparison) write(w io.Writer, s suite) int {
	fmt.Fprintf(w, "%s %s: %d pass on both, %d fail on both, %d skipped on both, %d only on Kafka, %d only on Troupe\n",
		s.name, s.version, c.both, c.neither, c.skipped, len(c.lost), len(c.gained))
	for _, p := range c.lost {
		fmt.Fprintf(w, "  passes on Kafka only   %s: %s %s\n", p.name, p.troupe.verdict, p.troupe.why)
	}
	for _, p := range c.gained {
		fmt.Fprintf(w, "  passes on Troupe only  %s: %s %s\n", p.name, p.kafka.verdict, p.kafka.why)
	}
	for _, p := range c.same {
		fmt.Fprintf(w, "  fails on both          %s: %s | %s\n", p.name, p.kafka.why, p.troupe.why)
	}
	return len(c.lost)
}
