package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const ticksPerSecond = 100 // USER_HZ, the same on every Linux that Go runs on

// stat gives the fields of /proc/PID/stat after the name: 0 is the state.
func stat(pid int) []string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return make([]string, 50)
	}
	return strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
}

// cpuSeconds is the user and system time of a process so far.
func cpuSeconds(pid int) float64 {
	f := stat(pid)
	user, _ := strconv.ParseFloat(f[11], 64)
	sys, _ := strconv.ParseFloat(f[12], 64)
	return (user + sys) / ticksPerSecond
}

// ownCPUSeconds is that of this process.
func ownCPUSeconds() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// age is how long a process has existed.
func age(pid int) time.Duration {
	started, _ := strconv.ParseFloat(stat(pid)[19], 64)
	b, _ := os.ReadFile("/proc/uptime")
	up, _ := strconv.ParseFloat(strings.Fields(string(b) + " 0")[0], 64)
	return time.Duration((up - started/ticksPerSecond) * float64(time.Second))
}

// field finds one number after its name in a file of lines as in /proc/meminfo.
func field(path, name string) float64 {
	f, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), name+":"); ok {
			v, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return v
		}
	}
	return 0
}

// processors of this machine.
var processors = float64(runtime.NumCPU())

const kB = 1024. / 1e6 // MB in a unit of /proc

func residentMB(pid int) float64 { return field(fmt.Sprintf("/proc/%d/status", pid), "VmRSS") * kB }
func peakMB(pid int) float64     { return field(fmt.Sprintf("/proc/%d/status", pid), "VmHWM") * kB }

// diskReadMB is what a process made the disk read so far.
func diskReadMB(pid int) float64 { return field(fmt.Sprintf("/proc/%d/io", pid), "read_bytes") / 1e6 }

// sum adds up a figure of some processes.
func sum(pids []int, of func(int) float64) (all float64) {
	for _, pid := range pids {
		all += of(pid)
	}
	return all
}

// resetPeak makes peakMB count from now on.
func resetPeak(pid int) {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}

// stolen is the share of the machine's CPU time since before that its host gave to others; a virtual machine is slower by it. before is
// what cpuTimes gave.
func stolen(before [2]float64) float64 {
	now := cpuTimes()
	if now[1] == before[1] {
		return 0
	}
	return (now[0] - before[0]) / (now[1] - before[1])
}

// cpuTimes are the ticks stolen and all ticks that were not idle.
func cpuTimes() (t [2]float64) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return t
	}
	first, _, _ := strings.Cut(string(b), "\n")
	for i, text := range strings.Fields(first)[1:] {
		v, _ := strconv.ParseFloat(text, 64)
		switch i {
		case 3, 4: // idle, waiting for a disk
			continue
		case 7:
			t[0] = v
		}
		if i < 8 { // guests count as user already
			t[1] += v
		}
	}
	return t
}
