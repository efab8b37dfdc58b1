// Package checkpoint keeps what is in an engine's namespace in a file, so that
// it outlives the engine: the variables, as they would travel to a client, and
// the functions that cells have defined, by their sources.
//
// A file is written in one step: it is the whole of one checkpoint, or that of
// the last time. Its layout, numbers little-endian:
//
//	"muster checkpoint 1\n"        20 bytes
//	length of the header           uint64
//	header                         JSON: State, with the lengths of all frames
//	frames                         one after the other
//	CRC-32C of all of the above    uint32
//
// In the cells of an engine, package checkpoint is what package engine gives them:
//
//	checkpoint.Save(path string) error   writes what cells have defined; tells on stderr what cannot be
//	checkpoint.Load(path string) error   has it be there again when the code that calls it has ended
//	checkpoint.File(dir string) string   a path of the engine's own: its successor has the same id
//
// The package imports the standard library. Its rule: what it reads is bounded by
// the size of the file, and nothing in it is run.
package checkpoint
