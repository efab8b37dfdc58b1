package site

import (
	"slices"
	"strconv"
	"strings"
)

// A Launcher is the command that starts a program on all nodes of a job, and its
// words for what can be asked of it. In the words {ranks}, {nodes}, {per_node}
// and {depth} stand for these numbers, {offset} for the first rank of a part,
// {name} and {value} for a variable, {file} for a file of host names.
type Launcher struct {
	Command []string `toml:"command"`
	Ranks   []string `toml:"ranks"`    // how many in all
	PerNode []string `toml:"per_node"` // how many on each node
	Depth   []string `toml:"depth"`    // how many cores, or threads, for each
	Bind    []string `toml:"bind"`     // keep each on its own
	Env     []string `toml:"env"`      // hand it one variable; none if it takes over the environment
	// Subrange starts the program on some of the ranks of the job, Hostfile on the
	// nodes that a file lists.
	Subrange []string `toml:"subrange"`
	Hostfile []string `toml:"hostfile"`
	// DepthCounts is what a depth counts, "cores" or "threads"; "" is cores.
	DepthCounts string `toml:"depth_counts"`
}

// words is the command for a plan.
func (l Launcher) words(p Plan, gpuBind []string) []string {
	all := slices.Clone(l.Command)
	for _, part := range [][]string{l.Ranks, l.PerNode} {
		all = append(all, part...)
	}
	if p.Depth > 0 {
		all = append(all, l.Depth...)
	}
	if len(gpuBind) > 0 {
		all = append(all, gpuBind...)
	} else {
		all = append(all, l.Bind...)
	}
	all = p.fill(all)
	for _, v := range p.Env {
		name, value, _ := strings.Cut(v, "=")
		for _, w := range l.Env {
			all = append(all, strings.NewReplacer("{name}", name, "{value}", value).Replace(w))
		}
	}
	return all
}

// Part returns the words that start a program on ranks of a job, from the given
// first one on: nil if the site's launcher has none for that.
func (l Launcher) Part(first, ranks int) []string {
	if len(l.Subrange) == 0 {
		return nil
	}
	words := slices.Concat(l.Command, l.Subrange)
	fill := strings.NewReplacer("{ranks}", strconv.Itoa(ranks), "{offset}", strconv.Itoa(first))
	for i, w := range words {
		words[i] = fill.Replace(w)
	}
	return words
}

// On returns the words that keep a launcher to the nodes that a file lists.
func (l Launcher) On(file string) []string {
	words := slices.Clone(l.Hostfile)
	for i, w := range words {
		words[i] = strings.ReplaceAll(w, "{file}", file)
	}
	return words
}
