// Package wire holds a message as both ends of a Muster connection see it:
// the Jupyter message that ipyparallel speaks, its signature, and the
// connection file that tells a peer where to send it.
//
// A message travels as a sequence of frames:
//
//	[identity]* | <IDS|MSG> | signature | header | parent_header | metadata | content | buffer*
//
// The four dicts are UTF-8 JSON objects, the signature is the lower-case hex
// HMAC of their exact bytes, and buffers are raw and unsigned (Jupyter message
// specification 5.3, "The Wire Protocol"). [Session] makes and checks such
// sequences; [Message] is one of them taken apart.
//
// The package imports the standard library alone and never logs. Its rule:
// each layout is drawn in a comment, and each decoder has a fuzz test.
package wire
