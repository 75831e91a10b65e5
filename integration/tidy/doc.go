// Package tidy checks the shape of the code: which package may import which, how large files and functions may be,
// what an actor must not do, and what must be documented. It reads sources only and needs nothing but the standard
// library.
//
// Every check is a function from one parsed file (or from the whole tree) to breaches; [Checks] lists them. A test runs
// them over the repository; beside it, each check is fed a snippet that breaks its rule, because a check that cannot
// fail checks nothing.
package tidy
