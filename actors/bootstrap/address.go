package bootstrap

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"troupe/actors/meta"
)

// MaxSeeds bounds a list of seeds or of addresses to join.
const MaxSeeds = 32

// Canonical is a list of addresses as all founders write it: names in lower case, sorted by host and port, each once.
//
// Errors: an address that is none, names no host or no port, or too many of them.
func Canonical(list []string) ([]string, error) {
	type address struct {
		host string
		port uint16
	}
	var all []address
	for _, a := range list {
		host, p, err := net.SplitHostPort(a)
		if err != nil {
			return nil, fmt.Errorf("address %q: want HOST:PORT, such as 127.0.0.1:9093", a)
		}
		port, err := strconv.ParseUint(p, 10, 16)
		if err != nil || port == 0 {
			return nil, fmt.Errorf("address %q: %q is not a port (1 to 65535)", a, p)
		}
		if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
			return nil, fmt.Errorf("address %q: it names no host that other brokers could reach", a)
		}
		all = append(all, address{strings.ToLower(host), uint16(port)})
	}
	slices.SortFunc(all, func(a, b address) int { return cmp.Or(cmp.Compare(a.host, b.host), cmp.Compare(a.port, b.port)) })
	var out []string
	for _, a := range slices.Compact(all) {
		out = append(out, net.JoinHostPort(a.host, strconv.Itoa(int(a.port))))
	}
	if len(out) > MaxSeeds {
		return nil, fmt.Errorf("%d addresses: at most %d are taken", len(out), MaxSeeds)
	}
	return out, nil
}

// endpoint is an address that Canonical has taken, as the metadata keep it.
func endpoint(address string) meta.Endpoint {
	host, p, _ := net.SplitHostPort(address) // checked where it came in
	port, _ := strconv.ParseUint(p, 10, 16)
	return meta.Endpoint{Name: meta.PeerListener, Host: host, Port: uint16(port)}
}
