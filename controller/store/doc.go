// Package store keeps the records of tasks in an SQLite database, for a hub
// that does not keep them in memory.
//
// A [Store] is given the hub's changes of records ([Store.Keep]) and its
// questions ([Store.Find]), and waits for neither. One goroutine writes: what
// has come within 50 ms becomes one transaction, and the changes of one task
// one row. Queries are answered from connections of their own, after what came
// before them has been written. The operators are those of package hub, the
// same as in memory; SQL only spares looking at rows that cannot match.
//
// # The file
//
// The table "ipython-tasks" has a row for each task, with the columns of
// ipyparallel's own SQLite backend (protocol section 8):
//
//	header metadata content  result_header ..    JSON text, the bytes that were sent
//	submitted started completed received         ISO 8601 in UTC, sorts as text
//	buffers result_buffers                       pickled list of bytes, null for none
//	label                                        text; other JSON than a string as a blob
//	the others                                   text
//
// Tasks of one broadcast share their buffers: there the column holds the text
// under which the table "ipython-broadcasts" has them, once.
//
// A row is there from the request on, some tens of milliseconds later. So of a
// controller that was killed the file tells which tasks had come and which of
// them have no answer (received is null); what they were asked, byte for byte:
// header, metadata, content and buffers are the frames of the request, but for
// its signature; who asked (client_uuid) and which engine had it
// (engine_uuid). Key and ports are in the connection files, which a killed
// controller leaves behind.
//
// # What a killed controller leaves
//
// The rest of what it takes to restore one is in tables of their own, since
// another column would make the first one a stranger's to ipyparallel:
//
//	muster-run      after which row of the records the present run began
//	muster-engines  uuid, id, whether it keeps replies, whether it is gone
//	muster-tries    of a task that may be tried again: retries left, engines that
//	                it does not go to, how engines died that ran it
//
// Rows lag behind by a commit. That is harmless for what clients and engines keep
// until it is acknowledged ([Config.Committed]), and for nothing else. So what
// decides whether a task may be run again is noted in a journal before it
// happens, in two files beside the database, "-sent0" and "-sent1": that a
// request is sent to an engine ([Store.Sent]), that a client is told an outcome
// ([Store.Ended]), that an engine has come or gone ([Store.Enlist]). A note is one
// write, which survives the process; lines are dropped when rows tell as much.
// [Restore] puts both together.
//
// # What goes wrong
//
// A file that cannot be used is an error of [Open]. While a file cannot be
// written (locked, or the disk is full), changes wait within a bound and are
// tried again every second; beyond the bound they are lost, which is logged
// once and told to whoever asks for a record that is not there. A controller
// that is killed then cannot be restored without loss.
//
// The package imports hub, wire and the binding of SQLite, which is compiled
// in: a node needs no library of it. Its rule: it decides nothing about tasks.
package store
