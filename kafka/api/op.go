package api

import (
	"reflect"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"

	"troupe/kafka/code"
)

// What the record of a request says it is about, and which error its answer holds. Produce and Fetch, where requests are many, say so
// themselves; of all others it is read off kmsg's structs, by the names of their fields, along paths that are found once per type.

// maxLooked bounds how many elements of an answer are looked at for an error code.
const maxLooked = 100

// path is the way from a struct to one of its fields: indexes, with the first element of an array taken on the way for requests, all of them
// for answers.
type path struct {
	field int
	inner []path // of the elements, if the field is an array of structs
}

var errorPaths, subjectPaths sync.Map // reflect.Type -> []path

// codeOf finds the first error code in an answer.
func codeOf(resp kmsg.Response) int16 {
	v := reflect.ValueOf(resp).Elem()
	left := maxLooked
	return firstCode(v, pathsOf(&errorPaths, v.Type(), isErrorCode), &left)
}

func isErrorCode(f reflect.StructField) bool {
	return f.Name == "ErrorCode" && f.Type.Kind() == reflect.Int16
}

func firstCode(v reflect.Value, paths []path, left *int) int16 {
	for _, p := range paths {
		f := v.Field(p.field)
		if p.inner == nil {
			if n := int16(f.Int()); n != 0 {
				return n
			}
			continue
		}
		for i := 0; i < f.Len() && *left > 0; i++ {
			*left--
			if n := firstCode(f.Index(i), p.inner, left); n != 0 {
				return n
			}
		}
	}
	return 0
}

// pathsOf finds the fields of a struct type, or of what its arrays hold, that are wanted; first those that are not in arrays.
func pathsOf(cache *sync.Map, t reflect.Type, wanted func(reflect.StructField) bool) []path {
	if p, ok := cache.Load(t); ok {
		return p.([]path)
	}
	p := findPaths(t, wanted)
	cache.Store(t, p)
	return p
}

func findPaths(t reflect.Type, wanted func(reflect.StructField) bool) (out []path) {
	var nested []path
	for i := range t.NumField() {
		f := t.Field(i)
		switch {
		case wanted(f):
			out = append(out, path{field: i})
		case f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct:
			if inner := findPaths(f.Type.Elem(), wanted); inner != nil {
				nested = append(nested, path{i, inner})
			}
		}
	}
	return append(out, nested...)
}

// subjects are the fields that name what a request is about. Groups is a list of names in the requests that describe or delete them.
var subjects = map[string]bool{"Topic": true, "Group": true, "GroupID": true, "TransactionalID": true, "ResourceName": true}

func isSubject(f reflect.StructField) bool {
	if f.Name == "Groups" && f.Type == reflect.TypeFor[[]string]() {
		return true
	}
	return subjects[f.Name] && (f.Type.Kind() == reflect.String || f.Type == reflect.TypeFor[*string]())
}

// about notes the first name in a request.
func about(c *Call) {
	v := reflect.ValueOf(c.Req).Elem()
	if name := firstName(v, pathsOf(&subjectPaths, v.Type(), isSubject)); name != nil {
		c.Op.SetTopic(name, 0, 0)
	}
}

func firstName(v reflect.Value, paths []path) *string {
	for _, p := range paths {
		f := v.Field(p.field)
		switch {
		case p.inner != nil && f.Len() > 0:
			if name := firstName(f.Index(0), p.inner); name != nil {
				return name
			}
		case p.inner != nil:
		case f.Kind() == reflect.Slice && f.Len() > 0:
			return f.Index(0).Addr().Interface().(*string)
		case f.Kind() == reflect.String && f.Len() > 0:
			return f.Addr().Interface().(*string)
		case f.Kind() == reflect.Pointer && !f.IsNil():
			return f.Interface().(*string)
		}
	}
	return nil
}

// about notes the first partition of a produce, and how many there are.
func (p *produceCall) about() {
	if len(p.results) == 0 {
		return
	}
	t := &p.topics[0]
	name := &t.name
	if t.topic != nil {
		name = &t.topic.Name
	}
	p.c.Op.SetTopic(name, p.results[0].index, len(p.results))
}

// record notes what became of a produce.
func (p *produceCall) record() {
	if p.c.Op == nil || len(p.results) == 0 {
		return
	}
	if r := &p.results[0]; r.code == code.OK && r.base >= 0 {
		p.c.Op.SetOffsets(r.base, r.base+int64(r.src.Info.Count)-1)
	}
	for i := range p.results {
		p.c.Op.SetCode(int16(p.results[i].code))
	}
}

// about notes the first partition of a fetch, how many there are, and the offset asked for.
func (f *fetchCall) about() {
	if f.c.Op == nil || len(f.scope.parts) == 0 {
		return
	}
	w := &f.scope.parts[0]
	name := &w.key.name
	if t := topicOf(f.c.View.Image, &w.key); t != nil {
		name = &t.Name
	}
	f.c.Op.SetTopic(name, w.key.index, len(f.scope.parts))
	f.c.Op.SetOffsets(w.offset, -1)
}

// record notes the errors of a fetch.
func (f *fetchCall) record(e code.Code) {
	f.c.Op.SetCode(int16(e))
	for i := range f.parts {
		f.c.Op.SetCode(int16(f.parts[i].code))
	}
}
