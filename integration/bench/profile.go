package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// profile has the broker profile its CPU from now on; the function that it gives waits for the end and keeps the profile.
func profile(admin, file string, seconds int) (wait func() error) {
	ended := make(chan error, 1)
	go func() { ended <- fetchProfile(admin, file, seconds) }()
	return func() error { return <-ended }
}

func fetchProfile(admin, file string, seconds int) error {
	cl := http.Client{Timeout: time.Duration(seconds+30) * time.Second}
	res, err := cl.Get(fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", admin, seconds))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("profile: %s", res.Status)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(f, res.Body)
	return err
}
