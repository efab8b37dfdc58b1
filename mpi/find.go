package mpi

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// ShimEnv is the environment variable that names the shim to open.
const ShimEnv = "MUSTER_MPI_SHIM"

// FlavourEnv is the environment variable that names the flavour to try first,
// where a site has several and the launcher serves more than one.
const FlavourEnv = "MUSTER_MPI_FLAVOUR"

// search looks for a shim in one place after the other, as the package comment
// says, and remembers what was wrong with each.
type search struct {
	flavours []string // those that fit the launcher, the likeliest first
	exeDir   string
	cacheDir string
	lookPath func(string) (string, error)
	tried    []string
}

// find opens the shim at path or, if that is empty, the first that fits.
func find(ctx context.Context, path string) (*library, error) {
	if path == "" {
		path = os.Getenv(ShimEnv)
	}
	if path != "" {
		path, err := filepath.Abs(path) // dlopen looks elsewhere for a bare name
		if err != nil {
			return nil, fmt.Errorf("mpi: open the shim: %w", err)
		}
		lib, err := openLibrary(path)
		if err != nil {
			return nil, fmt.Errorf("mpi: %w (Config.Shim or %s names it; clear that to search for one)", err, ShimEnv)
		}
		return lib, nil
	}
	job, _ := Launched()
	s := &search{flavours: preferred(job.Flavours, os.Getenv(FlavourEnv)), lookPath: exec.LookPath}
	if exe, err := os.Executable(); err != nil {
		s.note("beside the executable: %v", err)
	} else {
		s.exeDir = filepath.Dir(exe)
	}
	var err error
	if s.cacheDir, err = cacheDir(); err != nil {
		s.note("the cache: %v", err)
		s.cacheDir = ""
	}
	for path := range s.candidates(ctx) {
		lib, err := openLibrary(path)
		if err == nil {
			return lib, nil
		}
		s.note("%v", err)
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("mpi: find a shim: %w", context.Cause(ctx))
	}
	return nil, s.failure()
}

// preferred puts a flavour first, if it is one of those that fit.
func preferred(flavours []string, first string) []string {
	if !slices.Contains(flavours, first) {
		return flavours
	}
	others := slices.DeleteFunc(slices.Clone(flavours), func(f string) bool { return f == first })
	return append([]string{first}, others...)
}

func (s *search) note(format string, args ...any) {
	s.tried = append(s.tried, fmt.Sprintf(format, args...))
}

// failure is the error when no candidate would do.
func (s *search) failure() error {
	return fmt.Errorf("mpi: there is no usable shim for %s; tried:\n  %s\nload the MPI module of this site, then run: ipengine mpi build (or name a shim in %s)",
		strings.Join(s.flavours, " or "), strings.Join(s.tried, "\n  "), ShimEnv)
}

// candidates yields the shims to try, building one where it comes to that.
func (s *search) candidates(ctx context.Context) iter.Seq[string] {
	return func(yield func(string) bool) {
		if s.exeDir != "" {
			for _, flavour := range s.flavours {
				path := filepath.Join(s.exeDir, "libmuster-mpi-"+flavour+".so")
				if _, err := os.Stat(path); err != nil {
					s.note("%v", err)
				} else if !yield(path) {
					return
				}
			}
		}
		if s.cacheDir == "" {
			return
		}
		built := make(map[string]bool)
		for _, flavour := range s.flavours {
			path := s.build(ctx, flavour)
			if path != "" && !built[path] && !yield(path) {
				return
			}
			built[path] = true
		}
		for _, flavour := range s.flavours {
			found, _ := filepath.Glob(filepath.Join(s.cacheDir, "libmuster-mpi-"+flavour+"-*.so")) // fails for a bad pattern only
			for _, path := range found {
				if !built[path] && !yield(path) {
					return
				}
			}
		}
	}
}

// build is the shim of the mpicc for a flavour, made now if it is not in the
// cache; "" if there is none.
func (s *search) build(ctx context.Context, flavour string) string {
	compiler, err := s.lookPath("mpicc." + flavour) // as Debian names them
	if err != nil {
		compiler, err = s.lookPath("mpicc")
	}
	if err != nil {
		if !errors.Is(err, exec.ErrNotFound) {
			s.note("%v", err)
		} else if note := "mpicc." + flavour + " and mpicc: not on PATH"; !slices.Contains(s.tried, note) {
			s.note("%s", note)
		}
		return ""
	}
	path, err := buildCached(ctx, compiler, s.cacheDir)
	if err != nil {
		s.note("%v", err)
		return ""
	}
	if got, err := inspect(path); err != nil {
		s.note("%v", err)
		return ""
	} else if !slices.Contains(s.flavours, got) {
		s.note("%s is that of %s", compiler, got)
		return ""
	}
	return path
}
