package mpi

/*
#cgo linux LDFLAGS: -ldl
#cgo nocallback muster_call
#cgo noescape muster_call

#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include "shim.h"

// MPI libraries, or what they are built on (UCX, libfabric, PSM), like to put
// signal handlers of their own, when they are loaded or initialised, over
// those of the Go runtime, which needs its signals to preempt goroutines and
// to turn faults into panics. What Go had there before is put back.
static struct sigaction muster_before[NSIG];

static void muster_save_signals(void) {
    for (int s = 1; s < NSIG; s++)
        if (sigaction(s, NULL, &muster_before[s])) muster_before[s].sa_handler = SIG_DFL;
}

static void muster_restore_signals(void) {
    struct sigaction now;
    for (int s = 1; s < NSIG; s++) {
        if (muster_before[s].sa_handler == SIG_DFL || muster_before[s].sa_handler == SIG_IGN) continue;
        if (!sigaction(s, NULL, &now) && now.sa_handler != muster_before[s].sa_handler)
            sigaction(s, &muster_before[s], NULL);
    }
}

static const muster_mpi *muster_open(const char *path, const char **why) {
    muster_save_signals();
    void *so = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    muster_restore_signals();
    const muster_mpi *(*table)(void);
    if (!so || !(table = (const muster_mpi *(*)(void))dlsym(so, "muster_mpi_table"))) {
        *why = dlerror();
        return NULL;
    }
    return table();
}

static muster_result muster_init(muster_function init, muster_args a) {
    muster_save_signals();
    muster_result r = init(&a);
    muster_restore_signals();
    return r;
}

static inline muster_result muster_call(muster_function f, muster_args a) { return f(&a); }
*/
import "C"

import (
	"fmt"
	"runtime"
	"strings"
	"unsafe"
)

// library is a shim that was opened, and with it the MPI library of the site.
// It is the only part of the package that C is called from.
type library struct {
	path  string
	table *C.muster_mpi

	direct   bool         // calls are made where they come from; set by init
	requests chan request // otherwise they go to the owner
	gate     gate         // calls pass it; finalize closes it
}

type (
	function = C.muster_function
	args     = C.muster_args
	result   = C.muster_result
)

// request is a call on its way to the owner.
type request struct {
	f     function
	a     args
	reply chan result
}

// openLibrary opens the shim at path and loads the MPI library with it, for as
// long as the process lives.
func openLibrary(path string) (*library, error) {
	if _, err := inspect(path); err != nil {
		return nil, err
	}
	cpath := C.CString(path)
	defer C.free(unsafe.Pointer(cpath))
	var why *C.char
	runtime.LockOSThread() // dlerror is the thread's
	defer runtime.UnlockOSThread()
	table := C.muster_open(cpath, &why)
	if table == nil {
		return nil, fmt.Errorf("open %s: %s", path, C.GoString(why))
	}
	if table.abi != abi || table.size != C.int32_t(unsafe.Sizeof(*table)) {
		return nil, fmt.Errorf("open %s: its table of functions is not that of ABI %d: build it anew (ipengine mpi build)", path, abi)
	}
	return &library{path: path, table: table, requests: make(chan request)}, nil
}

// do makes a call here, or has the owner make it.
func (l *library) do(f function, a args) result {
	if l.direct {
		return C.muster_call(f, a)
	}
	reply := make(chan result)
	l.requests <- request{f, a, reply}
	return <-reply
}

func invoke(f function, a args) result { return C.muster_call(f, a) }

// failure is the error for an error code, with MPI's own text; do is how to ask.
func (l *library) failure(name string, code C.int32_t, do func(function, args) result) error {
	text := make([]byte, 1024)
	r := do(l.table.error, args{tag: code, recv: unsafe.Pointer(&text[0]), recvn: C.int64_t(len(text))})
	if r.code != 0 {
		return fail(name, ErrOther, "error code %d, which MPI has no text for", code)
	}
	return &Error{Op: name, Class: Class(r.flag), Message: strings.TrimRight(string(text[:r.bytes]), " \n\x00")}
}

// version is the library's name and version, the first line of what it says it
// is: MPICH adds its compilers and their flags. It may be asked before init.
func (l *library) version() string {
	text := make([]byte, 8192)
	r := invoke(l.table.version, args{recv: unsafe.Pointer(&text[0]), recvn: C.int64_t(len(text))})
	line, _, _ := strings.Cut(strings.TrimRight(string(text[:r.bytes]), "\x00"), "\n")
	return strings.Join(strings.Fields(line), " ")
}

func (l *library) flavour() string { return C.GoString(l.table.flavour) }

// own initialises MPI on the calling goroutine's thread and reports; then it
// makes the calls that others hand to it, until stop is closed; then it
// finalizes and reports that. It does not return while MPI blocks. local is
// how many ranks share this node, 0 if they need not yield to each other.
func (l *library) own(ask Level, maxCount int64, local int, ready chan<- started, stop <-chan struct{}, finalized chan<- error) {
	runtime.LockOSThread() // for good: MPI ties things to the thread
	r := C.muster_init(l.table.init, args{op: C.int32_t(ask), recvn: C.int64_t(maxCount), sendn: C.int64_t(local)})
	if r.code != 0 {
		ready <- started{err: l.failure("Init", r.code, invoke)}
		return
	}
	granted := min(Level(r.flag), ask)
	l.direct = granted == ThreadMultiple
	world := invoke(l.table.world, args{})
	if world.code != 0 {
		ready <- started{err: l.failure("Init", world.code, invoke)}
		return
	}
	ready <- started{world: l.comm(world), level: granted}
	for {
		select {
		case q := <-l.requests:
			q.reply <- invoke(q.f, q.a)
		case <-stop:
			var err error
			if r := invoke(l.table.finalize, args{}); r.code != 0 {
				err = fail("Finalize", ErrOther, "error code %d", r.code)
			}
			finalized <- err
			return
		}
	}
}

// started is what own reports.
type started struct {
	world *communicator
	level Level
	err   error
}

// The numbers of Go and of shim.h must be the same; these lines compile only
// if the lists are as long as each other.
var (
	_ [C.MUSTER_KINDS]struct{}      = [kinds]struct{}{}
	_ [C.MUSTER_OPS]struct{}        = [BXor + 1]struct{}{}
	_ [C.MUSTER_MULTIPLE]struct{}   = [ThreadMultiple]struct{}{}
	_ [C.MUSTER_ERR_NO_MEM]struct{} = [ErrNoMemory]struct{}{}
	_ [-C.MUSTER_ANY]struct{}       = [-AnySource]struct{}{}
	_ [-C.MUSTER_PROC_NULL]struct{} = [-ProcNull]struct{}{}
	_ [-C.MUSTER_UNDEFINED]struct{} = [-Undefined]struct{}{}
)

const abi = C.MUSTER_MPI_ABI
