package cluster

import "os"

// tunables is read by glibc 2.35 and later, and by no other C library.
const tunables = "GLIBC_TUNABLES"

// Environment is what a cluster adds to the environment of its controller and
// its engines: "NAME=value".
//
// Large messages are received into memory that is fresh from the system, which
// finds and clears it as it is touched. By huge pages that takes a fraction of
// the time, and an array arrives in half of it. Many systems give them only to
// programs that ask; by this setting malloc asks, for blocks that are as large
// (GNU C Library manual, "Memory Allocation Tunables"). Users who have settings
// of their own keep them.
func Environment() []string {
	if _, set := os.LookupEnv(tunables); set {
		return nil
	}
	return []string{tunables + "=glibc.malloc.hugetlb=1"}
}
