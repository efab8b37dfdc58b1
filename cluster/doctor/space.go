package doctor

import (
	"context"
	"fmt"
	"os"
	"syscall"
)

const (
	littleSpace = 1 << 30 // bytes, below which a warning is due
	noSpace     = 16 << 20
	fewFiles    = 1000
)

// space: there is room for files, and the right to it.
func space(_ context.Context, x *examination) []Finding {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(x.Profile.Dir, &fs); err != nil {
		return []Finding{warning("%s: %v", x.Profile.Dir, os.NewSyscallError("statfs", err)).because("it is not known how much room there is")}
	}
	free := uint64(fs.Bavail) * uint64(fs.Bsize)
	const why = "logs, connection files and the tasks' database need room"
	const do = "make room, or put the profile elsewhere (--profile-dir, or IPYTHONDIR)"
	// What is free may not be free for this user: only a write tells of a quota.
	if err := fill(x.Profile.Dir); err != nil {
		return []Finding{failure("a file of 1 MiB cannot be written to %s, where %s are free: %v", x.Profile.Dir, bytes(free), err).because(why).remedy("look at your quota; " + do)}
	}
	left := bytes(free) + " free"
	if fs.Files > 0 {
		left += fmt.Sprintf(", room for %d files", fs.Ffree)
	}
	switch {
	case free < noSpace:
		return []Finding{failure("%s", left).because(why).remedy(do)}
	case free < littleSpace, fs.Files > 0 && fs.Ffree < fewFiles:
		return []Finding{warning("%s", left).because(why).remedy(do)}
	}
	return []Finding{ok("%s", left)}
}

// fill writes a megabyte, and removes it.
func fill(dir string) error {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return nil // what is wrong is for check directory
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := f.Write(make([]byte, 1<<20)); err != nil {
		return err
	}
	return f.Sync() // some file systems tell of a quota no earlier
}

// bytes is a number of bytes in words, as in "1.5 GiB".
func bytes(n uint64) string {
	for i, unit := range []string{"TiB", "GiB", "MiB"} {
		if size := uint64(1) << (40 - 10*i); n >= size {
			return fmt.Sprintf("%.1f %s", float64(n)/float64(size), unit)
		}
	}
	return fmt.Sprintf("%d KiB", n>>10)
}
