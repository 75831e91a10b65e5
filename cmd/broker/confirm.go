package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
)

// deletion is a command that takes things away for ever. L is what it knows of one of them.
type deletion[L any] struct {
	gone func(ctx context.Context, adm *kadm.Client, names []string) ([]L, error) // what would go
	show func([]L) error
	ask  func([]L) string // the end of "delete ..."
	do   func(ctx context.Context, adm *kadm.Client, names []string) error
}

// deletes gives cmd the frame of a deletion: --dry-run shows what would go; without --yes it asks.
func deletes[L any](c *cli, cmd *cobra.Command, d deletion[L]) *cobra.Command {
	var yes, dry bool
	cmd.Args = cobra.MinimumNArgs(1)
	cmd.Long = cmd.Short + ". At a terminal it asks first; a script says --yes."
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only say what would go")
	c.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.withAdmin(func(adm *kadm.Client) error {
			if dry || !yes {
				lines, err := d.gone(cmd.Context(), adm, args)
				if err != nil {
					return err
				}
				if dry {
					return d.show(lines)
				}
				if err := c.confirm("delete "+d.ask(lines), " for ever", "deleted"); err != nil {
					return err
				}
			}
			return d.do(cmd.Context(), adm, args)
		})
	}
	return cmd
}

// confirm asks whether to do what. Who cannot be asked is refused: a pipe must not answer by accident. done is what did not happen then.
func (c *cli) confirm(what, howLong, done string) error {
	nobody := failf(exitUsage, "%s: nobody to ask; say --yes to do it without a question", what)
	if !atTerminal(c.in) {
		return nobody
	}
	fmt.Fprintf(c.errOut, "%s%s? [y/N] ", what, howLong)
	answer, err := bufio.NewReader(c.in).ReadString('\n')
	if errors.Is(err, io.EOF) && answer == "" { // /dev/null, or ^D
		fmt.Fprintln(c.errOut)
		return nobody
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return failf(exitError, "%s: not confirmed, nothing was %s", what, done)
}

// atTerminal says whether somebody sits at in.
func atTerminal(in io.Reader) bool {
	f, ok := in.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
