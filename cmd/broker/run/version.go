package run

import "runtime/debug"

// Version is the program's version: what the module or the commit says.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && (v == "" || v == "(devel)") && len(s.Value) >= 12 {
			return "0.1.0-" + s.Value[:12]
		}
	}
	if v == "" || v == "(devel)" {
		return "0.1.0-devel"
	}
	return v
}
