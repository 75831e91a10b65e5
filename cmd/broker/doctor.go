package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"troupe/cmd/broker/admin"
)

func doctorCommand(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use: "doctor", Short: "Say what is wrong with the broker, in one sentence each", Args: cobra.NoArgs,
		Long: `Say what is wrong with the broker, in one sentence each: what, why, and the next step. It looks at the metadata log, the start, the disks, the
partitions, actors, pool, memory, connections, requests under way and the clock. An error means that something is not served, or will not be soon; a
warning, that it is slow or near a limit. Exit code 3 if anything is found.`,
		Example: "  broker doctor\n  broker doctor -o json || echo unhealthy",
	}
	c.adminFlag(cmd)
	c.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		list := []admin.Finding{}
		if err := c.getJSON(cmd.Context(), "/api/v1/doctor", &list); err != nil {
			return err
		}
		if c.output == "table" && len(list) == 0 {
			fmt.Fprintln(c.out, "nothing found")
			return nil
		}
		var rows [][]string
		for _, f := range list {
			rows = append(rows, []string{f.Severity, f.Code, f.Text, f.Next})
		}
		if err := c.print(list, []string{"SEVERITY", "FINDING", "WHAT", "NEXT"}, rows); err != nil {
			return err
		}
		if len(list) > 0 {
			return failure{code: exitUnhealthy, text: admin.Counted(len(list), "finding", "findings")}
		}
		return nil
	}
	return cmd
}
