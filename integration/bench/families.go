package main

import (
	"fmt"
	"path/filepath"
)

// logs writes one large topic and reads it in every way.
func (s *session) logs() error {
	large := s.job("produce", "large", 12, 1024, s.o.mb)
	r, err := s.load("produce-1k", large.run)
	if err != nil {
		return err
	}
	s.add("produce-1k", r.mbs())
	s.add("produce-1k-flush", r.mbs())
	s.add("produce-1k-disk", r.MB/r.DiskSeconds)
	large.Kind = "consume"
	if s.wants("consume-tail") {
		if r, err = s.load("consume-tail", large.run); err != nil {
			return err
		}
		s.add("consume-tail", r.mbs())
	}
	if !s.wants("consume-groups", "consume-cold", "consume-hot") {
		return nil
	}
	quarter := s.job("produce", "quarter", 12, 1024, s.o.mb/4)
	if _, err := quarter.run(s.ctx); err != nil {
		return err
	}
	if s.wants("consume-groups") {
		quarter.Kind, quarter.Groups = "groups", 10
		if r, err = s.load("consume-groups", quarter.run); err != nil {
			return err
		}
		s.add("consume-groups", r.mbs())
	}
	return s.files(large)
}

// files reads a topic that is not in the broker's memory: first from the disk, then again. Troupe, which keeps what was produced in memory of
// its own, is started anew for it; Kafka keeps it in the page cache alone, and its warm JVM.
func (s *session) files(large job) error {
	if !s.wants("consume-cold", "consume-hot") {
		return nil
	}
	if s.admin != "" {
		if err := s.restart(); err != nil {
			return err
		}
		large.Bootstrap, large.Brokers = s.boot, s.pids
	}
	if s.wants("consume-cold") {
		text, err := s.cache.forget(s.dir, s.state)
		if err != nil {
			return err
		}
		s.say("its files dropped; page cache %s", text)
		r, err := s.load("consume-cold", large.run)
		if err != nil {
			return err
		}
		// Of its own block cache a broker may still have some; the tail of readahead is not its fault either.
		if s.say("cold: %.0f MB came from the disk", r.DiskReadMB); r.DiskReadMB < 0.6*r.MB {
			return fmt.Errorf("consume-cold: only %.0f of %.0f MB came from the disk", r.DiskReadMB, r.MB)
		}
		s.add("consume-cold", r.mbs())
	}
	if !s.wants("consume-hot") {
		return nil
	}
	if !s.wants("consume-cold") {
		if _, err := large.run(s.ctx); err != nil {
			return err
		}
	}
	r, err := s.load("consume-hot", large.run)
	if err != nil {
		return err
	}
	s.add("consume-hot", r.mbs())
	return nil
}

func (s *session) small() error {
	r, err := s.load("produce-100b", s.job("produce", "small", 12, 100, s.o.mb/2).run)
	if err != nil {
		return err
	}
	s.add("produce-100b", r.mbs())
	s.add("produce-100b-disk", r.MB/r.DiskSeconds)
	return nil
}

func (s *session) manyPartitions() error {
	r, err := s.load("produce-1000p", s.job("produce", "many", 1000, 1024, s.o.mb/2).run)
	if err != nil {
		return err
	}
	s.add("produce-1000p", r.mbs())
	return nil
}

func (s *session) latency() error {
	j := s.job("paced", "paced", 12, 1024, 0)
	j.Seconds, j.MBs = s.o.seconds, s.o.pace()
	r, err := s.load("latency", j.run)
	if err != nil {
		return err
	}
	s.add("latency-p50", r.P50)
	s.add("latency-p99", r.P99)
	s.add("latency-p99.9", r.P999)
	return nil
}

// single: the disk is measured before and after, for it may change from minute to minute.
func (s *session) single() error {
	before, err := diskP50(filepath.Dir(s.dir))
	if err != nil {
		return err
	}
	j := s.job("single", "single", 1, 100, 0)
	j.Records = 1000
	r, err := s.load("single", j.run)
	if err != nil {
		return err
	}
	after, err := diskP50(filepath.Dir(s.dir))
	if err != nil {
		return err
	}
	s.add("single-acked-p50", r.P50)
	s.add("single-acked-p99", r.P99)
	s.add("single-seen-p50", r.SeenP50)
	s.add("single-seen-p99", r.SeenP99)
	s.add("single-disk", (before+after)/2)
	s.say("disk %.3f and %.3f ms, acknowledged %.3f ms, seen %.3f ms", before, after, r.P50, r.SeenP50)
	return nil
}
