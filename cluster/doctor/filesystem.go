package doctor

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"
)

// ofOneMachine are file systems that no other machine sees.
var ofOneMachine = []string{"tmpfs", "ramfs", "ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "overlay", "f2fs"}

// filesystem: of what kind that of the profile is, and that files can be locked on it.
func filesystem(_ context.Context, x *examination) []Finding {
	kind, at := mounted(x.Profile.Dir)
	var found []Finding
	if x.profile.Engines.Batch() != nil && slices.Contains(ofOneMachine, kind) {
		found = append(found, warning("%s is on %s (%s), which other machines do not see unless they mount it", x.Profile.Dir, kind, at).
			because("engines on nodes read the connection file there").remedy("put the profile on a shared file system%s; the job of this doctor tells whether nodes see it (--job)", x.shared()))
	}
	if err := lockTwice(x.Profile.Dir); err != nil {
		found = append(found, warning("files cannot be locked on %s (%s): %v", kind, at, err).
			because("two starts at the same moment are told apart by a lock, and so is who writes to the tasks' database").
			remedy("do not start one cluster twice at once; keep the database elsewhere: controller.db_file"))
	}
	if len(found) > 0 {
		return found
	}
	return []Finding{ok("%s (%s), with locks", kind, at)}
}

// shared names the place that the site has for profiles.
func (x *examination) shared() string {
	if root := x.profile.Site.Files.Root; root != "" {
		return " (IPYTHONDIR=" + root + "/ipython)"
	}
	return " (--profile-dir, or IPYTHONDIR)"
}

// mounted tells the kind of the file system that a path is on, and where it is
// mounted; "a file system" where the system does not tell (proc(5), mountinfo).
func mounted(path string) (kind, at string) {
	kind = "a file system"
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return kind, path
	}
	return mountOf(string(table), path)
}

// mountOf finds the mount of a path: the last of the longest that it is below.
func mountOf(table, path string) (kind, at string) {
	kind = "a file system"
	for line := range strings.Lines(table) {
		before, after, _ := strings.Cut(line, " - ")
		fields, types := strings.Fields(before), strings.Fields(after)
		if len(fields) < 5 || len(types) == 0 {
			continue
		}
		point := unescape.Replace(fields[4])
		if below := path == point || strings.HasPrefix(path, strings.TrimSuffix(point, "/")+"/"); below && len(point) >= len(at) {
			kind, at = types[0], point
		}
	}
	return kind, at
}

var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\134`, `\`)

// lockTwice locks a file, and has to be refused when it locks it again.
func lockTwice(dir string) error {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return nil // what is wrong is for check directory
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return os.NewSyscallError("flock", err)
	}
	again, err := os.Open(f.Name())
	if err != nil {
		return err
	}
	defer again.Close()
	if err := syscall.Flock(int(again.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
		return errIneffective
	}
	return nil
}

var errIneffective = errors.New("a lock does not keep the next one from being had")
