package mpi

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
)

//go:embed shim.c
var shimC []byte

//go:embed shim.h
var shimH []byte

// Build compiles the shim with cc, an MPI compiler wrapper such as mpicc, and
// puts it at dst, all at once, so that nobody sees half of it. Empty, cc is
// the mpicc on PATH, and dst a place in the user's cache directory where Init
// looks. It returns where the shim is.
func Build(ctx context.Context, cc, dst string) (string, error) {
	if cc == "" {
		cc = "mpicc"
	}
	compiler, err := exec.LookPath(cc)
	if err != nil {
		return "", fmt.Errorf("mpi: build the shim: %w: install the MPI library's development files (Debian: libopenmpi-dev or libmpich-dev), load the MPI module of this site, or name the compiler wrapper", err)
	}
	if dst == "" {
		dir, err := cacheDir()
		if err != nil {
			return "", fmt.Errorf("mpi: build the shim: %w", err)
		}
		return buildCached(ctx, compiler, dir)
	}
	tmp, _, err := compile(ctx, compiler, filepath.Dir(dst))
	if err != nil {
		return "", err
	}
	if err := os.Rename(tmp, dst); err != nil {
		os.Remove(tmp)
		return "", fmt.Errorf("mpi: build the shim: %w", err)
	}
	return dst, nil
}

// compile compiles the shim into a new file in dir, and tells its flavour.
func compile(ctx context.Context, compiler, dir string) (file, flavour string, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("mpi: build the shim with %s: %w", compiler, err)
		}
	}()
	src, err := os.MkdirTemp("", "muster-mpi-")
	if err != nil {
		return "", "", err
	}
	defer os.RemoveAll(src)
	for name, text := range map[string][]byte{"shim.c": shimC, "shim.h": shimH} {
		if err := os.WriteFile(filepath.Join(src, name), text, 0o600); err != nil {
			return "", "", err
		}
	}
	out, err := os.CreateTemp(dir, ".libmuster-mpi-*.so")
	if err != nil {
		return "", "", err
	}
	out.Close()
	defer func() {
		if err != nil {
			os.Remove(out.Name())
		}
	}()
	cmd := exec.CommandContext(ctx, compiler, "-std=gnu11", "-shared", "-fPIC", "-O2", "-o", out.Name(), filepath.Join(src, "shim.c"))
	if text, err := cmd.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return "", "", fmt.Errorf("%w\n%s", err, text)
	}
	if flavour, err = inspect(out.Name()); err != nil {
		return "", "", err
	}
	return out.Name(), flavour, os.Chmod(out.Name(), 0o755)
}

// inspect reads the flavour from a shim's marker without loading the shim: two
// MPI libraries in one process would get into each other's way.
func inspect(path string) (flavour string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	const maxShim = 16 << 20 // a shim is about 20 kB
	text, err := io.ReadAll(io.LimitReader(f, maxShim))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	if flavour, err = inspectMarker(text); err != nil {
		return "", fmt.Errorf("%s %w", path, err)
	}
	return flavour, nil
}

var marker = regexp.MustCompile(`muster-mpi-shim abi=(\d{1,9}) flavour=([a-z]{1,16});`)

// inspectMarker finds what shim.c calls marker in the bytes of a shim.
func inspectMarker(text []byte) (flavour string, err error) {
	m := marker.FindSubmatch(text)
	if m == nil {
		return "", errors.New("is not an MPI shim")
	}
	if string(m[1]) != strconv.Itoa(abi) {
		return "", fmt.Errorf("has ABI %s, this program needs %d: build it anew (ipengine mpi build)", m[1], abi)
	}
	return string(m[2]), nil
}

// cacheDir is where the shims of this very source are kept, made if need be.
func cacheDir() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	sum.Write(shimC)
	sum.Write(shimH)
	dir := filepath.Join(base, "muster", fmt.Sprintf("mpi-%d-%s", abi, hex.EncodeToString(sum.Sum(nil)[:6])))
	return dir, os.MkdirAll(dir, 0o700)
}

// compilerID tells one mpicc from another, and from itself after an upgrade.
func compilerID(compiler string) (string, error) {
	path, err := filepath.EvalSymlinks(compiler)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	// The name counts too: Open MPI's mpicc is a link to one wrapper for all languages.
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%d\n%d", compiler, path, info.Size(), info.ModTime().UnixNano()))
	return hex.EncodeToString(sum[:6]), nil
}

// cached is the shim in dir that the compiler with the id has made, "" if none.
func cached(dir, id string) string {
	found, _ := filepath.Glob(filepath.Join(dir, "libmuster-mpi-*-"+id+".so")) // fails for a bad pattern only
	if len(found) == 0 {
		return ""
	}
	return found[0]
}

// buildCached returns the shim in dir that the compiler has made, or makes it.
// All processes of a job come here at once: one compiles, the others wait.
func buildCached(ctx context.Context, compiler, dir string) (string, error) {
	id, err := compilerID(compiler)
	if err != nil {
		return "", fmt.Errorf("mpi: build the shim: %w", err)
	}
	if path := cached(dir, id); path != "" {
		return path, nil
	}
	unlock, err := lock(ctx, filepath.Join(dir, "lock-"+id))
	if err != nil {
		return "", fmt.Errorf("mpi: build the shim: %w", err)
	}
	defer unlock()
	if path := cached(dir, id); path != "" {
		return path, nil
	}
	tmp, flavour, err := compile(ctx, compiler, dir)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, fmt.Sprintf("libmuster-mpi-%s-%s.so", flavour, id))
	if err := os.Rename(tmp, path); err != nil {
		return "", errors.Join(fmt.Errorf("mpi: build the shim: %w", err), os.Remove(tmp))
	}
	return path, nil
}
