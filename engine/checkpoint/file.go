package checkpoint

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"time"
)

// A State is what a checkpoint holds.
type State struct {
	Written   time.Time  `json:"written"`
	Variables []Variable `json:"variables"`
	Functions []Function `json:"functions"`
}

// A Variable is one as it travels: frames of package wire/pickle, and its Go type
// as wire.GoType has it, where frames do not tell.
type Variable struct {
	Name   string   `json:"name"`
	GoType string   `json:"go_type,omitempty"`
	Frames [][]byte `json:"-"`
	// Lengths are those of the frames.
	Lengths []uint64 `json:"lengths"`
}

// A Function is the source of one.
type Function struct {
	Name   string `json:"name"`
	Source string `json:"source"`
}

const (
	magic     = "muster checkpoint 1\n"
	maxHeader = 64 << 20 // bytes
)

// ErrFormat says that a file is no checkpoint, or is damaged.
var ErrFormat = errors.New("not a checkpoint, or a damaged one")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Write writes a file in one step, mode 0600, and the folder where it is missing,
// mode 0700. It returns when the file is on disk.
func (s *State) Write(path string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("checkpoint: write: %w", err)
		}
	}()
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".checkpoint-*") // mode 0600
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	err = errors.Join(s.encode(w), w.Flush())
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close()) // or the name may be lost with the machine
}

// encode writes the bytes of a file.
func (s *State) encode(to io.Writer) error {
	sum := crc32.New(castagnoli)
	w := io.MultiWriter(to, sum)
	for i := range s.Variables {
		v := &s.Variables[i]
		v.Lengths = make([]uint64, len(v.Frames))
		for k, f := range v.Frames {
			v.Lengths[k] = uint64(len(f))
		}
	}
	header, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if len(header) > maxHeader {
		return fmt.Errorf("the names and sources take %d MiB, and may take %d", len(header)>>20, maxHeader>>20)
	}
	frames := [][]byte{[]byte(magic), binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header}
	for _, v := range s.Variables {
		frames = append(frames, v.Frames...)
	}
	for _, f := range frames {
		if _, err := w.Write(f); err != nil {
			return err
		}
	}
	_, err = to.Write(binary.LittleEndian.AppendUint32(nil, sum.Sum32()))
	return err
}

// Read reads a file. That there is none is an fs.ErrNotExist, and anything but a
// whole checkpoint an ErrFormat.
func Read(path string) (*State, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: read: %w", err)
	}
	s, err := decode(b)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: read %s: %w", path, err)
	}
	return s, nil
}

// decode reads the bytes of a file, of which the frames are parts.
func decode(b []byte) (*State, error) {
	const tail = 4
	rest, is := bytes.CutPrefix(b, []byte(magic))
	switch {
	case !is:
		return nil, fmt.Errorf("%w: it does not begin as one of version 1", ErrFormat)
	case len(rest) < 8+tail:
		return nil, fmt.Errorf("%w: it ends early", ErrFormat)
	case binary.LittleEndian.Uint32(b[len(b)-tail:]) != crc32.Checksum(b[:len(b)-tail], castagnoli):
		return nil, fmt.Errorf("%w: the checksum is another", ErrFormat)
	}
	n, rest := binary.LittleEndian.Uint64(rest), rest[8:len(rest)-tail]
	if n > maxHeader || n > uint64(len(rest)) {
		return nil, fmt.Errorf("%w: a header of %d bytes", ErrFormat, n)
	}
	s := new(State)
	if err := json.Unmarshal(rest[:n], s); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrFormat, err)
	}
	rest = rest[n:]
	for i := range s.Variables {
		v := &s.Variables[i]
		for _, n := range v.Lengths {
			if n > uint64(len(rest)) {
				return nil, fmt.Errorf("%w: variable %q has more than there is", ErrFormat, v.Name)
			}
			v.Frames = append(v.Frames, rest[:n:n])
			rest = rest[n:]
		}
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%w: %d bytes belong to nothing", ErrFormat, len(rest))
	}
	return s, nil
}
