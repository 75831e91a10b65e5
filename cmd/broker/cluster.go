package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"troupe/cmd/broker/run"
)

// getJSON asks the admin address. A status of 503 carries an answer too (not ready).
func (c *cli) getJSON(ctx context.Context, path string, v any) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	address := strings.TrimSuffix(strings.TrimPrefix(c.admin, "http://"), "/") // as a browser has it, and broker dev
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil || address == "" {
		return failf(exitUsage, "--admin %q: want HOST:PORT, such as %s", c.admin, run.DefaultAdmin)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		// The last is how net/http calls it if that came before the request was written.
		if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF) || strings.Contains(err.Error(), "server closed idle connection") {
			return failf(exitNoConnect, "%s closed the connection without an answer: is it the admin address (broker start --admin)?", c.admin)
		}
		return failf(exitNoConnect, "cannot reach the admin address %s: %s; is it running? try: broker start", c.admin, cause(err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return failf(exitNoConnect, "reading from %s: %s", c.admin, err)
	}
	if resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusBadRequest {
		code := exitNotFound
		if resp.StatusCode == http.StatusBadRequest {
			code = exitUsage
		}
		return failf(code, "%s", strings.TrimSpace(string(body)))
	}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusServiceUnavailable {
		return failf(exitError, "%s%s: %s", c.admin, path, resp.Status)
	}
	if err := json.Unmarshal(body, v); err != nil {
		return failf(exitError, "%s%s: not the answer of a broker: %s", c.admin, path, err)
	}
	return nil
}

func clusterCommand(c *cli) *cobra.Command {
	cmd := &cobra.Command{Use: "cluster", Short: "Show the cluster; add, empty and remove nodes", RunE: groupOnly, Example: "  broker cluster status"}
	c.adminFlag(cmd)
	cmd.AddCommand(clusterStatus(c), clusterAdd(c), clusterDrain(c), clusterRemove(c))
	return cmd
}

func versionCommand(c *cli) *cobra.Command {
	cmd := &cobra.Command{Use: "version", Short: "Print the version", Args: cobra.NoArgs, Example: "  broker version\n  broker version -o json"}
	c.outputFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		if c.output != "table" {
			return c.print(map[string]string{"version": run.Version()}, nil, nil)
		}
		_, err := fmt.Fprintln(c.out, run.Version())
		return err
	}
	return cmd
}
