package writer

import (
	"io"
	"log/slog"

	"troupe/actors/kit"
)

// sink takes everything and says nothing.
type sink struct{}

func (sink) Receive(kit.Context, any) {}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }
