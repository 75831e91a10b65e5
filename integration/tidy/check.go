package tidy

import "sort"

// A Check reports what breaks one rule in one file.
type Check struct {
	Name string
	Run  func(*File) []Breach
}

// Checks are all rules that look at one Go file.
var Checks = []Check{
	{"floors", checkFloors},
	{"homes", checkHomes},
	{"sizes", checkSizes},
	{"actors", checkActors},
	{"cores", checkCore},
	{"messages", checkMessages},
	{"inits", checkInit},
	{"unfinished", checkUnfinished},
	{"documented", checkDocumented},
}

// All runs every rule over the files; breaches come in order of file and line.
func All(files []*File) []Breach {
	var out []Breach
	for _, f := range files {
		out = append(out, checkNames(f)...)
		out = append(out, checkMachinePaths(f)...)
		if f.AST == nil {
			continue
		}
		for _, check := range Checks {
			out = append(out, check.Run(f)...)
		}
	}
	out = append(out, checkPackageDocs(files)...)
	sort.SliceStable(out, func(i, j int) bool {
		if out[i].Path != out[j].Path {
			return out[i].Path < out[j].Path
		}
		return out[i].Line < out[j].Line
	})
	return out
}
