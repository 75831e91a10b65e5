// Command broker runs Troupe, a Kafka-compatible broker, and the tools to work with one.
package main

import "os"

func main() { os.Exit(execute(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
