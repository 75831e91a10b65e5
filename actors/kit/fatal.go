package kit

import "fmt"

// ExitFatal is the exit code of a process ended by Fatal or by a failed invariant.
const ExitFatal = 1

// InvariantError is the panic value of a failed invariant.
type InvariantError struct{ Text string }

func (e InvariantError) Error() string { return e.Text }

// Invariant panics when cond is false. It is on in production. The text begins with whose fault it is:
// BUG (ours), DISK, PEER.
func Invariant(cond bool, format string, args ...any) {
	if !cond {
		panic(InvariantError{fmt.Sprintf(format, args...)})
	}
}
