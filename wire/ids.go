package wire

import (
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
