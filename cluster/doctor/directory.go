package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// slowFile is how long it may take to make a file. A start makes some tens.
const slowFile = 500 * time.Millisecond

// directory: that of the profile is one's own, and files can be made in it.
func directory(_ context.Context, x *examination) []Finding {
	var found []Finding
	for _, dir := range []string{x.Profile.Dir, filepath.Join(x.Profile.Dir, "security"), filepath.Join(x.Profile.Dir, "pid")} {
		info, err := os.Stat(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue // made by the start, and private
		}
		if err != nil {
			found = append(found, failure("%v", err))
			continue
		}
		switch mode := info.Mode().Perm(); {
		case !info.IsDir():
			found = append(found, failure("%s is no directory", dir).because("connection files and logs are put there").remedy("move it away"))
		case mode&0o022 != 0:
			found = append(found, failure("%s has mode %04o: others can write to it", dir, mode).
				because("who can change the profile or its connection files can run code as you").remedy("chmod go-w %s", dir))
		case mode&0o077 != 0 && dir != x.Profile.Dir:
			found = append(found, failure("%s has mode %04o: others can look into it", dir, mode).
				because("who can read a connection file can run code as you; the files are private, their folder should be").remedy("chmod 700 %s", dir))
		case mode&0o077 != 0:
			found = append(found, warning("%s has mode %04o: others can look into it", dir, mode).
				because("what engines print need not be for everybody").remedy("chmod 700 %s", dir))
		}
	}
	begun := time.Now()
	if err := makeFile(x.Profile.Dir); err != nil {
		return append(found, failure("no file can be made in %s: %v", x.Profile.Dir, err).because("controller and engines find each other by files in it").
			remedy("give another directory (--profile-dir, or IPYTHONDIR), or the right to write to this one"))
	}
	took := time.Since(begun)
	if took > slowFile {
		found = append(found, warning("it took %v to make a file in %s", round(took), x.Profile.Dir).
			because("a start makes some tens of files").remedy("put the profile on a faster file system (--profile-dir, or IPYTHONDIR)"))
	}
	if len(found) > 0 {
		return found
	}
	return []Finding{ok("%s, a file made in %v", x.Profile.Dir, round(took))}
}

// makeFile makes a file as connection files are made, and removes it.
func makeFile(dir string) error {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return err
	}
	_, err = f.WriteString("{}\n")
	err = errors.Join(err, f.Close(), os.Rename(f.Name(), f.Name()+".json"))
	return errors.Join(err, os.Remove(f.Name()+".json"))
}

// round leaves two digits or three.
func round(d time.Duration) time.Duration {
	for unit := time.Second; unit >= time.Microsecond; unit /= 10 {
		if d >= unit {
			return d.Round(unit / 10)
		}
	}
	return d
}
