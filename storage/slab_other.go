//go:build !unix

package storage

func mapBytes(int) []byte { return nil }

func unmapBytes([]byte) {}
func threadTime() int64 { return 0 }
