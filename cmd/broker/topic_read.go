package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// maxLine is the longest line that is taken for a record.
const maxLine = 64 << 20

// inputs are several files as one.
type inputs struct {
	io.Reader
	files []*os.File
}

// Close closes the files.
func (i inputs) Close() error {
	var errs []error
	for _, f := range i.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// openAll opens the files, all of them before anything is produced; without any, it is stdin. Files of lines each end their last one.
func openAll(stdin io.Reader, names []string, lines bool) (inputs, error) {
	if len(names) == 0 {
		return inputs{Reader: stdin}, nil
	}
	var in inputs
	var readers []io.Reader
	for _, name := range names {
		if name == "-" {
			readers = append(readers, stdin)
			continue
		}
		f, err := os.Open(name)
		if err != nil {
			in.Close()
			return in, failf(exitError, "cannot read %s: %s", name, cause(errors.Unwrap(err)))
		}
		in.files = append(in.files, f)
		if lines {
			readers = append(readers, &endsLine{Reader: f})
		} else {
			readers = append(readers, f)
		}
	}
	in.Reader = io.MultiReader(readers...)
	return in, nil
}

// endsLine adds the end of the last line, if a file lacks it: its next neighbour begins a new one.
type endsLine struct {
	io.Reader
	open bool // the last byte was not the end of a line
}

// Read implements io.Reader.
func (e *endsLine) Read(b []byte) (int, error) {
	n, err := e.Reader.Read(b)
	if n > 0 {
		e.open = b[n-1] != '\n'
		return n, nil // the error comes again
	}
	if err == io.EOF && e.open && len(b) > 0 {
		e.open = false
		b[0] = '\n'
		return 1, nil
	}
	return n, err
}

// reader gives one record after the other from in, io.EOF at the end.
func (p produceFlags) reader(in io.Reader) (func() (*kgo.Record, error), error) {
	headers, err := p.recordHeaders()
	if err != nil {
		return nil, err
	}
	next, err := p.source(in)
	if err != nil {
		return nil, err
	}
	return func() (*kgo.Record, error) {
		r, err := next()
		if err != nil {
			return nil, err
		}
		if p.key != "" {
			r.Key = []byte(p.key)
		}
		if p.tombstone && len(r.Value) == 0 {
			r.Value = nil
		}
		if p.partition >= 0 {
			r.Partition = p.partition
		}
		r.Headers = append(r.Headers, headers...)
		return r, nil
	}, nil
}

// source reads records by --json, --format, or lines.
func (p produceFlags) source(in io.Reader) (func() (*kgo.Record, error), error) {
	switch {
	case p.json && (p.format != "" || p.separator != ""):
		return nil, failf(exitUsage, "--json: the lines say where the key is; leave out --format and --key-separator")
	case p.json:
		return jsonReader(in), nil
	case p.format != "":
		format := translated(p.format)
		if _, _, bare := cutHeaders(format); bare {
			return nil, failf(exitUsage, "--format: %%h needs a form to be read by, and %%H before it, such as %%H{3}%%h{%%k=%%v,}")
		}
		rr, err := kgo.NewRecordReader(in, format)
		if err != nil {
			return nil, failf(exitUsage, "--format: %s; see: broker topic produce --help", err)
		}
		return rr.ReadRecord, nil
	}
	return p.lines(in), nil
}

func (p produceFlags) lines(in io.Reader) func() (*kgo.Record, error) {
	sc := bufio.NewScanner(in)
	sc.Buffer(make([]byte, 64<<10), maxLine)
	return func() (*kgo.Record, error) {
		if !sc.Scan() {
			if err := sc.Err(); err != nil {
				return nil, err
			}
			return nil, io.EOF
		}
		r := &kgo.Record{}
		key, value, ok := strings.Cut(sc.Text(), p.separator)
		if p.separator != "" && ok {
			r.Key, r.Value = []byte(key), []byte(value)
		} else {
			r.Value = []byte(sc.Text())
		}
		return r, nil
	}
}

func (p produceFlags) recordHeaders() (out []kgo.RecordHeader, err error) {
	for _, h := range p.headers {
		k, v, ok := strings.Cut(h, "=")
		if !ok {
			return nil, failf(exitUsage, "--header %s: want KEY=VALUE", h)
		}
		out = append(out, kgo.RecordHeader{Key: k, Value: []byte(v)})
	}
	return out, nil
}
