// Package mpi lets engines, and the user code they run, talk to each other
// through the MPI library of the site: sums over all ranks, broadcasts,
// messages from rank to rank.
//
//	sum := make([]float64, 3)
//	err := mpi.World().Allreduce([]float64{1, 2, 3}, sum, mpi.Sum)
//
// # Buffers
//
// Methods take buffers as any, and tell them by kind, as the upper-case
// methods of mpi4py do; interpreted code, which cannot call generic functions,
// uses the same ones. A buffer is one of
//
//   - a slice of bool, int, int8 to int64, uint, uint8 (byte) to uint64,
//     float32, float64, complex64 or complex128, or of a type made from one;
//   - a pointer to such an element, or to an array of them;
//   - a *mat.Dense or *mat.CDense, as its Rows*Cols elements row by row, or a
//     *mat.VecDense; a view with a stride is packed and unpacked on the way;
//   - anything with a method Slice() any that returns such a slice.
//
// Memory is handed to MPI as it is, with no copy but that of a strided view,
// and only until the call returns. An array that receives has its final length
// beforehand: MPI allocates nothing. Send and receive buffers must not
// overlap; [InPlace] says that they are the same.
//
// # The world
//
// Until [Init], [World] is a [Solo]: a world of one, in pure Go, so that a
// program runs without MPI, and unchanged. Init finds the shim, a small C file
// that the site's own mpicc has compiled and that is opened at run time; no
// MPI is linked in. It looks, in this order,
//
//  1. at the path in Config.Shim, or else in the environment variable
//     MUSTER_MPI_SHIM (and then nowhere else);
//  2. beside the executable, for libmuster-mpi-openmpi.so or
//     libmuster-mpi-mpich.so, whichever belongs to the launcher;
//  3. in muster/ of the user's cache directory, for one that [Build] has made
//     with the mpicc on PATH, or, where there is none, with any; if there is
//     an mpicc but no shim of it, it is built there and then, once.
//
// The flavour is told from what the launcher put in the environment; where it serves
// several, that named in MUSTER_MPI_FLAVOUR is tried first. If a
// launcher has started several processes and MPI nevertheless finds itself
// alone, the shim is another MPI's, and Init fails instead of leaving every
// process to believe that it is rank 0 of 1.
//
// # Threads
//
// Init asks for MPI_THREAD_MULTIPLE. Where it is granted, a call is made by
// the calling goroutine, on whatever thread that runs, and costs 0.1 to 0.3 µs
// more than in C. Where less is granted, one goroutine, locked to its thread,
// makes every call, and the others hand theirs to it in turn; going there and
// back costs 7 to 25 µs, many times what a short message does, which is why
// this is not the rule. That goroutine also initialises and finalizes, so
// MPI's main thread (the one that called MPI_Init, MPI 4.0 section 11.6) is
// always at hand, and main need not be locked to its thread or serve anything.
//
// A call that is blocked in MPI cannot be interrupted: Recv returns when the
// message comes, or never. The process can only be ended. This is also why
// the methods of [Comm] take no context, while Init and Finalize, which wait
// for the other processes of the job, do: when the context ends they return,
// the call itself stays behind, and the process ought to exit.
//
// A rank that leaves a collective with an error before MPI was called (a
// length that does not fit, say) leaves the others waiting; [Comm.Abort] ends
// them all.
//
// # Waiting costs
//
// An engine that is not in a call uses no time. One that waits in a call
// polls, as MPI libraries do. Where a node has more ranks than cores, Open MPI
// yields between polls if mpirun was told --oversubscribe (or with
// OMPI_MCA_mpi_yield_when_idle=1). MPICH does not, so the shim starts the call
// and yields until it is done, if Hydra says that the node is so crowded: the
// sum of one number over 4 ranks on 2 cores takes about 0.1 ms so, and 9 ms
// otherwise.
//
// mpirun may bind a process to one core: GOMAXPROCS is 1 then. Bind to a
// socket (mpirun --bind-to socket) if ranks are to compute with goroutines.
//
// The room's rule: no C type in what is exported, and all arguments are
// checked before MPI sees them.
package mpi
