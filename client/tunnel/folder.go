package tunnel

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

// A folder holds the sockets of a tunnel. Only the user may enter it. A shell
// guards it: when the folder is closed, or this process ends, it runs what is in
// the file "end" and removes the folder, and other files.
type folder struct {
	path  string
	guard *exec.Cmd
	life  io.Closer // the guard waits for its end
}

// guardScript is run by /bin/sh. A terminal's signals are meant for others.
const guardScript = `trap '' HUP INT QUIT TERM
read -r _
if [ -f "$0/end" ]; then . "$0/end"; fi >/dev/null 2>&1
rm -rf "$0" "$@"
`

// maxBase is how long the path of a folder's parent may be. A Unix socket's path has
// 104 bytes on some systems, its end included, and ssh writes its own with 17
// more before it gives it its name.
const maxBase = 104 - 1 - len("/muster-1234567890") - len("/ssh.1234567890123456")

// plainPath is of what neither ssh nor ZeroMQ takes any character for something else.
var plainPath = regexp.MustCompile(`^/[A-Za-z0-9/._+-]*$`)

// newFolder makes a folder with which other files are removed. held stays open until then.
func newFolder(files []string, held *os.File) (*folder, error) {
	base := "/tmp"
	for _, dir := range []string{os.Getenv("XDG_RUNTIME_DIR"), os.TempDir()} {
		if info, err := os.Stat(dir); err == nil && info.IsDir() && len(dir) <= maxBase && plainPath.MatchString(dir) {
			base = dir
			break
		}
	}
	path, err := os.MkdirTemp(base, "muster-") // mode 0700
	if err != nil && base != "/tmp" {
		path, err = os.MkdirTemp("/tmp", "muster-")
	}
	if err != nil {
		return nil, fmt.Errorf("make a folder for sockets: %w", err)
	}
	f := &folder{path: path, guard: exec.Command("/bin/sh", append([]string{"-c", guardScript, path}, files...)...)}
	f.guard.Dir = "/"
	if held != nil {
		f.guard.ExtraFiles = []*os.File{held}
	}
	f.life, err = f.guard.StdinPipe()
	if err == nil {
		err = f.guard.Start()
	}
	if err != nil {
		os.RemoveAll(path)
		return nil, fmt.Errorf("guard %s: %w", path, err)
	}
	return f, nil
}

// file is the path of one in the folder.
func (f *folder) file(name string) string { return filepath.Join(f.path, name) }

// atEnd has the guard run a line of shell in the end; "" is nothing.
func (f *folder) atEnd(line string) error {
	next := f.file("end.next")
	if err := os.WriteFile(next, []byte(line+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(next, f.file("end"))
}

// close returns when the folder is gone.
func (f *folder) close() error {
	f.life.Close()
	if err := f.guard.Wait(); err != nil {
		return fmt.Errorf("tunnel: clear %s: %w", f.path, err)
	}
	return nil
}
