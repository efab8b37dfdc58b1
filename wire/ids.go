package wire

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
)

// An EngineID is the small number a controller gives to an engine. Ids count
// up from 0 and are never reused while the controller lives; for engines that
// one MPI job registers alone, the id is the MPI rank.
type EngineID int

// An EngineUUID is the session id of an engine process. It is also its ZeroMQ
// identity on every channel and the name of its heart.
type EngineUUID string

// A MsgID names one message, and so the task that a request asks for. It is
// made of [A-Za-z0-9_-] only: Python engines build a variable name from it.
type MsgID string

// NewSessionID returns 128 random bits as ipyparallel writes them: 32 hex
// digits, split 8-24 by a hyphen.
func NewSessionID() string {
	var b [16]byte
	rand.Read(b[:])
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:]
}

// NewKey returns a random 256-bit key in hex, for [NewSession].
func NewKey() string {
	var b [32]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// NewInstance returns a name for one run of a controller: 8 random hex digits,
// the first of them a letter, so that a ping of Python's, a number, names none.
func NewInstance() string {
	const letters = "abcdef"
	var b [5]byte
	rand.Read(b[:])
	return letters[b[4]%6:][:1] + hex.EncodeToString(b[:4])[1:]
}

// InstanceOf returns the instance of the controller that sent a ping, which is
// "<instance>.<n>", or "" where it names none.
func InstanceOf(ping []byte) string {
	instance, _, found := bytes.Cut(ping, []byte("."))
	if !found || len(instance) != 8 || instance[0] < 'a' || instance[0] > 'f' {
		return ""
	}
	return string(instance)
}
