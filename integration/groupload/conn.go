package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// patience bounds each answer.
const patience = 60 * time.Second

// conn is one connection to the broker, with one request at a time.
type conn struct {
	c  net.Conn
	r  *bufio.Reader
	id uint32
}

func dial(addr string) (*conn, error) {
	c, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	return &conn{c: c, r: bufio.NewReader(c)}, nil
}

func (c *conn) close() { c.c.Close() }

// send writes a request.
func (c *conn) send(version int16, req kmsg.Request) error {
	req.SetVersion(version)
	c.id++
	b := make([]byte, 4, 256)
	b = binary.BigEndian.AppendUint16(b, uint16(req.Key()))
	b = binary.BigEndian.AppendUint16(b, uint16(version))
	b = binary.BigEndian.AppendUint32(b, c.id)
	b = binary.BigEndian.AppendUint16(b, uint16(len(client)))
	b = append(b, client...)
	if req.IsFlexible() {
		b = append(b, 0)
	}
	b = req.AppendTo(b)
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	_, err := c.c.Write(b)
	return err
}

const client = "groupload"

// receive reads the answer to the request that was sent last.
func (c *conn) receive(req kmsg.Request) (kmsg.Response, error) {
	_ = c.c.SetReadDeadline(time.Now().Add(patience))
	var head [8]byte
	if _, err := io.ReadFull(c.r, head[:]); err != nil {
		return nil, err
	}
	if got := binary.BigEndian.Uint32(head[4:]); got != c.id {
		return nil, fmt.Errorf("answer to %d, not to %d", got, c.id)
	}
	body := make([]byte, binary.BigEndian.Uint32(head[:])-4)
	if _, err := io.ReadFull(c.r, body); err != nil {
		return nil, err
	}
	resp := req.ResponseKind()
	if resp.IsFlexible() {
		body = body[1:]
	}
	return resp, resp.ReadFrom(body)
}

func (c *conn) ask(version int16, req kmsg.Request) (kmsg.Response, error) {
	if err := c.send(version, req); err != nil {
		return nil, err
	}
	return c.receive(req)
}

// makeTopic creates a topic and waits until it has leaders.
func makeTopic(addr, name string, partitions int32) error {
	c, err := dial(addr)
	if err != nil {
		return err
	}
	defer c.close()
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, partitions, 1
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Topics, req.TimeoutMillis = append(req.Topics, t), 30_000
	resp, err := c.ask(5, req)
	if err != nil {
		return err
	}
	if e := resp.(*kmsg.CreateTopicsResponse).Topics[0].ErrorCode; e != 0 {
		return fmt.Errorf("topic %s: error %d", name, e)
	}
	return eventually(func() (bool, error) {
		m := kmsg.NewPtrMetadataRequest()
		m.Topics = []kmsg.MetadataRequestTopic{{Topic: &name}}
		resp, err := c.ask(9, m)
		if err != nil {
			return false, err
		}
		led := int32(0)
		for _, p := range resp.(*kmsg.MetadataResponse).Topics[0].Partitions {
			if p.ErrorCode == 0 && p.Leader >= 0 {
				led++
			}
		}
		return led == partitions, nil
	})
}

// findCoordinator waits until the coordinator of a group serves.
func findCoordinator(c *conn, group string) error {
	return eventually(func() (bool, error) {
		f := kmsg.NewPtrFindCoordinatorRequest()
		f.CoordinatorKey = group
		resp, err := c.ask(2, f)
		if err != nil || resp.(*kmsg.FindCoordinatorResponse).ErrorCode != 0 {
			return false, err
		}
		o := kmsg.NewPtrOffsetFetchRequest()
		o.Group = group
		resp, err = c.ask(5, o)
		return err == nil && resp.(*kmsg.OffsetFetchResponse).ErrorCode == 0, err
	})
}

func eventually(ask func() (bool, error)) error {
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		if yes, err := ask(); yes || err != nil {
			return err
		}
	}
	return fmt.Errorf("not within %v", patience)
}
