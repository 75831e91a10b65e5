package differential

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// On goes on with another connection of this name; the first one has the name "".
func (s *Side) On(name string) *Side {
	if s.conns == nil {
		s.conns = map[string]*wire{}
	}
	s.conns[s.conn] = s.w
	s.conn, s.w = name, s.conns[name]
	return s
}

// hangUp closes all connections of this side.
func (s *Side) hangUp() {
	s.On("")
	for _, w := range s.conns {
		if w != nil {
			w.close()
		}
	}
}

// Pending is a request whose answer is read later.
type Pending struct {
	s    *Side
	w    *wire
	req  kmsg.Request
	id   int32
	at   string
	said []byte // the answer, if it has come already
	seen int    // times that somebody looked
}

// Begin sends a request on the present connection; the answer is shown by End.
func (s *Side) Begin(v int16, req kmsg.Request) *Pending {
	at := s.step(fmt.Sprintf("%s v%d", kmsg.NameForKey(req.Key()), v))
	req.SetVersion(v)
	w := s.wire()
	w.next++
	p := &Pending{s: s, w: w, req: req, id: w.next, at: at}
	if err := w.write(frame(encode(req, w.next))); err != nil {
		panic(abandon{"no connection any more"})
	}
	return p
}

// Waits notes whether the answer is still to come, after a moment.
func (p *Pending) Waits() *Pending {
	p.seen++
	at := fmt.Sprintf("%s waits %d", p.at, p.seen)
	if p.said == nil {
		b, err := p.w.read(300 * time.Millisecond)
		switch {
		case errors.Is(err, errSilent):
		case err != nil:
			p.s.note(at, err.Error())
			return p
		default:
			p.said = b
		}
	}
	p.s.note(at, fmt.Sprint(p.said == nil))
	return p
}

// End reads the answer and shows it; nil if there is none.
func (p *Pending) End() kmsg.Response { return p.EndWithin(answerTime) }

// EndWithin is End with a limit of its own.
func (p *Pending) EndWithin(limit time.Duration) kmsg.Response {
	b, err := p.said, error(nil)
	if b == nil {
		b, err = p.w.read(limit)
	}
	var resp kmsg.Response
	if err == nil {
		var got int32
		if resp, got, _, err = decode(p.req, b); err == nil && got != p.id {
			err = fmt.Errorf("correlation id %d for %d", got, p.id)
		}
	}
	if err != nil {
		p.s.note(p.at, err.Error())
		return nil
	}
	p.s.note(p.at, "answer")
	p.s.show(p.at, resp)
	return resp
}

// Coordinated gives the name of a group of this case, and returns when its coordinator serves.
func (s *Side) Coordinated(suffix string) string {
	name := s.Name(suffix)
	s.awaitCoordinator(name)
	return name
}

func (s *Side) awaitCoordinator(name string) {
	for range 400 {
		if s.coordinated(name) {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	panic(abandon{"group " + name + " gets no coordinator"})
}

func (s *Side) coordinated(name string) bool {
	find := kmsg.NewPtrFindCoordinatorRequest()
	find.CoordinatorKey = name
	if s.Must(2, find).(*kmsg.FindCoordinatorResponse).ErrorCode != 0 {
		return false
	}
	e := s.Must(5, fetchAll(name)).(*kmsg.OffsetFetchResponse).ErrorCode
	return e != 14 && e != 15 && e != 16
}

var uuids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// member names a member id by the order in which ids appear; what stands before the random part is compared.
func (s *Side) member(id string) string {
	uuid := uuids.FindString(id)
	if uuid == "" {
		return fmt.Sprintf("%q", id)
	}
	if s.members == nil {
		s.members = map[string]string{}
	}
	if _, ok := s.members[id]; !ok {
		s.members[id] = fmt.Sprintf("%s(%d)", strings.TrimSuffix(id, uuid), len(s.members)+1)
	}
	return s.members[id]
}
