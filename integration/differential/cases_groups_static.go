package differential

import "fmt"

var staticMemberCases = []Case{
	{"joins", 5, 9, func(s *Side, v int16) {
		m := s.consumer("a", s.Coordinated("g")).static("one")
		m.join(v)
		m.sync(3, m.id)
		m.beat(3)
		s.describe(5, m.group)
	}},
	{"comes back", 5, 9, func(s *Side, v int16) {
		a := s.consumer("a", s.Coordinated("g")).static("one")
		a.settle()
		old := *a
		a.id, a.conn = "", "b"
		a.join(v)
		a.sync(3)
		old.beat(3)
		old.instance = nil
		old.beat(3)
		a.beat(3)
		old.instance = a.instance
		s.On("old").Ask(v, old.joining())
		old.sync(3)
		s.describe(5, a.group)
	}},
	{"comes back with something else", 5, 9, func(s *Side, v int16) {
		a := s.consumer("a", s.Coordinated("g")).static("one")
		a.settle()
		a.id, a.conn, a.metadata = "", "b", subscription("other")
		a.join(v)
		a.beat(3)
		a.protocols = []string{"sticky"}
		a.id = ""
		s.On("b").Ask(v, a.joining())
	}},
	{"unknown", 5, 9, func(s *Side, v int16) {
		a := s.consumer("a", s.Coordinated("g")).static("one")
		a.id = "stranger"
		s.On("a").Ask(v, a.joining())
		a.settled()
		b := s.consumer("b", a.group).static("two")
		b.id = "stranger"
		s.On("b").Ask(v, b.joining())
		b.id = a.id
		s.On("b").Ask(v, b.joining())
		b.instance = a.instance
		b.id = "stranger"
		s.On("b").Ask(v, b.joining())
	}},
	{"names", 5, 9, func(s *Side, v int16) {
		for i, name := range []string{"", " ", "a/b", "."} {
			m := s.consumer(fmt.Sprint("c", i), s.Coordinated(fmt.Sprint("g", i))).static(name)
			m.join(v)
		}
	}},
	{"leaves", 3, 5, func(s *Side, v int16) {
		a := s.consumer("a", s.Coordinated("g")).static("one")
		a.settle()
		nobody := &member{s: s, conn: "a", group: a.group, instance: ptr("nobody")}
		byName := &member{s: s, conn: "a", group: a.group, instance: ptr("one")}
		wrong := &member{s: s, conn: "a", group: a.group, instance: ptr("one"), id: "stranger"}
		s.Ask(v, wrong.leaving(nobody))
		a.beat(3)
		s.On("a").Ask(v, byName.leaving(byName))
		a.beat(3)
		s.describe(5, a.group)
	}},
	{"two", 5, 9, func(s *Side, v int16) {
		a, b := s.consumer("a", s.Coordinated("g")).static("one"), s.consumer("b", s.Name("g")).static("two")
		a.join(v)
		second := b.begin(v).Waits()
		a.join(v)
		b.joined(second)
		a.sync(3, a.id, b.id)
		b.sync(3)
		b.id = ""
		b.join(v)
		b.beat(3)
		a.beat(3)
		a.id = ""
		a.join(v)
	}},
	{"fenced everywhere", 3, 3, func(s *Side, v int16) {
		t := s.Topic("t", 1)
		a := s.consumer("a", s.Coordinated("g")).static("one")
		a.settle()
		a.instance = ptr("other")
		a.beat(v)
		a.sync(v)
		s.Ask(7, a.committing(commitAt{t, 0, 1}))
		a.instance, a.id = ptr("one"), "stranger"
		a.beat(v)
		a.sync(v)
		s.Ask(7, a.committing(commitAt{t, 0, 1}))
		a.leave(3)
	}},
}
