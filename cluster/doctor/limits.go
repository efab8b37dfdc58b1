package doctor

import (
	"context"
	"syscall"
)

// A controller has so many files open of its own, and for each engine and client:
// an engine makes eight connections, a client seven.
const (
	controllerFiles = 64
	engineFiles     = 8
	clientFiles     = 7
	someClients     = 10
)

// filesFor is how many files the controller of n engines has open.
func filesFor(n int) uint64 { return uint64(controllerFiles + engineFiles*n + clientFiles*someClients) }

// enginesFor is how many engines a controller has that many files for.
func enginesFor(files uint64) uint64 {
	own := filesFor(0)
	if files < own {
		return 0
	}
	return (files - own) / engineFiles
}

// limits: a controller may open a connection to each engine. Its own limit it
// raises by itself, as every Go program does, to what is allowed.
func limits(_ context.Context, x *examination) []Finding {
	most, err := openFiles()
	if err != nil {
		return []Finding{warning("%v", err).because("it is not known how many engines a controller can have")}
	}
	n := x.engines()
	const why = "a controller has eight connections to each engine"
	const do = "have the hard limit of open files raised (ulimit -Hn; limits.conf, or LimitNOFILE of systemd), or start the controller where it is higher"
	switch {
	case most < filesFor(n):
		return []Finding{failure("%d files may be open, which is enough for %d engines: %d engines need %d", most, enginesFor(most), n, filesFor(n)).because(why).remedy(do)}
	case most < filesFor(1000):
		return []Finding{warning("%d files may be open, which is enough for %d engines: 1000 engines need %d", most, enginesFor(most), filesFor(1000)).because(why).remedy(do)}
	}
	return []Finding{ok("%d files may be open (controllers raise their own limit): enough for %d engines", most, enginesFor(most))}
}

// openFiles is how many files a process may have open, when it has raised its limit.
func openFiles() (uint64, error) {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0, err
	}
	return uint64(l.Max), nil
}
