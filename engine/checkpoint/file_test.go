package checkpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

func sample() *State {
	return &State{
		Written: time.Date(2026, 11, 20, 16, 0, 0, 0, time.UTC),
		Variables: []Variable{
			{Name: "a", Frames: [][]byte{[]byte("a pickle"), make([]byte, 100)}},
			{Name: "names", GoType: "[]string", Frames: [][]byte{[]byte("another")}},
			{Name: "empty", Frames: [][]byte{{}}},
		},
		Functions: []Function{{"f", "func f() {}"}},
	}
}

func encoded(t testing.TB, s *State) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := s.encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A file has what was written, replaces the one before, and is the user's alone.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "engine-0")
	if _, err := Read(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	for _, s := range []*State{{}, sample()} {
		if err := s.Write(path); err != nil {
			t.Fatal(err)
		}
		got, err := Read(path)
		if err != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("read %+v, %v\nwrote %+v", got, err, s)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("beside it are %v, %v", entries, err)
	}
}

// A write that fails leaves what was there.
func TestWriteFails(t *testing.T) {
	dir := t.TempDir()
	if err := sample().Write(dir); err == nil { // a folder is in the place of the file
		t.Error("a folder was replaced")
	}
	if err := sample().Write(filepath.Join(dir, "file")); err != nil {
		t.Fatal(err)
	}
	if err := sample().Write(filepath.Join(dir, "file", "engine-0")); err == nil {
		t.Error("a file was taken for a folder")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("what is left: %v", entries)
	}
}

// What is damaged anywhere, or cut off, is refused.
func TestDamaged(t *testing.T) {
	whole := encoded(t, sample())
	for i := range whole {
		b := bytes.Clone(whole)
		b[i] ^= 0x40
		if _, err := decode(b); !errors.Is(err, ErrFormat) {
			t.Errorf("byte %d was changed: %v", i, err)
		}
		if _, err := decode(whole[:i]); !errors.Is(err, ErrFormat) {
			t.Errorf("cut after %d bytes: %v", i, err)
		}
	}
}

// sealed puts a right checksum at the end.
func sealed(b []byte) []byte {
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// A checksum that is right proves nothing: lengths are held against what is there.
func TestForged(t *testing.T) {
	for _, header := range []string{
		`{"variables":[{"name":"a","lengths":[18446744073709551615]}]}`,
		`{"variables":[{"name":"a","lengths":[4,1]}]}`,
		`{"variables":[{"name":"a","lengths":[3]}]}`,
		`{"variables":[{"name":"a","lengths":[-1]}]}`,
		`{"variables":3}`,
	} {
		b := binary.LittleEndian.AppendUint64([]byte(magic), uint64(len(header)))
		if _, err := decode(sealed(fmt.Appendf(b, "%s%s", header, "data"))); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", header, err)
		}
	}
	b := binary.LittleEndian.AppendUint64([]byte(magic), 1<<63)
	if _, err := decode(sealed(append(b, "{}"...))); !errors.Is(err, ErrFormat) {
		t.Errorf("a long header: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encoded(f, sample()))
	f.Add(encoded(f, new(State)))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 4 { // else nearly all would fail by the checksum
			b = sealed(b[:len(b)-4])
		}
		s, err := decode(b)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		if again, err := decode(encoded(t, s)); err != nil || !reflect.DeepEqual(again, s) {
			t.Fatalf("%+v became %+v, %v", s, again, err)
		}
	})
}
